#include <cstring>
#include <map>

#include "base/text.h"
#include "model_file/safetensors.h"
#include "training/training.h"

namespace ginn::training {
namespace {

using model_file::Dtype;
using model_file::NamedTensor;

NamedTensor float_tensor(std::string name,
                         std::vector<uint64_t> shape,
                         const float* values,
                         size_t count) {
  NamedTensor tensor{std::move(name), Dtype::kF32, std::move(shape), Bytes(count * sizeof(float))};
  std::memcpy(tensor.data.data(), values, tensor.data.size());
  return tensor;
}

}  // namespace

Bytes Training::model_file(const float* parameters, const RunningStatistics& statistics) const {
  std::vector<NamedTensor> tensors;
  std::map<std::string, const nn::BatchNorm*> after;  // by the name of the beta that precedes them
  for (const nn::BatchNorm& norm : graph_.batch_norms()) after[norm.name + ".bias"] = &norm;
  for (const nn::Parameter& p : graph_.parameters()) {
    tensors.push_back(float_tensor(p.name, p.shape, parameters + p.offset, p.count));
    const auto found = after.find(p.name);
    if (found == after.end()) continue;
    const nn::BatchNorm& norm = *found->second;
    tensors.push_back(float_tensor(norm.name + ".running_mean",
                                   {norm.channels},
                                   statistics.mean.data() + norm.offset,
                                   norm.channels));
    tensors.push_back(float_tensor(norm.name + ".running_var",
                                   {norm.channels},
                                   statistics.var.data() + norm.offset,
                                   norm.channels));
    const int64_t steps = static_cast<int64_t>(job_.steps);
    NamedTensor tracked{norm.name + ".num_batches_tracked", Dtype::kI64, {}, Bytes(sizeof steps)};
    std::memcpy(tracked.data.data(), &steps, sizeof steps);
    tensors.push_back(std::move(tracked));
  }
  auto file = model_file::write_safetensors(tensors, {{"format", "pt"}});
  GINN_CHECK(file.ok());  // our own names and shapes
  return std::move(file).value();
}

Result<LoadedModel> load_model(const nn::Graph& graph, ByteView file) {
  GINN_ASSIGN(const model_file::TensorFile tensors, model_file::parse_safetensors(file));
  std::map<std::string_view, const NamedTensor*> by_name;
  for (const NamedTensor& tensor : tensors.tensors) by_name[tensor.name] = &tensor;
  auto copy = [&](const std::string& name,
                  const std::vector<uint64_t>& shape,
                  float* out,
                  size_t count) -> Status {
    const auto found = by_name.find(name);
    if (found == by_name.end()) {
      return input_error("model_tensor", concat("the model file lacks tensor ", name));
    }
    const NamedTensor& tensor = *found->second;
    if (tensor.dtype != Dtype::kF32 || tensor.shape != shape ||
        tensor.data.size() != count * sizeof(float)) {
      return input_error("model_tensor",
                         concat("tensor ",
                                name,
                                " of the model file has another shape or type "
                                "than the job's network: expected ",
                                count,
                                " values of F32"));
    }
    std::memcpy(out, tensor.data.data(), tensor.data.size());
    return ok_status();
  };
  LoadedModel model{std::vector<float>(graph.parameter_count()),
                    {std::vector<float>(graph.batch_norm_channels()),
                     std::vector<float>(graph.batch_norm_channels())}};
  for (const nn::Parameter& p : graph.parameters()) {
    GINN_TRY(copy(p.name, p.shape, model.parameters.data() + p.offset, p.count));
  }
  for (const nn::BatchNorm& norm : graph.batch_norms()) {
    const std::vector<uint64_t> shape = {norm.channels};
    GINN_TRY(copy(norm.name + ".running_mean",
                  shape,
                  model.statistics.mean.data() + norm.offset,
                  norm.channels));
    GINN_TRY(copy(norm.name + ".running_var",
                  shape,
                  model.statistics.var.data() + norm.offset,
                  norm.channels));
  }
  return model;
}

}  // namespace ginn::training
