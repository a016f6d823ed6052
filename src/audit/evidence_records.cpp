#include "audit/evidence_records.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"

namespace ginn::audit {
namespace {

using model_file::Dtype;
using model_file::NamedTensor;

constexpr size_t kDigestBytes = sizeof(crypto::Digest);

const NamedTensor* find_name(const model_file::TensorFile& file, std::string_view name) {
  const auto found = std::find_if(
      file.tensors.begin(), file.tensors.end(), [name](const auto& t) { return t.name == name; });
  return found == file.tensors.end() ? nullptr : &*found;
}

}  // namespace

const NamedTensor* find_tensor(const model_file::TensorFile& file,
                               std::string_view name,
                               Dtype dtype,
                               size_t bytes) {
  const NamedTensor* tensor = find_name(file, name);
  const bool fits = tensor != nullptr && tensor->dtype == dtype && tensor->data.size() == bytes;
  return fits ? tensor : nullptr;
}

Result<EvidenceRecords> EvidenceRecords::create(const data::DatasetFacts& facts,
                                                std::vector<uint64_t> indices,
                                                const model_file::TensorFile& file) {
  if (find_name(file, "records") == nullptr) {
    return refused("audit_no_records",
                   "the evidence carries no records: the verifier could not read them any more, or "
                   "they are too large; train the job again instead");
  }
  const size_t bytes = indices.size() * facts.record_bytes();
  const NamedTensor* raw = find_tensor(file, "records", Dtype::kI8, bytes);
  if (raw == nullptr) {
    return refused("audit_evidence",
                   concat("tensor \"records\": expected ", bytes, " bytes of the type I8"));
  }
  EvidenceRecords records(facts, std::move(indices), raw->data);
  GINN_TRY(records.check_paths(find_name(file, "record_paths")));
  return records;
}

Status EvidenceRecords::check_paths(const NamedTensor* paths) const {
  const size_t bytes = paths == nullptr ? 0 : paths->data.size();
  std::vector<crypto::Digest> digests(bytes / kDigestBytes);
  if (bytes > 0) std::memcpy(digests.data(), paths->data.data(), digests.size() * kDigestBytes);
  std::span<const crypto::Digest> rest(digests);
  for (size_t i = 0; i < indices_.size(); ++i) {
    const auto root = crypto::merkle_root_of_path(
        crypto::merkle_leaf(record(i)), indices_[i], facts_.records, rest);
    if (root == facts_.tree) continue;
    return refused("audit_evidence",
                   concat("record ",
                          indices_[i],
                          ": its Merkle path does not lead to the root of the job's data"));
  }
  if (rest.empty() && bytes % kDigestBytes == 0) return ok_status();
  return refused("audit_evidence", "tensor \"record_paths\" has more than the records' paths");
}

Status EvidenceRecords::read(uint64_t index, std::span<uint8_t> out) const {
  const auto found = std::find(indices_.begin(), indices_.end(), index);
  if (found == indices_.end()) {
    return refused("audit_evidence", concat("record ", index, " is not of the microbatch"));
  }
  const ByteView bytes = record(static_cast<size_t>(found - indices_.begin()));
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return ok_status();
}

}  // namespace ginn::audit
