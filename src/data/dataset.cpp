#include "data/dataset.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "base/text.h"

namespace ginn::data {

namespace {

constexpr size_t kBlockBytes = size_t{1} << 20;

Error limit_error(std::string_view what, uint64_t found, std::string_view allowed) {
  return input_error("dataset_limits",
                     concat("dataset: ", what, " is ", found, ", allowed is ", allowed));
}

uint32_t label_of(ByteView record) { return record[0] | (static_cast<uint32_t>(record[1]) << 8); }

Status check_label(const DatasetFacts& facts, uint64_t index, ByteView record) {
  const uint32_t label = label_of(record);
  if (label < facts.classes) return ok_status();
  return input_error("label_range",
                     concat("record ",
                            index,
                            ": its label is ",
                            label,
                            ", expected below ",
                            facts.classes,
                            " (the number of classes)"));
}

// Appends the leaves of the whole records in `block`, the first of which has index leaves.size().
Status append_leaves(const DatasetFacts& facts,
                     ByteView block,
                     std::vector<crypto::Digest>& leaves) {
  const size_t size = facts.record_bytes();
  for (size_t at = 0; at < block.size(); at += size) {
    const ByteView record = block.subspan(at, size);
    GINN_TRY(check_label(facts, leaves.size(), record));
    leaves.push_back(crypto::merkle_leaf(record));
  }
  return ok_status();
}

// Fills `out` from `offset`; false with `found` bytes when the file ends early or reading fails.
bool read_at(int descriptor, uint64_t offset, std::span<uint8_t> out, size_t& found) {
  found = 0;
  while (found < out.size()) {
    const ssize_t count = ::pread(
        descriptor, out.data() + found, out.size() - found, static_cast<off_t>(offset + found));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    if (count == 0) {
      errno = 0;
      return false;
    }
    found += static_cast<size_t>(count);
  }
  return true;
}

Error unreadable(std::string_view path, uint64_t offset, size_t found, size_t expected) {
  const int code = errno;
  return environment_error("record_unreadable",
                           concat(path,
                                  ": at offset ",
                                  offset,
                                  ": ",
                                  expected,
                                  " bytes expected, ",
                                  found,
                                  " read: ",
                                  code == 0 ? "the file ends there" : std::strerror(code),
                                  "; restore the records file and start again"));
}

// A descriptor that closes itself until release().
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return value_; }
  int release() { return std::exchange(value_, -1); }

 private:
  int value_;
};

Status check_size(int descriptor, const DatasetFacts& facts, std::string_view path) {
  struct stat info {};
  if (::fstat(descriptor, &info) != 0 || !S_ISREG(info.st_mode)) {
    return input_error("record_unreadable",
                       concat(path, ": not a regular file; give the file of raw records"));
  }
  const uint64_t expected = facts.records * facts.record_bytes();  // < 2^31 * 2^24
  const uint64_t found = static_cast<uint64_t>(info.st_size);
  if (found == expected) return ok_status();
  return input_error("dataset_size",
                     concat(path,
                            ": ",
                            found,
                            " bytes found, ",
                            expected,
                            " expected (",
                            facts.records,
                            " records of ",
                            facts.record_bytes(),
                            " bytes); write the records file again"));
}

Result<std::vector<crypto::Digest>> hash_file(int descriptor,
                                              const DatasetFacts& facts,
                                              std::string_view path) {
  const size_t size = facts.record_bytes();
  const uint64_t block_records = std::max<uint64_t>(1, kBlockBytes / size);
  Bytes block(std::min(block_records, facts.records) * size);
  std::vector<crypto::Digest> leaves;
  leaves.reserve(facts.records);
  while (leaves.size() < facts.records) {
    const uint64_t first = leaves.size();
    const uint64_t count = std::min(block_records, facts.records - first);
    const std::span<uint8_t> part(block.data(), count * size);
    size_t found = 0;
    if (!read_at(descriptor, first * size, part, found)) {
      return unreadable(path, first * size, found, part.size());
    }
    GINN_TRY(append_leaves(facts, part, leaves));
  }
  return leaves;
}

}  // namespace

crypto::Digest DatasetFacts::root() const {
  ByteWriter writer;
  writer.text("ginn dataset v1");
  writer.u8(0);
  writer.u64(records);
  writer.u32(height);
  writer.u32(width);
  writer.u32(channels);
  writer.u32(classes);
  writer.text("u8hwc");
  writer.u8(0);
  writer.bytes(tree);
  return crypto::sha256(writer.view());
}

