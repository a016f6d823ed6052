#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace ginn::model_file {

// File: header length u64 LE at 0 | header (JSON, padded with spaces) at 8 | tensor data, laid end
// to end without a gap. https://huggingface.co/docs/safetensors
// F8 and unsigned types beyond bytes are not read.
enum class Dtype { kF32, kF64, kF16, kBf16, kI64, kI32, kI16, kI8, kU8 };

std::string_view dtype_name(Dtype dtype);  // "F32", ...
size_t dtype_bytes(Dtype dtype);

// The values of F16 (IEEE 754 binary16) and BF16 as f32, which has all of them; infinities and NaN
// stay what they are.
float widen_f16(uint16_t bits);
float widen_bf16(uint16_t bits);

struct NamedTensor {
  std::string name;  // 1 to kMaxNameBytes printable ASCII characters, not "__metadata__"
  Dtype dtype = Dtype::kF32;
  std::vector<uint64_t> shape;  // [] is a scalar
  Bytes data;                   // little-endian, row-major
};

using Metadata = std::map<std::string, std::string>;

struct TensorFile {
  Metadata metadata;
  std::vector<NamedTensor> tensors;  // in the order of their data
};

inline constexpr size_t kMaxHeaderBytes = size_t{1} << 20;
inline constexpr size_t kMaxNameBytes = 256;
inline constexpr size_t kMaxRank = 8;
inline constexpr size_t kMaxTensors = 16384;

// Tensors in the given order; the header is padded so that the data starts at a multiple of 8.
// Codes "safetensors_name", "safetensors_shape", "safetensors_size", "safetensors_header_size".
Result<Bytes> write_safetensors(const std::vector<NamedTensor>& tensors, const Metadata& metadata);

// Hostile bytes, checked in this order: "safetensors_truncated", "safetensors_header_size",
// "safetensors_header", parse_json's codes (duplicate names among them), "safetensors_metadata",
// for each tensor "safetensors_name", "safetensors_field", "safetensors_dtype",
// "safetensors_shape", "safetensors_offsets", "safetensors_size", then "safetensors_offsets" for
// gaps, overlaps and bytes that no tensor covers.
Result<TensorFile> parse_safetensors(ByteView file);

}  // namespace ginn::model_file
