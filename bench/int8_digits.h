#pragma once

#include <cstdint>

// The contraction of device/cpu/kernels.h out of three int8 products of digits with vpdpbusd, to be
// compared with its int16 products (docs/decisions/007-vnni-int16.md). Read by files that are
// compiled with different flags: plain structs only.
//
// vpdpbusd multiplies unsigned by signed. The source is made unsigned, q + 8192 = 128 H + L with H
// and L in [0, 127], so H + L <= 254; weights are 128 h + l with l in [-64, 63] and h in [-64, 64],
// so h + l is in [-127, 127]. What 8192 adds to a sum depends on the column only: 8192 times the
// sum of its weights. Sums are taken modulo 2^32, which is exact, as those asked for fit int32:
//   sum = 128 (X + 127 HH) - 127 LL - 8192 W, with HH = sum of H h, LL = sum of L l, X = sum of
//   (H + L)(h + l), W = sum of the weights.
namespace ginn::bench {

enum Digit { kHigh, kBoth, kLow };  // the planes' order: a kernel of passes takes one after another
inline constexpr int kDigitPlanes = 3;
inline constexpr int32_t kSourceOffset = 8192;

// A stretch of `groups` x 4 digits of every row, from `a_offset` digits behind the row's pointer.
struct DigitRun {
  int64_t a_offset;
  int64_t groups;
};

// y[pixel, column] = rne(sum / 2^shift). Columns come in whole blocks of the kernel's width.
struct DigitJob {
  const uint8_t* a;  // [kDigitPlanes, plane]
  int64_t plane;
  const int64_t* a_offset;  // [pixels]
  int16_t* y;
  const int64_t* y_offset;  // [pixels]
  int64_t pixels;
  const int8_t* b;            // [block][kDigitPlanes][group][column of the block][4]
  const int32_t* correction;  // [columns], -8192 W modulo 2^32
  int64_t columns;
  int64_t groups;  // of all runs
  const DigitRun* runs;
  int64_t run_count;
  int32_t shift;
};

struct DigitKernel {
  const char* name;
  int64_t width;  // columns of a block
  void (*multiply)(const DigitJob&);
  void (*multiply_unjoined)(const DigitJob&);  // without recombination: wrong, for its time
};
extern const DigitKernel kDigitKernels[];
extern const int kDigitKernelCount;

// The digits of count elements.
void split_source(const int16_t* q, int64_t count, uint8_t* a, int64_t plane);
// Of zeros, as padding is.
void split_zeros(int64_t count, uint8_t* a, int64_t plane);

// Each step has this many multiply-adds of digits, in registers only.
inline constexpr int kDigitPeakMacs = 12 * 64;
void digit_peak_steps(int steps);

}  // namespace ginn::bench
