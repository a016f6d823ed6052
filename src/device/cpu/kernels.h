#pragma once

#include <cstdint>

// What an instruction-set level provides. Read by files that are compiled with different flags, so
// here stand only plain structs: an inline function would be one symbol for the linker, compiled
// for whichever level it met first.
namespace ginn::device::cpu {

// A stretch of a contraction: `steps` pairs of int16 of every row, from `a_offset` elements behind
// the row's pointer. After a run with `flush` the int32 sums times 2^shift are added to the int64
// ones. With `again` b's steps begin anew before the run: for the next digit of a.
struct Run {
  int64_t a_offset;
  int32_t steps;
  int32_t flush;
  int32_t shift;
  int32_t again;
};

// y[pixel, column] = rne(sum / 2^shift), sum = the row at `pixel` times the column of b.
// b is [block][step][lane][2], a block being 2 vectors of columns, or 1 for a tail that fits it;
// runs take b's steps one after the other. Runs with a shift or another digit: only if `wide`.
struct MultiplyJob {
  const int16_t* a;
  const int64_t* a_offset;  // [pixels]
  int16_t* y;
  const int64_t* y_offset;  // [pixels]
  int64_t pixels;
  const int16_t* b;
  int64_t columns;
  int64_t steps;  // of all runs of a digit
  const Run* runs;
  int64_t run_count;
  int32_t shift;
  int32_t
      wide;  // 0: the whole sum fits int32 (see plan.h) and no run flushes; 1: the last run flushes
};

// sums[row, column] = (set) or += the row of a times the column of b; consecutive steps of a row
// lie `a_step` elements apart. The last run flushes.
struct AccumulateJob {
  const int16_t* a;
  const int64_t* a_offset;  // [rows]
  int64_t rows;
  int64_t a_step;
  const int16_t* b;
  int64_t columns;
  int64_t steps;
  int64_t* sums;  // [rows, sums_stride], sums_stride >= columns padded to whole vectors
  int64_t sums_stride;
  const Run* runs;
  int64_t run_count;
  int32_t set;
};

// The largest pixel norm, and the largest norm of kChunk channels of a pixel, met so far.
struct PixelBounds {
  int64_t pixel;
  int64_t chunk;
};
inline constexpr int64_t kChunk = 64;  // channels: 64 x 8191^2 < 2^32

// The largest sum of norms in a window of taps_h x taps_w, over windows at (i step, j step) for
// i < out_h, j < out_w. `norms` is [(out_h - 1) step + taps_h, stride]; row_sums is working memory,
// [(out_h - 1) step + taps_h, out_w].
struct WindowJob {
  const int64_t* norms;
  int64_t stride;
  int64_t taps_h, taps_w, step, out_h, out_w;
  int64_t* row_sums;
};
struct WindowBounds {
  int64_t window;
  int64_t row;  // of 1 x taps_w
};

// Steps first, first + every, ... of b, whose blocks have `steps` steps.
struct BlockPlace {
  int64_t first, every, steps;
};

using PixelNorms = void (*)(const int16_t* x,
                            int64_t pixels,
                            int64_t channels,
                            int64_t stride,
                            int64_t* norms,
                            PixelBounds* bounds);

struct Kernels {
  int64_t lanes;  // int32 of a vector: 8 or 16
  void (*multiply)(const MultiplyJob& job);
  void (*accumulate)(const AccumulateJob& job);
  // norms[i] = sum over c of x[i stride + c]^2; of dfp14, and of any int16 but -32768 (the bound of
  // chunks is left alone).
  PixelNorms pixel_norms, pixel_norms_wide;
  void (*window_bounds)(const WindowJob& job, WindowBounds* bounds);
  // out[i out_stride + 2 c] = x0[i in_stride + c], out[i out_stride + 2 c + 1] = x1[...].
  void (*interleave)(const int16_t* x0,
                     const int16_t* x1,
                     int64_t pixels,
                     int64_t channels,
                     int64_t in_stride,
                     int16_t* out,
                     int64_t out_stride);
  // The same for [pixels, columns] into the layout of b; columns padded with zeros to whole
  // vectors.
  void (*interleave_blocks)(const int16_t* x0,
                            const int16_t* x1,
                            int64_t pixels,
                            int64_t columns,
                            BlockPlace place,
                            int16_t* b);
  // row[c] = sum over the pixels of both squares of pairs[pixel, c], in float32 (rounded: see
  // wgrad.cpp); total += row; returns the largest of row. `stride` elements from pixel to pixel.
  float (*channel_norms)(
      const int16_t* pairs, int64_t pixels, int64_t channels, int64_t stride, float* total);
};

}  // namespace ginn::device::cpu
