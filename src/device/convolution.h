#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "arithmetic/format.h"
#include "base/thread_pool.h"
#include "device/level.h"
#include "device/scratch.h"

namespace ginn::device {

// The exact contractions of a convolution (docs/arithmetic.md, "Contraction"). A linear layer is a
// convolution of one image of height 1 whose width is the batch, with a 1 x 1 kernel.
struct ConvShape {
  uint32_t n = 1, h = 1, w = 1, c = 1;  // input [N, H, W, C]
  uint32_t k = 1;                       // output channels
  uint32_t kernel_h = 1, kernel_w = 1;
  uint32_t stride = 1, padding = 0;  // the same in both directions; padding is zeros
  // Filter k sees only channels [g c / groups, (g + 1) c / groups), g = floor(k groups / k count).
  uint32_t groups = 1;
  OperandFormat operands = OperandFormat::kDfp14;  // of x, w and dy

  uint32_t out_h() const { return (h + 2 * padding - kernel_h) / stride + 1; }
  uint32_t out_w() const { return (w + 2 * padding - kernel_w) / stride + 1; }
  size_t input_count() const { return size_t{n} * h * w * c; }
  size_t output_count() const { return size_t{n} * out_h() * out_w() * k; }
  size_t weight_count() const { return size_t{k} * kernel_h * kernel_w * (c / groups); }
  uint64_t macs() const { return uint64_t{output_count()} * kernel_h * kernel_w * (c / groups); }
  ConvShape of_group() const;  // one group as a convolution of its own
  bool depthwise() const { return groups > 1 && c == groups && k == groups; }
  // kernel <= input + 2 padding, padding < kernel, all sizes in [1, 2^16), kernel_h * kernel_w * c
  // and kernel_h * kernel_w * k <= 2^20, n * out_h * out_w <= 2^26, c and k multiples of groups.
  bool valid() const;
};

// Squared norms of parts of a filter or of a window, each the largest of its kind: all of it, one
// kernel row, one tap, up to 64 channels of a tap. They bound partial sums (cpu/plan.h).
struct Norms {
  uint64_t full = 0, row = 0, tap = 0, chunk = 0;
};

// Gives filters [first, first + count) of a layer as [count, KH, KW, C / groups], valid until the
// thread's next call.
using FilterSource = std::function<const int16_t*(uint32_t first, uint32_t count, size_t thread)>;

// One step's weights of a layer, packed once and used for every microbatch: immutable, shared
// between threads. `q` is [K, KH, KW, C / groups], in the format of the shape's operands.
class PackedWeights {
 public:
  PackedWeights() = default;
  // `with_dgrad`: also the layout that dgrad reads.
  void pack(Level level, const ConvShape& shape, const int16_t* q, bool with_dgrad);
  // The same of filters that are made as they are asked for: of a kernel of 1 x 1 that moves
  // nothing some at a time, on the pool's threads if there is a pool; of others all at once.
  void pack(Level level,
            const ConvShape& shape,
            const FilterSource& filters,
            bool with_dgrad,
            ThreadPool* pool = nullptr);

  // Without groups: max over k of sum over (r, s, c) of q^2.
  uint64_t filter_norm2() const { return fprop_norms_.full; }
  // Without groups: max over c of sum over (k, r, s) of q^2.
  uint64_t channel_norm2() const { return dgrad_norms_.full; }

 private:
  friend class Convolution;
  void pack_depthwise(const ConvShape& shape, const int16_t* q);
  void pack_dense(const ConvShape& shape,
                  const FilterSource& filters,
                  bool with_dgrad,
                  ThreadPool* pool);

