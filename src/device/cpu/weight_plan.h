#pragma once

#include <algorithm>
#include <cstdint>

#include "device/convolution.h"

namespace ginn::device::cpu {

// The reduction runs over pixels. A step multiplies the same pixel of two images, whose tensors are
// interleaved element by element. x is packed as [row][column][image pair][c][2], columns in the
// order of their phase (column mod stride): so a tap is a plain offset and the steps of a whole
// output row, over columns and image pairs, lie the same distance apart, whatever the stride. Work
// goes in chunks of some image pairs or of some rows of one pair, and within a chunk in blocks of
// x's channels, small enough that a chunk has many steps.
struct WeightPlan {
  OperandFormat operands;
  int64_t images, h, w, c, k;
  int64_t block;  // channels
  int64_t out_h, out_w;
  int64_t kernel_h, kernel_w, stride, padding;
  int64_t pixels;  // that exist; images of a pointwise layer are made up, the last may be short
  int64_t rows, pairs;         // destination rows, image pairs of a chunk
  int64_t src_rows, src_cols;  // packed, of a chunk's image pair

  int64_t packed_rows(int64_t dst_rows) const { return (dst_rows - 1) * stride + kernel_h; }
  // Columns of phase f: the outputs' and what further taps of that phase reach.
  int64_t phase_columns(int64_t f) const { return out_w + (kernel_w - f - 1) / stride; }
  int64_t phases() const { return std::min(stride, kernel_w); }
};

WeightPlan weight_plan(const ConvShape& shape);

}  // namespace ginn::device::cpu