Status check_limits(const DatasetFacts& facts) {
  if (facts.records < 1 || facts.records >= uint64_t{1} << 31) {
    return limit_error("the number of records", facts.records, "1 to 2147483647");
  }
  if (facts.height < 1 || facts.height > 4096) {
    return limit_error("the height", facts.height, "1 to 4096 pixels");
  }
  if (facts.width < 1 || facts.width > 4096) {
    return limit_error("the width", facts.width, "1 to 4096 pixels");
  }
  if (facts.channels < 1 || facts.channels > 16) {
    return limit_error("the number of channels", facts.channels, "1 to 16");
  }
  if (facts.classes < 2 || facts.classes > 65535) {
    return limit_error("the number of classes", facts.classes, "2 to 65535");
  }
  // <= 2 + 2^12 * 2^12 * 2^4, far below 2^64.
  if (facts.record_bytes() > size_t{1} << 24) {
    return limit_error("the size of a record", facts.record_bytes(), "at most 16777216 bytes");
  }
  return ok_status();
}

Result<std::vector<crypto::Digest>> RecordSource::leaves() const {
  std::vector<crypto::Digest> leaves;
  Bytes record(facts().record_bytes());
  for (uint64_t i = 0; i < facts().records; ++i) {
    GINN_TRY(read(i, record));
    leaves.push_back(crypto::merkle_leaf(record));
  }
  return leaves;
}

Result<std::unique_ptr<MemoryRecords>> MemoryRecords::create(DatasetFacts facts, Bytes records) {
  GINN_TRY(check_limits(facts));
  const uint64_t expected = facts.records * facts.record_bytes();
  if (records.size() != expected) {
    return input_error("dataset_size",
                       concat("dataset: ",
                              records.size(),
                              " bytes of records found, ",
                              expected,
                              " expected (",
                              facts.records,
                              " records of ",
                              facts.record_bytes(),
                              " bytes)"));
  }
  std::vector<crypto::Digest> leaves;
  leaves.reserve(facts.records);
  GINN_TRY(append_leaves(facts, records, leaves));
  facts.tree = crypto::merkle_root(leaves);
  return std::unique_ptr<MemoryRecords>(new MemoryRecords(facts, std::move(records)));
}

Status MemoryRecords::read(uint64_t index, std::span<uint8_t> out) const {
  const size_t size = facts_.record_bytes();
  GINN_CHECK(index < facts_.records && out.size() == size);
  std::memcpy(out.data(), records_.data() + index * size, size);
  return ok_status();
}

Result<std::unique_ptr<FileRecords>> FileRecords::create(const DatasetFacts& facts,
                                                         const std::filesystem::path& path) {
  GINN_TRY(check_limits(facts));
  const std::string name = printable(path.string());
  // O_NONBLOCK: opening a pipe does not wait for a writer.
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) {
    return input_error("record_unreadable",
                       concat(name, ": cannot be opened: ", std::strerror(errno)));
  }
  GINN_TRY(check_size(file.get(), facts, name));
  GINN_ASSIGN(std::vector<crypto::Digest> leaves, hash_file(file.get(), facts, name));
  const crypto::Digest tree = crypto::merkle_root(leaves);
  if (tree != facts.tree) {
    return input_error("dataset_root_mismatch",
                       concat(name,
                              ": the tree over its records is ",
                              crypto::tagged(tree),
                              ", expected ",
                              crypto::tagged(facts.tree),
                              "; these are not the records that the job names"));
  }
  return std::unique_ptr<FileRecords>(
      new FileRecords(facts, name, file.release(), std::move(leaves)));
}

FileRecords::~FileRecords() { ::close(descriptor_); }

Status FileRecords::read(uint64_t index, std::span<uint8_t> out) const {
  const size_t size = facts_.record_bytes();
  GINN_CHECK(index < facts_.records && out.size() == size);
  size_t found = 0;
  if (!read_at(descriptor_, index * size, out, found)) {
    return unreadable(name_, index * size, found, size);
  }
  if (crypto::merkle_leaf(out) == leaves_[index]) return ok_status();
  return environment_error(
      "record_mismatch",
      concat(name_,
             ": record ",
             index,
             " at offset ",
             index * size,
             " is not the one that the dataset's root binds: the file changed since it"
             " was opened; restore it and start again"));
}

}  // namespace ginn::data
