#include "training/start.h"

#include <cmath>
#include <cstring>
#include <map>
#include <set>

#include "base/text.h"
#include "job/selection.h"
#include "model_file/safetensors.h"
#include "nn/models.h"

namespace ginn::training {
namespace {

using model_file::Dtype;
using model_file::NamedTensor;

constexpr uint64_t kMaxOtherBytes = uint64_t{1} << 28;

std::string shape_text(const std::vector<uint64_t>& shape) {
  std::string out;
  for (const uint64_t extent : shape) out += concat(out.empty() ? "" : ", ", extent);
  return concat("[", out, "]");
}

// What a file has besides a network's parameters, without being read: statistics are made anew.
std::set<std::string, std::less<>> buffer_names(const nn::Graph& graph) {
  std::set<std::string, std::less<>> names;
  for (const nn::BatchNorm& norm : graph.batch_norms()) {
    for (const char* buffer : {".running_mean", ".running_var", ".num_batches_tracked"}) {
      names.insert(norm.name + buffer);
    }
  }
  return names;
}

// Everything that is wrong with a file's tensors, in one message of bounded size.
class Faults {
 public:
  void add(const std::string& fault) {
    constexpr size_t kMostBytes = 30'000;  // of a verdict's 65,536
    ++count_;
    if (text_.size() < kMostBytes) {
      text_ += concat(count_ == 1 ? "" : "; ", fault);
      ++told_;
    }
  }
  bool none() const { return count_ == 0; }
  Error error(const job::Job& job) const {
    return input_error("weights_tensors",
                       concat("the weights do not fit ",
                              job.model,
                              ": ",
                              text_,
                              told_ < count_ ? concat("; and ", count_ - told_, " more") : "",
                              "; take the file of such a network, or name what is to be left out "
                              "in model.weights_except"));
  }

 private:
  std::string text_;
  size_t count_ = 0, told_ = 0;
};

// F32 bit for bit; F16 and BF16 widened, which changes no value.
void convert(const NamedTensor& tensor, size_t count, float* out) {
  GINN_CHECK(tensor.data.size() == count * model_file::dtype_bytes(tensor.dtype));
  if (tensor.dtype == Dtype::kF32) {
    std::memcpy(out, tensor.data.data(), tensor.data.size());
    return;
  }
  for (size_t i = 0; i < count; ++i) {
    uint16_t bits = 0;
    std::memcpy(&bits, tensor.data.data() + i * sizeof bits, sizeof bits);
    const bool brain = tensor.dtype == Dtype::kBf16;
    out[i] = brain ? model_file::widen_bf16(bits) : model_file::widen_f16(bits);
  }
}

void load(const nn::Parameter& p, const NamedTensor& tensor, float* out, Faults& faults) {
  const bool readable =
      tensor.dtype == Dtype::kF32 || tensor.dtype == Dtype::kF16 || tensor.dtype == Dtype::kBf16;
  if (!readable || tensor.shape != p.shape) {
    faults.add(concat(p.name,
                      " is ",
                      model_file::dtype_name(tensor.dtype),
                      " ",
                      shape_text(tensor.shape),
                      ", expected F32 (or F16, BF16) ",
                      shape_text(p.shape)));
    return;
  }
  convert(tensor, p.count, out);
  for (size_t i = 0; i < p.count; ++i) {
    if (std::isfinite(out[i])) continue;
    faults.add(concat(p.name, " is not finite at element ", i));
    return;
  }
}

}  // namespace

uint64_t max_weights_bytes(const nn::Graph& graph) {
  const uint64_t numbers = graph.parameter_count() + 2 * graph.batch_norm_channels();
  return model_file::kMaxHeaderBytes + numbers * sizeof(float) +
         graph.batch_norms().size() * sizeof(int64_t) + kMaxOtherBytes;
}

Result<std::vector<float>> start_parameters(const nn::Graph& graph,
                                            const job::Job& job,
                                            const std::vector<bool>& fresh,
                                            const WeightsReader& read) {
  GINN_ASSIGN(const Bytes bytes, read(max_weights_bytes(graph)));
  const crypto::Digest found = crypto::sha256(bytes);
  if (found != job.weights->sha256) {
    return input_error("weights_digest",
                       concat("the file of weights has the digest ",
                              crypto::tagged(found),
                              "; the job names ",
                              crypto::tagged(job.weights->sha256),
                              ": give the file that the job was made with"));
  }
  GINN_ASSIGN(const model_file::TensorFile file, model_file::parse_safetensors(bytes));
  std::map<std::string_view, const NamedTensor*> others;
  for (const NamedTensor& tensor : file.tensors) others[tensor.name] = &tensor;
  std::vector<float> parameters(graph.parameter_count());
  nn::initialise(graph, job.seed, parameters.data());
  Faults faults;
  for (size_t i = 0; i < graph.parameters().size(); ++i) {
    const nn::Parameter& p = graph.parameters()[i];
    const auto tensor = others.extract(p.name);
    if (fresh[i]) continue;
    if (tensor.empty()) {
      faults.add(concat(p.name, " is missing"));
    } else {
      load(p, *tensor.mapped(), parameters.data() + p.offset, faults);
    }
  }
  const auto buffers = buffer_names(graph);
  for (const auto& [name, tensor] : others) {
    if (buffers.contains(name) || job::matches_any(job.weights->except, name)) continue;
    faults.add(concat(printable(name), " is not the network's"));
  }
  if (!faults.none()) return faults.error(job);
  return parameters;
}

}  // namespace ginn::training
