#pragma once

#include <cstdint>
#include <vector>

#include "device/convolution.h"
#include "device/cpu/kernels.h"

namespace ginn::device::cpu {

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Steps whose sum fits int32 whatever the operands: 16 pairs, 32 x 8191^2 < 2^31.
inline constexpr int64_t kSafeSteps = 16;

// A dfp16 source is taken in two digits, q = 2^7 h + l with h in [-256, 255] and l in [0, 127]: a
// pair of products with dfp16 weights is at most 2 x 256 x 32767, and 128 of those are below 2^31.
inline constexpr int kDigitShift = 7;
inline constexpr int64_t kSafeDigitSteps = 128;
// q becomes h.
void split_digits(int16_t* q, int64_t count, int16_t* low);

// A 1 x 1 kernel that moves nothing sees only a list of pixels.
bool is_pointwise(const ConvShape& shape);

// fprop and dgrad are one thing, a correlation: every destination pixel is a window of source
// pixels times a filter. dgrad's windows repeat with the stride: destination pixels fall into
// stride^2 phases, each with its own subset of the taps, consecutive in the source.
struct Phase {
  int64_t taps_h, taps_w;
  int64_t out_h, out_w;        // the first destination pixel; then every out_step
  int64_t src_h, src_w;        // where its window begins (may be negative); then every src_step
  int64_t kernel_h, kernel_w;  // the kernel position of the window's first tap ...
  int64_t kernel_step_h, kernel_step_w;  // ... and what a tap adds
  int64_t steps;                         // pairs in all runs: taps_h * ceil(taps_w * src_c / 2)
  int64_t packed;                        // where its weights begin
  int64_t row_steps() const { return steps / taps_h; }
};

struct Plan {
  OperandFormat operands;
  int64_t n, src_h, src_w, src_c;
  int64_t dst_h, dst_w, dst_c;
  int64_t out_step, src_step;
  bool dense;                 // false: some destination pixels are in no phase (zero)
  std::vector<Phase> phases;  // each with at least one tap and one destination pixel
  int64_t packed_count = 0;
  int64_t digits() const { return operands == OperandFormat::kDfp14 ? 1 : 2; }
};

Plan fprop_plan(const ConvShape& shape, int64_t lanes);
Plan dgrad_plan(const ConvShape& shape, int64_t lanes);

// Columns padded to whole vectors, as b's blocks hold them.
inline int64_t padded_columns(int64_t columns, int64_t lanes) {
  return ceil_div(columns, lanes) * lanes;
}

// Filters [first, first + count) of a layer without groups, [count, KH, KW, C].
struct Filters {
  const int16_t* q;
  int64_t first, count;
};
// The weights in the order of a plan's runs, into a buffer that has room for them: all of them at
// once, or of a pointwise layer kChunk filters at a time, in any order and by any thread.
void make_room(const Plan& plan, Buffer<int16_t>& packed);
void pack_fprop(const ConvShape& shape,
                int64_t lanes,
                const Filters& filters,
                Buffer<int16_t>& packed);
void pack_dgrad(const ConvShape& shape,
                int64_t lanes,
                const Filters& filters,
                Buffer<int16_t>& packed);
// Their norms, once all filters were added in the same way.
class WeightNorms {
 public:
  explicit WeightNorms(const ConvShape& shape) : shape_(shape) {}
  void add(const Filters& filters);
  void add(const WeightNorms& others);  // of other filters of the layer
  Norms fprop() const { return fprop_; }
  Norms dgrad() const;

 private:
  ConvShape shape_;
  Norms fprop_, dgrad_;
  std::vector<uint64_t> channels_;  // of a pointwise layer, what was added so far
};

// How a phase's contraction is cut into runs so that no int32 sum overflows.
//
// Cauchy-Schwarz: a sum of products x w over any set of terms is at most |x| |w| over the same set.
// Nothing is flushed if |x|^2 |w|^2 <= (32767 2^16)^2 for whole windows, i.e. shift <= 16: every
// |S|
// <= 2^31 - 2^15; or if the bound by rows of taps gives |S| < 2^31 - 2^18 and shift <= 18 (dgrad's
// phases have but a part of the taps that the shift is for). Then the rounding may add its half.
// Else sums are flushed after a part of the window whose norms give t^2 |x|^2 |w|^2 < 2^62 for t
// units (rows of taps, taps, or chunks of channels): the t partial sums are at most |x| |w| each,
// so their sum is below 2^31. In the worst case after 16 steps: 32 x 8191^2 = 2,146,959,392 < 2^31.
// The digits of dfp16 are flushed every kSafeDigitSteps.
struct Cut {
  bool wide = false;
  int64_t flush_rows = 0;   // rows of taps between flushes; 0: flush_steps
  int64_t flush_steps = 0;  // within a row of taps
};
Cut cut_for(const Plan& plan, const Phase& phase, const Norms& x, const Norms& w, int shift);
int64_t run_count(const Plan& plan, const Phase& phase, const Cut& cut);
// A source in memory: elements from row to row, and from digit to digit.
struct SourceStrides {
  int64_t row, digit;
};
// Run r of row i begins row * i + 2 * (steps before it) elements behind the window's origin.
void make_runs(
    const Plan& plan, const Phase& phase, const Cut& cut, SourceStrides strides, Run* runs);

// The largest t <= limit with t^2 a b < end^2: t sums of at most sqrt(a b) each stay below end.
inline constexpr uint64_t kSumEnd = uint64_t{1} << 31;
int64_t units_that_fit(uint64_t a, uint64_t b, int64_t limit, uint64_t end = kSumEnd);

}  // namespace ginn::device::cpu
