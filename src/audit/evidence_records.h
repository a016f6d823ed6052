#pragma once

#include <vector>

#include "data/dataset.h"
#include "model_file/safetensors.h"

namespace ginn::audit {

// The records that a rejection's evidence carries, each proved to be in the job's data by its
// Merkle path.
class EvidenceRecords final : public data::RecordSource {
 public:
  // `indices`: of the microbatch, in order. Codes: "audit_no_records", "audit_evidence".
  static Result<EvidenceRecords> create(const data::DatasetFacts& facts,
                                        std::vector<uint64_t> indices,
                                        const model_file::TensorFile& file);
  const data::DatasetFacts& facts() const override { return facts_; }
  // Code "audit_evidence" for a record that is not of the microbatch.
  Status read(uint64_t index, std::span<uint8_t> out) const override;

 private:
  EvidenceRecords(const data::DatasetFacts& facts, std::vector<uint64_t> indices, Bytes raw)
      : facts_(facts), indices_(std::move(indices)), raw_(std::move(raw)) {}
  Status check_paths(const model_file::NamedTensor* paths) const;
  ByteView record(size_t i) const {
    return ByteView(raw_).subspan(i * facts_.record_bytes(), facts_.record_bytes());
  }

  data::DatasetFacts facts_;
  std::vector<uint64_t> indices_;
  Bytes raw_;
};

// Null when the file has none of that name, type and number of bytes.
const model_file::NamedTensor* find_tensor(const model_file::TensorFile& file,
                                           std::string_view name,
                                           model_file::Dtype dtype,
                                           size_t bytes);

}  // namespace ginn::audit
