#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/text.h"
#include "cli/inspect.h"
#include "crypto/json.h"
#include "crypto/sha256.h"
#include "model_file/safetensors.h"

namespace ginn::cli {
namespace {

template <typename T>
double load(const uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return static_cast<double>(value);
}

uint16_t load_bits(const uint8_t* at) { return static_cast<uint16_t>(at[0] | at[1] << 8); }

double element(const model_file::NamedTensor& tensor, size_t index) {
  const uint8_t* at = tensor.data.data() + index * model_file::dtype_bytes(tensor.dtype);
  switch (tensor.dtype) {
    case model_file::Dtype::kF32:
      return load<float>(at);
    case model_file::Dtype::kF64:
      return load<double>(at);
    case model_file::Dtype::kF16:
      return model_file::widen_f16(load_bits(at));
    case model_file::Dtype::kBf16:
      return model_file::widen_bf16(load_bits(at));
    case model_file::Dtype::kI32:
      return load<int32_t>(at);
    case model_file::Dtype::kU8:
      return load<uint8_t>(at);
    case model_file::Dtype::kI64:
      return load<int64_t>(at);
    case model_file::Dtype::kI16:
      return load<int16_t>(at);
    case model_file::Dtype::kI8:
      return load<int8_t>(at);
  }
  return 0.0;
}

// Of the finite elements; `strange` counts the others.
struct Summary {
  double low = 0, high = 0, norm = 0;
  size_t finite = 0, strange = 0;
};

Summary summarize(const model_file::NamedTensor& tensor) {
  Summary s;
  double squares = 0;
  const size_t count = tensor.data.size() / model_file::dtype_bytes(tensor.dtype);
  for (size_t i = 0; i < count; ++i) {
    const double value = element(tensor, i);
    if (!std::isfinite(value)) {
      ++s.strange;
      continue;
    }
    s.low = s.finite == 0 ? value : std::min(s.low, value);
    s.high = s.finite == 0 ? value : std::max(s.high, value);
    squares += value * value;
    ++s.finite;
  }
  s.norm = std::sqrt(squares);
  return s;
}

crypto::Json to_json(const model_file::NamedTensor& tensor) {
  const Summary s = summarize(tensor);
  crypto::Json::Array shape;
  for (const uint64_t size : tensor.shape) shape.emplace_back(static_cast<double>(size));
  return crypto::Json::Object{{"name", tensor.name},
                              {"dtype", model_file::dtype_name(tensor.dtype)},
                              {"shape", std::move(shape)},
                              {"smallest", s.low},
                              {"largest", s.high},
                              {"norm", s.norm},
                              {"not_finite", static_cast<double>(s.strange)}};
}

void print_json(const model_file::TensorFile& file, const crypto::Digest& digest) {
  crypto::Json::Array tensors;
  for (const model_file::NamedTensor& tensor : file.tensors) tensors.push_back(to_json(tensor));
  crypto::Json::Object metadata;
  for (const auto& [key, value] : file.metadata) metadata[key] = value;
  const crypto::Json::Object document{{"sha256", crypto::tagged(digest)},
                                      {"metadata", std::move(metadata)},
                                      {"tensors", std::move(tensors)}};
  fmt::print("{}\n", crypto::pretty_json(document));
}

void print_row(const model_file::NamedTensor& tensor) {
  std::string shape;
  for (const uint64_t size : tensor.shape) shape += concat(shape.empty() ? "" : "x", size);
  const Summary s = summarize(tensor);
  fmt::print("  {:<36} {:<5} {:<16} {:>12.5g} {:>12.5g} {:>12.5g}{}\n",
             printable(tensor.name),
             model_file::dtype_name(tensor.dtype),
             shape.empty() ? "scalar" : shape,
             s.low,
             s.high,
             s.norm,
             s.strange == 0 ? "" : concat("  ", s.strange, " NOT FINITE"));
}

}  // namespace

Result<int> inspect_tensors(const std::string& name, ByteView bytes, bool json) {
  GINN_ASSIGN(const model_file::TensorFile file, model_file::parse_safetensors(bytes));
  const crypto::Digest digest = crypto::sha256(bytes);
  if (json) {
    print_json(file, digest);
    return 0;
  }
  fmt::print("{}: safetensors, {} tensors, {}\n",
             printable(name),
             file.tensors.size(),
             crypto::tagged(digest));
  for (const auto& [key, value] : file.metadata) {
    fmt::print("  {} = {}\n", printable(key), printable(value));
  }
  fmt::print("\n  {:<36} {:<5} {:<16} {:>12} {:>12} {:>12}\n",
             "tensor",
             "type",
             "shape",
             "smallest",
             "largest",
             "norm");
  for (const model_file::NamedTensor& tensor : file.tensors) print_row(tensor);
  return 0;
}

}  // namespace ginn::cli
