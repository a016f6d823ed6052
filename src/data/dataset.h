#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "crypto/merkle.h"

namespace ginn::data {

// What a dataset's root binds besides the records themselves.
struct DatasetFacts {
  uint64_t records = 0;
  uint32_t height = 0;  // pixels
  uint32_t width = 0;
  uint32_t channels = 0;
  uint32_t classes = 0;   // labels are in [0, classes)
  crypto::Digest tree{};  // Merkle root over the raw records

  bool operator==(const DatasetFacts&) const = default;
  // A raw record: label (u16, little-endian), then pixels (u8) in H, W, C order.
  size_t record_bytes() const { return 2 + size_t{height} * width * channels; }
  // SHA-256("ginn dataset v1" 00 || records u64 || height u32 || width u32 || channels u32 ||
  // classes u32 || "u8hwc" 00 || tree), integers little-endian. This is `root` in job files.
  crypto::Digest root() const;
};

// Limits that every dataset keeps: records in [1, 2^31), height and width in [1, 4096], channels in
// [1, 16], classes in [2, 65536), record_bytes() <= 2^24. Code "dataset_limits".
Status check_limits(const DatasetFacts& facts);

// Raw records by index. Implementations: in memory (the worker's), or a file whose every record is
// checked against its leaf digest when it is read (the verifier's).
class RecordSource {
 public:
  virtual ~RecordSource() = default;
  virtual const DatasetFacts& facts() const = 0;
  // Copies record `index` into `out` (record_bytes() bytes). Thread-safe. Code "record_mismatch"
  // when the bytes read are not those that the root binds, "record_unreadable" when they cannot be
  // read.
  virtual Status read(uint64_t index, std::span<uint8_t> out) const = 0;
  // Leaf digests of all records: of each one read, unless the source keeps them. Codes: read's.
  virtual Result<std::vector<crypto::Digest>> leaves() const;
};

// All records in memory; computes the facts' tree.
class MemoryRecords final : public RecordSource {
 public:
  // `records`: records x record_bytes() bytes; facts.tree is computed here. Labels are checked
  // against classes: code "label_range" naming the record. Codes too: "dataset_limits",
  // "dataset_size".
  static Result<std::unique_ptr<MemoryRecords>> create(DatasetFacts facts, Bytes records);
  const DatasetFacts& facts() const override { return facts_; }
  Status read(uint64_t index, std::span<uint8_t> out) const override;
  ByteView bytes() const { return records_; }

 private:
  MemoryRecords(DatasetFacts facts, Bytes records) : facts_(facts), records_(std::move(records)) {}
  DatasetFacts facts_;
  Bytes records_;
};

// A file of raw records on an untrusted disk. create() reads it once, hashes every record in
// private memory, checks labels and facts.tree and keeps the leaf digests (32 bytes a record);
// read() reads by pread, hashes and compares. Codes of create(): "dataset_limits",
// "record_unreadable", "dataset_size", "label_range", "dataset_root_mismatch".
class FileRecords final : public RecordSource {
 public:
  static Result<std::unique_ptr<FileRecords>> create(const DatasetFacts& facts,
                                                     const std::filesystem::path& path);
  ~FileRecords() override;
  const DatasetFacts& facts() const override { return facts_; }
  Status read(uint64_t index, std::span<uint8_t> out) const override;
  Result<std::vector<crypto::Digest>> leaves() const override { return leaves_; }

 private:
  FileRecords(const DatasetFacts& facts,
              std::string name,
              int descriptor,
              std::vector<crypto::Digest> leaves)
      : facts_(facts),
        name_(std::move(name)),
        descriptor_(descriptor),
        leaves_(std::move(leaves)) {}
  DatasetFacts facts_;
  std::string name_;  // of the file, printable
  int descriptor_;
  std::vector<crypto::Digest> leaves_;
};

}  // namespace ginn::data
