#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "device/convolution.h"
#include "device/cpu/kernels.h"

// Shapes, data and the definition in 128 bits, for the tests of the contractions.
namespace ginn::device::cases {

using Wide = __int128;

inline constexpr OperandFormat kFormats[] = {OperandFormat::kDfp14, OperandFormat::kDfp16};

// How a test fills its tensors.
enum class Fill { kSmall, kFull, kAlternating, kExtreme, kSpike, kZero, kPrime };
inline constexpr Fill kFills[] = {Fill::kSmall,
                                  Fill::kFull,
                                  Fill::kAlternating,
                                  Fill::kExtreme,
                                  Fill::kSpike,
                                  Fill::kZero,
                                  Fill::kPrime};

// A tensor that begins two bytes behind a vector's alignment, with nothing behind its end: a read
// outside it is one that the address sanitizer sees.
class Tensor {
 public:
  Tensor(size_t count, Fill fill, uint64_t seed, OperandFormat format = OperandFormat::kDfp14);
  int16_t* data() { return memory_.get() + 1; }
  const int16_t* data() const { return memory_.get() + 1; }
  size_t size() const { return count_; }
  bool operator==(const Tensor& other) const {
    return count_ == other.count_ && std::equal(data(), data() + count_, other.data());
  }

 private:
  std::unique_ptr<int16_t[]> memory_;
  size_t count_;
};

struct Outputs {
  int fprop_shift = 0, dgrad_shift = 0;
  Tensor y, dx;
  std::vector<int64_t> dw;
  explicit Outputs(const ConvShape& s)
      : y(s.output_count(), Fill::kSpike, 0),
        dx(s.input_count(), Fill::kSpike, 0),
        dw(s.weight_count(), -1) {}
};

struct Inputs {
  Tensor x, w, dy;
  Inputs(const ConvShape& s, Fill fill, Fill weights)
      : x(s.input_count(), fill, 1, s.operands),
        w(s.weight_count(), weights, 2, s.operands),
        dy(s.output_count(), fill, 3, s.operands) {}
};

Outputs run_level(Level level, const ConvShape& s, const Inputs& in);
// The definition once more, in 128 bits, with its own rounding and its own norms.
Outputs run_oracle(const ConvShape& s, const Inputs& in);
int oracle_shift(Wide a, Wide b);
Wide oracle_round(Wide value, int shift);
void expect_same(const ConvShape& s, const Outputs& a, const Outputs& b);

// Every level but the portable one that this machine has, and the emulated ones.
using NamedLevel = std::pair<std::string, std::function<Outputs(const ConvShape&, const Inputs&)>>;
std::vector<NamedLevel> fast_levels(OperandFormat format);
void compare_levels(const std::vector<ConvShape>& shapes, Fill fill, Fill weights);

ConvShape shape(uint32_t n,
                uint32_t h,
                uint32_t w,
                uint32_t c,
                uint32_t k,
                uint32_t kernel,
                uint32_t stride,
                uint32_t padding);
// Every kernel, stride and padding at the sizes around the tiles' (6 rows, 8 and 16 columns), each
// size met by every kernel.
std::vector<ConvShape> hard_shapes(OperandFormat format);
// Larger ones: many tiles, several pieces and chunks, rectangular kernels, linear layers.
std::vector<ConvShape> large_shapes(OperandFormat format);

}  // namespace ginn::device::cases
