// Convolutions with groups: each group by the kernels of its level, or, of one channel each, by
// kernels of their own.
#include <algorithm>

#include "base/check.h"
#include "device/convolution.h"
#include "device/cpu/correlation.h"
#include "device/cpu/depthwise.h"
#include "device/cpu/dispatch.h"

namespace ginn::device {
namespace {

// A group's channels of every pixel, side by side, and back.
void gather(const int16_t* from, size_t pixels, size_t channels, size_t width, int16_t* to) {
  for (size_t i = 0; i < pixels; ++i, from += channels) to = std::copy_n(from, width, to);
}
void scatter(const int16_t* from, size_t pixels, size_t channels, size_t width, int16_t* to) {
  for (size_t i = 0; i < pixels; ++i, to += channels) {
    std::copy_n(from, width, to);
    from += width;
  }
}

// Along one side: the source positions that a destination position sums, each with its tap.
struct Tap {
  int64_t source, tap;
};
class Side {
 public:
  Side(const ConvShape& shape, bool rows, bool forward, Scratch& scratch)
      : forward_(forward), stride_(shape.stride), padding_(shape.padding) {
    const int64_t in = rows ? shape.h : shape.w;
    const int64_t out = rows ? shape.out_h() : shape.out_w();
    kernel_ = rows ? shape.kernel_h : shape.kernel_w;
    source_ = forward ? in : out;
    size_ = forward ? out : in;
    taps_ = scratch.take<Tap>(static_cast<size_t>(size_ * kernel_));
    counts_ = scratch.take<int64_t>(static_cast<size_t>(size_));
    for (int64_t i = 0; i < size_; ++i) list(i);
  }
  int64_t size() const { return size_; }
  int64_t source() const { return source_; }
  int64_t count(int64_t i) const { return counts_[i]; }
  const Tap* taps(int64_t i) const { return taps_ + i * kernel_; }

 private:
  void list(int64_t i) {
    counts_[i] = 0;
    for (int64_t t = 0; t < kernel_; ++t) {
      int64_t at = forward_ ? i * stride_ + t - padding_ : i + padding_ - t;
      if (at < 0 || (!forward_ && at % stride_ != 0)) continue;
      if (!forward_) at /= stride_;
      if (at < source_) taps_[i * kernel_ + counts_[i]++] = {at, t};
    }
  }
  bool forward_;
  int64_t stride_, padding_, kernel_ = 0, source_ = 0, size_ = 0;
  Tap* taps_ = nullptr;
  int64_t* counts_ = nullptr;
};

// A depthwise fprop or dgrad: every destination pixel sums source pixels, each times its tap's
// weights.
class Correlation {
 public:
  Correlation(const ConvShape& shape, bool forward, const int16_t* src, Scratch& scratch)
      : images_(shape.n),
        channels_(shape.c),
        kernel_w_(shape.kernel_w),
        rows_(shape, true, forward, scratch),
        columns_(shape, false, forward, scratch),
        src_(src) {
    const size_t area = size_t{shape.kernel_h} * shape.kernel_w;
    x_ = scratch.take<const int16_t*>(area);
    w_ = scratch.take<const int16_t*>(area);
  }
  // Calls body(x, w, taps, pixel) for every destination pixel; `weights` is [KH, KW, C].
  template <typename Body>
  void for_pixels(const int16_t* weights, const Body& body) {
    int64_t pixel = 0;
    for (int64_t n = 0; n < images_; ++n) {
      for (int64_t i = 0; i < rows_.size(); ++i) {
        for (int64_t j = 0; j < columns_.size(); ++j) {
          body(x_, w_, list(weights, n, i, j), pixel++);
        }
      }
    }
  }