  Level level_ = Level::kPortable;
  Buffer<int16_t> fprop_, dgrad_;  // kPortable: both are fprop_, as given; depthwise: [KH, KW, C]
  Norms fprop_norms_, dgrad_norms_;
  std::vector<uint64_t> filter_norms_;  // depthwise, by channel
  std::vector<PackedWeights> groups_;   // of other grouped layers, one a group
};

// Takes stretches [first, first + count) of a result's elements, whole pixels, as they are final:
// each element once, while it is in a cache.
using Written = std::function<void(size_t first, size_t count)>;
using GradientSink = std::function<void(size_t first, const int64_t* sums, size_t count)>;

// The three contractions of a layer at one instruction-set level. Stateless; one `scratch` a
// thread. All of them are exact in integers, then rounded once (fprop, dgrad) or not at all
// (wgrad). Each call resets `scratch` first.
class Convolution {
 public:
  Convolution(Level level, const ConvShape& shape);

  // y[n,p,q,k] = rne(S / 2^s), S = sum over (r,s,c) of x[n, p stride + r - padding, q stride + s -
  // padding, c] w[k,r,s,c]; s = bound_shift(filter_norm2, largest sum of x^2 over an output's
  // window); with groups the largest of the groups' s. Returns s. x: operand [N,H,W,C]. y: dfp16
  // [N,P,Q,K].
  int fprop(const int16_t* x,
            const PackedWeights& w,
            int16_t* y,
            Scratch& scratch,
            const Written& written = {}) const;

  // dx[n,h,w,c] = rne(T / 2^s), T = sum over (k,r,s) and the (p,q) that they map to (h,w); s =
  // bound_shift(channel_norm2, largest over (n,h,w) of the sum of dy^2 over all k and all (p,q)
  // that touch (h,w)), or the largest of the groups' s. Returns s. dy: operand [N,P,Q,K]. dx: dfp16
  // [N,H,W,C].
  int dgrad(const int16_t* dy, const PackedWeights& w, int16_t* dx, Scratch& scratch) const;

  // Hands dw over in stretches, in any order: dw[first, first + count), valid during the call.
  // dw[k,c,r,s] = sum over (n,p,q) of dy[n,p,q,k] x[n, p stride + r - padding, q stride + s -
  // padding, c], exact. dw: int64 [K,C/groups,KH,KW] (the order of the parameter's master copy).
  void wgrad(const int16_t* x, const int16_t* dy, Scratch& scratch, const GradientSink& sink) const;
  // The same into one array.
  void wgrad(const int16_t* x, const int16_t* dy, int64_t* dw, Scratch& scratch) const;

 private:
  int fprop_at_once(const int16_t* x, const PackedWeights& w, int16_t* y, Scratch& scratch) const;
  // grouped.cpp: the same for layers with groups, at levels with kernels.
  enum class Way { kForward, kBackward };
  int correlate_groups(
      Way way, const int16_t* src, const PackedWeights& w, int16_t* dst, Scratch& scratch) const;
  int correlate_depthwise(
      Way way, const int16_t* src, const PackedWeights& w, int16_t* dst, Scratch& scratch) const;
  void wgrad_groups(const int16_t* x,
                    const int16_t* dy,
                    Scratch& scratch,
                    const GradientSink& sink) const;
  void wgrad_depthwise(const int16_t* x,
                       const int16_t* dy,
                       Scratch& scratch,
                       const GradientSink& sink) const;

  Level level_;
  ConvShape shape_;
};

// The smallest s >= 0 with a * b <= (32767 2^s)^2, in 128-bit integers: by Cauchy-Schwarz |S| <=
// sqrt(a b) <= 32767 2^s, so rne(S / 2^s) fits dfp16. a, b < 2^50 (2^20 squares below 2^30): s
// <= 35.
int bound_shift(uint64_t a, uint64_t b);

// Round to nearest, ties to even, of value / 2^shift; shift in [0, 62].
constexpr int64_t shift_rne(int64_t value, int shift) {
  if (shift == 0) return value;
  const int64_t floor = value >> shift;
  const int64_t rest = value - (floor << shift);
  const int64_t half = int64_t{1} << (shift - 1);
  return floor + ((rest > half || (rest == half && (floor & 1) != 0)) ? 1 : 0);
}

}  // namespace ginn::device
