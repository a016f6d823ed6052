#include "device/convolution.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "device/cpu/correlation.h"
#include "device/cpu/depthwise.h"
#include "device/cpu/dispatch.h"
#include "device/cpu/portable.h"

namespace ginn::device {

bool ConvShape::valid() const {
  constexpr uint32_t kSizes = 1u << 16;
  constexpr uint64_t kTerms = 1u << 20;
  constexpr uint64_t kPixels = 1u << 26;
  for (const uint32_t size : {n, h, w, c, k, kernel_h, kernel_w, stride, groups}) {
    if (size == 0 || size >= kSizes) return false;
  }
  if (c % groups != 0 || k % groups != 0) return false;
  if (padding >= kernel_h || padding >= kernel_w) return false;
  if (kernel_h > h + 2 * padding || kernel_w > w + 2 * padding) return false;
  const uint64_t area = uint64_t{kernel_h} * kernel_w;
  if (area * c > kTerms || area * k > kTerms) return false;
  return uint64_t{n} * out_h() <= kPixels && uint64_t{n} * out_h() * out_w() <= kPixels;
}

ConvShape ConvShape::of_group() const {
  ConvShape shape = *this;
  shape.c /= groups;
  shape.k /= groups;
  shape.groups = 1;
  return shape;
}

int bound_shift(uint64_t a, uint64_t b) {
  using Wide = unsigned __int128;
  const Wide product = Wide{a} * b;
  Wide limit = Wide{32767} * 32767;
  int shift = 0;
  for (; product > limit; ++shift) limit <<= 2;  // product < 2^100: at most 35 times
  return shift;
}

void PackedWeights::pack(Level level, const ConvShape& shape, const int16_t* q, bool with_dgrad) {
  const size_t filter = shape.weight_count() / shape.k;
  const FilterSource filters = [&](uint32_t first, uint32_t, size_t) { return q + first * filter; };
  pack(level, shape, filters, with_dgrad);
}

void PackedWeights::pack(Level level,
                         const ConvShape& shape,
                         const FilterSource& filters,
                         bool with_dgrad,
                         ThreadPool* pool) {
  GINN_CHECK(shape.valid() && level_supported(level));
  level_ = level;
  if (level != Level::kPortable && cpu::has_depthwise_kernels(shape)) {
    pack_depthwise(shape, filters(0, shape.k, 0));
  } else if (level != Level::kPortable && shape.groups > 1) {
    const ConvShape group = shape.of_group();
    groups_.resize(shape.groups);
    for (uint32_t g = 0; g < shape.groups; ++g) {
      const auto of_group = [&](uint32_t first, uint32_t count, size_t thread) {
        return filters(g * group.k + first, count, thread);
      };
      groups_[g].pack(level, group, of_group, with_dgrad, pool);
    }
  } else {
    pack_dense(shape, filters, with_dgrad, pool);
  }
}

void PackedWeights::pack_dense(const ConvShape& shape,
                               const FilterSource& filters,
                               bool with_dgrad,
                               ThreadPool* pool) {
  const bool portable = level_ == Level::kPortable;
  const auto lanes = [&](uint32_t columns) {
    return cpu::kernels_of(level_, shape.operands, columns).lanes;
  };
  if (portable) {
    if (fprop_.size() != shape.weight_count()) fprop_ = Buffer<int16_t>(shape.weight_count());
  } else {
    cpu::make_room(cpu::fprop_plan(shape, lanes(shape.k)), fprop_);
    if (with_dgrad) cpu::make_room(cpu::dgrad_plan(shape, lanes(shape.c)), dgrad_);
  }
  if (!with_dgrad) dgrad_ = Buffer<int16_t>();
  // Of large layers some filters at a time, which are packed while they are near.
  const uint32_t at_once =
      !portable && cpu::is_pointwise(shape) ? static_cast<uint32_t>(cpu::kChunk) : shape.k;
  std::vector<cpu::WeightNorms> norms(threads_of(pool), cpu::WeightNorms(shape));
  parallel_for(pool, (shape.k + at_once - 1) / at_once, [&](size_t i, size_t thread) {
    const uint32_t first = static_cast<uint32_t>(i) * at_once;
    const uint32_t count = std::min(at_once, shape.k - first);
    const cpu::Filters part{filters(first, count, thread), first, count};
    if (shape.groups == 1) norms[thread].add(part);
    if (portable) {
      std::memcpy(fprop_.data(), part.q, shape.weight_count() * sizeof *part.q);
      return;
    }
    cpu::pack_fprop(shape, lanes(shape.k), part, fprop_);
    if (with_dgrad) cpu::pack_dgrad(shape, lanes(shape.c), part, dgrad_);
  });
  for (size_t i = 1; i < norms.size(); ++i) norms[0].add(norms[i]);
  fprop_norms_ = norms[0].fprop();
  dgrad_norms_ = norms[0].dgrad();
}

Convolution::Convolution(Level level, const ConvShape& shape) : level_(level), shape_(shape) {
  GINN_CHECK(shape.valid() && level_supported(level));
}

// Without kernels that say what they have written.
int Convolution::fprop_at_once(const int16_t* x,
                               const PackedWeights& w,
                               int16_t* y,
                               Scratch& scratch) const {
  if (level_ == Level::kPortable) {
    GINN_CHECK(w.fprop_.size() == shape_.weight_count());
    return cpu::portable::fprop(shape_, x, w.fprop_.data(), y);
  }
  if (cpu::has_depthwise_kernels(shape_)) {
    return correlate_depthwise(Way::kForward, x, w, y, scratch);
  }
  return correlate_groups(Way::kForward, x, w, y, scratch);
}

int Convolution::fprop(const int16_t* x,
                       const PackedWeights& w,
                       int16_t* y,
                       Scratch& scratch,
                       const Written& written) const {
  GINN_CHECK(w.level_ == level_);
  if (level_ == Level::kPortable || shape_.groups > 1) {
    const int shift = fprop_at_once(x, w, y, scratch);
    if (written) written(0, shape_.output_count());
    return shift;
  }
  const cpu::Kernels& kernels = cpu::kernels_of(level_, shape_.operands, shape_.k);
  const cpu::Plan plan = cpu::fprop_plan(shape_, kernels.lanes);
  GINN_CHECK(w.fprop_.size() == static_cast<size_t>(plan.packed_count));
  return cpu::correlate(kernels, plan, x, w.fprop_.data(), w.fprop_norms_, y, scratch, 0, written);
}

int Convolution::dgrad(const int16_t* dy,
                       const PackedWeights& w,
                       int16_t* dx,
                       Scratch& scratch) const {
  GINN_CHECK(w.level_ == level_);
  if (level_ == Level::kPortable) {
    GINN_CHECK(w.fprop_.size() == shape_.weight_count());
    return cpu::portable::dgrad(shape_, dy, w.fprop_.data(), dx);
  }
  if (cpu::has_depthwise_kernels(shape_)) {
    return correlate_depthwise(Way::kBackward, dy, w, dx, scratch);
  }
  if (shape_.groups > 1) return correlate_groups(Way::kBackward, dy, w, dx, scratch);
  const cpu::Kernels& kernels = cpu::kernels_of(level_, shape_.operands, shape_.c);
  const cpu::Plan plan = cpu::dgrad_plan(shape_, kernels.lanes);
  GINN_CHECK(w.dgrad_.size() == static_cast<size_t>(plan.packed_count));
  return cpu::correlate(kernels, plan, dy, w.dgrad_.data(), w.dgrad_norms_, dx, scratch);
}

void Convolution::wgrad(const int16_t* x,
                        const int16_t* dy,
                        Scratch& scratch,
                        const GradientSink& sink) const {
  if (level_ == Level::kPortable) {
    scratch.reset();
    auto* dw = scratch.take<int64_t>(shape_.weight_count());
    cpu::portable::wgrad(shape_, x, dy, dw);
    sink(0, dw, shape_.weight_count());
    return;
  }
  if (cpu::has_depthwise_kernels(shape_)) return wgrad_depthwise(x, dy, scratch, sink);
  if (shape_.groups > 1) return wgrad_groups(x, dy, scratch, sink);
  const cpu::Kernels& kernels =
      cpu::kernels_of(level_, shape_.operands, cpu::gradient_columns(shape_));
  cpu::weight_gradient(kernels, shape_, x, dy, scratch, sink);
}

void Convolution::wgrad(const int16_t* x, const int16_t* dy, int64_t* dw, Scratch& scratch) const {
  wgrad(x, dy, scratch, [dw](size_t first, const int64_t* sums, size_t count) {
    std::memcpy(dw + first, sums, count * sizeof *dw);
  });
}

}  // namespace ginn::device