 private:
  int64_t list(const int16_t* weights, int64_t n, int64_t i, int64_t j) {
    int64_t taps = 0;
    for (int64_t r = 0; r < rows_.count(i); ++r) {
      const Tap row = rows_.taps(i)[r];
      const int16_t* from =
          src_ + (n * rows_.source() + row.source) * columns_.source() * channels_;
      const int16_t* weight = weights + row.tap * kernel_w_ * channels_;
      for (int64_t s = 0; s < columns_.count(j); ++s, ++taps) {
        const Tap column = columns_.taps(j)[s];
        x_[taps] = from + column.source * channels_;
        w_[taps] = weight + column.tap * channels_;
      }
    }
    return taps;
  }
  int64_t images_, channels_, kernel_w_;
  Side rows_, columns_;
  const int16_t* src_;
  const int16_t** x_;  // of one destination pixel
  const int16_t** w_;
};

// Sums that may leave int32: only of kernels of more than 32 taps, with large values.
void multiply_wide(const int16_t* const* x,
                   const int16_t* const* w,
                   int64_t taps,
                   int64_t channels,
                   int shift,
                   int16_t* y) {
  for (int64_t c = 0; c < channels; ++c) {
    int64_t sum = 0;
    for (int64_t t = 0; t < taps; ++t) sum += int64_t{x[t][c]} * w[t][c];
    y[c] = static_cast<int16_t>(shift_rne(sum, shift));
  }
}

}  // namespace

void PackedWeights::pack_depthwise(const ConvShape& shape, const int16_t* q) {
  const size_t area = size_t{shape.kernel_h} * shape.kernel_w;
  if (fprop_.size() != shape.weight_count()) fprop_ = Buffer<int16_t>(shape.weight_count());
  filter_norms_.assign(shape.c, 0);
  for (size_t c = 0; c < shape.c; ++c) {
    for (size_t t = 0; t < area; ++t) {
      const int64_t value = q[c * area + t];
      fprop_[t * shape.c + c] = q[c * area + t];
      filter_norms_[c] += static_cast<uint64_t>(value * value);
    }
  }
}

int Convolution::correlate_groups(
    Way way, const int16_t* src, const PackedWeights& w, int16_t* dst, Scratch& scratch) const {
  GINN_CHECK(w.groups_.size() == shape_.groups);
  scratch.reset();
  const bool forward = way == Way::kForward;
  const ConvShape group = shape_.of_group();
  const cpu::Kernels& kernels =
      cpu::kernels_of(level_, shape_.operands, forward ? group.k : group.c);
  const cpu::Plan plan =
      forward ? cpu::fprop_plan(group, kernels.lanes) : cpu::dgrad_plan(group, kernels.lanes);
  const size_t in = forward ? group.c : group.k;  // channels of a group
  const size_t out = forward ? group.k : group.c;
  const size_t src_count = forward ? group.input_count() : group.output_count();
  const size_t dst_count = forward ? group.output_count() : group.input_count();
  auto* sources = scratch.take<int16_t>(src_count * shape_.groups);
  auto* result = scratch.take<int16_t>(dst_count);
  const auto norms = [&](size_t g) -> const Norms& {
    return forward ? w.groups_[g].fprop_norms_ : w.groups_[g].dgrad_norms_;
  };
  int shift = 0;
  for (size_t g = 0; g < shape_.groups; ++g) {
    int16_t* source = sources + g * src_count;
    gather(src + g * in, src_count / in, in * shape_.groups, in, source);
    shift =
        std::max(shift, cpu::correlation_shift(kernels, plan, source, norms(g), scratch.inner()));
  }
  for (size_t g = 0; g < shape_.groups; ++g) {
    const auto& packed = forward ? w.groups_[g].fprop_ : w.groups_[g].dgrad_;
    GINN_CHECK(packed.size() == static_cast<size_t>(plan.packed_count));
    cpu::correlate(kernels,
                   plan,
                   sources + g * src_count,
                   packed.data(),
                   norms(g),
                   result,
                   scratch.inner(),
                   shift);
    scatter(result, dst_count / out, out * shape_.groups, out, dst + g * out);
  }
  return shift;
}

void Convolution::wgrad_groups(const int16_t* x,
                               const int16_t* dy,
                               Scratch& scratch,
                               const GradientSink& sink) const {
  scratch.reset();
  const ConvShape group = shape_.of_group();
  const cpu::Kernels& kernels =
      cpu::kernels_of(level_, shape_.operands, cpu::gradient_columns(group));
  auto* x_group = scratch.take<int16_t>(group.input_count());
  auto* dy_group = scratch.take<int16_t>(group.output_count());
  for (size_t g = 0; g < shape_.groups; ++g) {
    gather(x + g * group.c, group.input_count() / group.c, shape_.c, group.c, x_group);
    gather(dy + g * group.k, group.output_count() / group.k, shape_.k, group.k, dy_group);
    const auto place = [&](size_t first, const int64_t* sums, size_t count) {
      sink(g * group.weight_count() + first, sums, count);
    };
    cpu::weight_gradient(kernels, group, x_group, dy_group, scratch.inner(), place);
  }
}

int Convolution::correlate_depthwise(
    Way way, const int16_t* src, const PackedWeights& w, int16_t* dst, Scratch& scratch) const {
  GINN_CHECK(w.fprop_.size() == shape_.weight_count() && w.filter_norms_.size() == shape_.c);
  scratch.reset();
  const cpu::DepthwiseKernels& kernels = cpu::depthwise_kernels(level_);
  const int64_t channels = shape_.c;
  Correlation correlation(shape_, way == Way::kForward, src, scratch);
  auto* window_norms = scratch.take<uint32_t>(shape_.c);
  std::fill_n(window_norms, shape_.c, 0u);
  using Pointers = const int16_t* const*;
  correlation.for_pixels(w.fprop_.data(), [&](Pointers x, Pointers, int64_t taps, int64_t) {
    kernels.norms(x, taps, channels, window_norms);
  });
  int shift = 0;
  for (size_t c = 0; c < shape_.c; ++c) {
    shift = std::max(shift, bound_shift(w.filter_norms_[c], window_norms[c]));
  }
  const auto multiply = shift > cpu::kMostNarrowShift ? multiply_wide : kernels.multiply;
  correlation.for_pixels(w.fprop_.data(), [&](Pointers x, Pointers f, int64_t taps, int64_t i) {
    multiply(x, f, taps, channels, shift, dst + i * channels);
  });
  return shift;
}

void Convolution::wgrad_depthwise(const int16_t* x,
                                  const int16_t* dy,
                                  Scratch& scratch,
                                  const GradientSink& sink) const {
  scratch.reset();
  const cpu::DepthwiseKernels& kernels = cpu::depthwise_kernels(level_);
  const Side rows(shape_, true, true, scratch);
  const int64_t channels = shape_.c;
  const int64_t stride = shape_.stride;
  const int64_t padding = shape_.padding;
  const int64_t out_w = shape_.out_w();
  const size_t area = size_t{shape_.kernel_h} * shape_.kernel_w;
  auto* sums = scratch.take<int64_t>(shape_.weight_count());  // [KH, KW, C]
  std::fill_n(sums, shape_.weight_count(), 0);
  // One row of outputs and one tap: a row of inputs, `stride` apart.
  const auto add_row = [&](const int16_t* x_row, const int16_t* dy_row, int64_t s, int64_t* to) {
    const int64_t first = s >= padding ? 0 : (padding - s + stride - 1) / stride;
    const int64_t last = (int64_t{shape_.w} - 1 + padding - s) / stride;  // s <= w - 1 + 2 padding
    const int64_t end = int64_t{shape_.w} - 1 + padding < s ? 0 : std::min(out_w, last + 1);
    for (int64_t q = first; q < end; q += cpu::kMostPixels) {
      kernels.accumulate(dy_row + q * channels,
                         channels,
                         x_row + (q * stride + s - padding) * channels,
                         stride * channels,
                         std::min(end - q, cpu::kMostPixels),
                         channels,
                         to);
    }
  };
  for (int64_t n = 0; n < shape_.n; ++n) {
    for (int64_t p = 0; p < rows.size(); ++p) {
      const int16_t* dy_row = dy + (n * rows.size() + p) * out_w * channels;
      for (int64_t i = 0; i < rows.count(p); ++i) {
        const Tap row = rows.taps(p)[i];
        const int16_t* x_row = x + (n * shape_.h + row.source) * shape_.w * channels;
        for (int64_t s = 0; s < shape_.kernel_w; ++s) {
          add_row(x_row, dy_row, s, sums + (row.tap * shape_.kernel_w + s) * channels);
        }
      }
    }
  }
  auto* dw = scratch.take<int64_t>(shape_.weight_count());  // [K, 1, KH, KW]
  for (size_t c = 0; c < shape_.c; ++c) {
    for (size_t t = 0; t < area; ++t) dw[c * area + t] = sums[t * shape_.c + c];
  }
  sink(0, dw, shape_.weight_count());
}

}  // namespace ginn::device
