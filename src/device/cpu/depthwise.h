#pragma once

#include <cstdint>

#include "device/convolution.h"

// One filter a channel: kernels over pixels of `channels` values, which lie side by side. Plain
// structs only, as in kernels.h.
namespace ginn::device::cpu {

// Unsigned 32-bit sums of squares, and int32 sums of products, of dfp14: 64 x 8191^2 < 2^32 and 32
// x 8191^2 < 2^31.
inline constexpr int64_t kMostNormTaps = 64;
inline constexpr int64_t kMostPixels = 32;
// Above it a rounded sum might not fit int32.
inline constexpr int kMostNarrowShift = 16;

struct DepthwiseKernels {
  // most[c] = max(most[c], sum over t of x[t][c]^2); taps <= kMostNormTaps.
  void (*norms)(const int16_t* const* x, int64_t taps, int64_t channels, uint32_t* most);
  // y[c] = rne(sum over t of x[t][c] w[t][c] / 2^shift), shift <= kMostNarrowShift. By
  // Cauchy-Schwarz every |sum|, partial ones included, is at most 32767 2^shift.
  void (*multiply)(const int16_t* const* x,
                   const int16_t* const* w,
                   int64_t taps,
                   int64_t channels,
                   int32_t shift,
                   int16_t* y);
  // sums[c] += sum over i < pixels of a[i a_step + c] b[i b_step + c]; pixels <= kMostPixels.
  void (*accumulate)(const int16_t* a,
                     int64_t a_step,
                     const int16_t* b,
                     int64_t b_step,
                     int64_t pixels,
                     int64_t channels,
                     int64_t* sums);
};

// Of dfp14. Other depthwise layers are computed group by group.
bool has_depthwise_kernels(const ConvShape& shape);
// Of a level other than kPortable.
const DepthwiseKernels& depthwise_kernels(Level level);

}  // namespace ginn::device::cpu
