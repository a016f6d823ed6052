#include "verifier/evidence_file.h"

#include <cstring>

#include "base/text.h"
#include "model_file/safetensors.h"

namespace ginn::verifier {
namespace {

using model_file::Dtype;
using model_file::NamedTensor;

NamedTensor tensor(
    std::string name, Dtype dtype, std::vector<uint64_t> shape, const void* data, size_t bytes) {
  NamedTensor t{std::move(name), dtype, std::move(shape), Bytes(bytes)};
  std::memcpy(t.data.data(), data, bytes);
  return t;
}

void add_contribution(const nn::Graph& graph,
                      const std::string& prefix,
                      const training::Contribution& contribution,
                      std::vector<NamedTensor>& tensors) {
  tensors.push_back(tensor(prefix + ".exponents",
                           Dtype::kI8,
                           {contribution.exponents.size()},
                           contribution.exponents.data(),
                           contribution.exponents.size()));
  for (const nn::Parameter& p : graph.parameters()) {
    tensors.push_back(tensor(concat(prefix, "/", p.name),
                             Dtype::kI16,
                             p.shape,
                             contribution.q.data() + p.offset,
                             p.count * sizeof(int16_t)));
  }
}

Status add_records(const data::RecordSource& records,
                   const std::vector<uint64_t>& indices,
                   std::vector<NamedTensor>& tensors) {
  const size_t size = records.facts().record_bytes();
  GINN_ASSIGN(const std::vector<crypto::Digest> leaves, records.leaves());
  Bytes raw(indices.size() * size);
  Bytes paths;
  for (size_t i = 0; i < indices.size(); ++i) {
    GINN_TRY(records.read(indices[i], std::span(raw).subspan(i * size, size)));
    for (const crypto::Digest& digest : crypto::merkle_path(leaves, indices[i])) {
      paths.insert(paths.end(), digest.begin(), digest.end());
    }
  }
  tensors.push_back(tensor("records", Dtype::kI8, {indices.size(), size}, raw.data(), raw.size()));
  if (paths.empty()) return ok_status();  // a dataset of one record
  tensors.push_back(
      tensor("record_paths", Dtype::kI8, {paths.size() / 32, 32}, paths.data(), paths.size()));
  return ok_status();
}

}  // namespace

Result<Bytes> evidence_file(const training::Training& training,
                            const data::RecordSource& records,
                            const Deviation& deviation) {
  const nn::Graph& graph = training.graph();
  std::vector<NamedTensor> tensors;
  for (const nn::Parameter& p : graph.parameters()) {
    tensors.push_back(tensor(concat("weights/", p.name),
                             Dtype::kF32,
                             p.shape,
                             deviation.snapshot->weights() + p.offset,
                             p.count * sizeof(float)));
  }
  add_contribution(graph, "received", *deviation.received, tensors);
  add_contribution(graph, "expected", *deviation.expected, tensors);
  const auto indices = training.record_indices(deviation.step, deviation.microbatch);
  if (indices.size() * records.facts().record_bytes() <= kMaxEvidenceRecords) {
    (void)add_records(records, indices, tensors);
  }
  return model_file::write_safetensors(tensors,
                                       {{"ginn", "rejection-evidence/v1"},
                                        {"step", concat(deviation.step)},
                                        {"microbatch", concat(deviation.microbatch)}});
}

}  // namespace ginn::verifier
