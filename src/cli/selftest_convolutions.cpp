#include "arithmetic/format.h"
#include "cli/selftest_battery.h"
#include "cli/synthetic.h"
#include "device/convolution.h"

namespace ginn::cli {
namespace {

using device::Buffer;

template <typename T>
void hash_values(crypto::Sha256& hash, const T* values, size_t count) {
  hash.update({reinterpret_cast<const uint8_t*>(values), count * sizeof(T)});
}

enum class Fill { kBell, kUniform, kExtreme };

Buffer<int16_t> operand(uint64_t stream, Fill fill, OperandFormat format, size_t count) {
  const int32_t most = operand_max(format);
  Buffer<int16_t> q(count);
  const std::span<int16_t> out(q.data(), count);
  switch (fill) {
    case Fill::kBell:
      fill_bell(stream, most / 2, out);
      break;
    case Fill::kUniform:
      fill_uniform(stream, most, out);
      break;
    case Fill::kExtreme:  // every product has the largest magnitude there is, most the same sign
      for (size_t i = 0; i < count; ++i) {
        out[i] = static_cast<int16_t>(i % 13 == 0 ? -most : most);
      }
      break;
  }
  return q;
}

crypto::Digest run_contractions(device::Level level, const device::ConvShape& shape, Fill fill) {
  const Buffer<int16_t> x = operand(11, fill, shape.operands, shape.input_count());
  const Buffer<int16_t> w = operand(12, fill, shape.operands, shape.weight_count());
  const Buffer<int16_t> dy = operand(13, fill, shape.operands, shape.output_count());
  Buffer<int16_t> y(shape.output_count());
  Buffer<int16_t> dx(shape.input_count());
  Buffer<int64_t> dw(shape.weight_count());
  device::PackedWeights packed;
  packed.pack(level, shape, w.data(), true);
  const device::Convolution convolution(level, shape);
  device::Scratch scratch;

  crypto::Sha256 hash;
  const int32_t shifts[] = {convolution.fprop(x.data(), packed, y.data(), scratch),
                            convolution.dgrad(dy.data(), packed, dx.data(), scratch)};
  convolution.wgrad(x.data(), dy.data(), dw.data(), scratch);
  hash_values(hash, shifts, 2);
  hash_values(hash, y.data(), y.size());
  hash_values(hash, dx.data(), dx.size());
  hash_values(hash, dw.data(), dw.size());
  return hash.finish();
}

}  // namespace

std::vector<SelftestCase> convolution_cases() {
  struct Shape {
    const char* name;
    device::ConvShape
        shape;  // n, h, w, c, k, kernel_h, kernel_w, stride, padding, groups, operands
    Fill fill;
  };
  constexpr OperandFormat dfp16 = OperandFormat::kDfp16;
  const Shape shapes[] = {
      {"conv/3x3", {2, 14, 14, 32, 32, 3, 3, 1, 1}, Fill::kBell},
      {"conv/3x3_first", {3, 28, 28, 1, 16, 3, 3, 1, 1}, Fill::kUniform},
      {"conv/3x3_stride2", {2, 14, 14, 16, 32, 3, 3, 2, 1}, Fill::kUniform},
      {"conv/1x1_stride2", {2, 14, 14, 16, 32, 1, 1, 2, 0}, Fill::kBell},
      {"conv/5x5", {2, 14, 14, 6, 16, 5, 5, 1, 0}, Fill::kUniform},
      {"conv/5x5_padded", {2, 11, 13, 3, 7, 5, 5, 1, 2}, Fill::kBell},
      {"conv/odd", {1, 7, 5, 17, 33, 3, 2, 1, 1}, Fill::kUniform},
      {"conv/extreme", {1, 9, 9, 65, 31, 3, 3, 1, 1}, Fill::kExtreme},
      {"conv/depthwise", {2, 13, 14, 50, 50, 3, 3, 1, 1, 50}, Fill::kBell},
      {"conv/depthwise_stride2", {2, 13, 14, 33, 33, 3, 3, 2, 1, 33}, Fill::kUniform},
      {"conv/depthwise_7x7", {1, 9, 9, 49, 49, 7, 7, 1, 3, 49}, Fill::kExtreme},
      {"conv/grouped", {2, 9, 8, 24, 36, 3, 3, 1, 1, 4}, Fill::kUniform},
      {"conv/3x3_dfp16", {2, 14, 14, 32, 32, 3, 3, 1, 1, 1, dfp16}, Fill::kBell},
      {"conv/3x3_stride2_dfp16", {2, 14, 14, 16, 32, 3, 3, 2, 1, 1, dfp16}, Fill::kUniform},
      {"conv/odd_dfp16", {1, 7, 5, 17, 33, 3, 2, 1, 1, 1, dfp16}, Fill::kUniform},
      {"conv/extreme_dfp16", {1, 9, 9, 65, 31, 3, 3, 1, 1, 1, dfp16}, Fill::kExtreme},
      {"conv/depthwise_dfp16", {2, 13, 14, 50, 50, 3, 3, 1, 1, 50, dfp16}, Fill::kUniform},
      {"conv/grouped_dfp16", {2, 9, 8, 24, 36, 3, 3, 1, 1, 4, dfp16}, Fill::kUniform},
      {"linear/64to10", {1, 1, 33, 64, 10, 1, 1, 1, 0}, Fill::kBell},
      {"linear/784to31", {1, 1, 7, 784, 31, 1, 1, 1, 0}, Fill::kExtreme},
      {"linear/784to31_dfp16", {1, 1, 7, 784, 31, 1, 1, 1, 0, 1, dfp16}, Fill::kExtreme},
      {"linear/1to1", {1, 1, 1, 1, 1, 1, 1, 1, 0}, Fill::kUniform},
  };
  std::vector<SelftestCase> cases;
  for (const Shape& s : shapes) {
    cases.push_back({s.name, [shape = s.shape, fill = s.fill](device::Level level) {
                       return Result<crypto::Digest>(run_contractions(level, shape, fill));
                     }});
  }
  return cases;
}

}  // namespace ginn::cli
