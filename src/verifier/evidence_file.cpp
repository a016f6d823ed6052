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

}  // namespace

Result<Bytes> evidence_file(const training::Training& training, const Deviation& deviation) {
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
  return model_file::write_safetensors(
      tensors, {{"step", concat(deviation.step)}, {"microbatch", concat(deviation.microbatch)}});
}

}  // namespace ginn::verifier
