#include "nn/conv2d.h"

#include <algorithm>
#include <vector>

#include "arithmetic/format.h"
#include "nn/run.h"

namespace ginn::nn {
namespace {

struct State final : OperationState {
  const Tensor* dy = nullptr;  // where the gradient is recomputed, until the next forward pass
};

uint32_t largest_magnitude(const device::MapKernels& maps,
                           const float* w,
                           size_t count,
                           ThreadPool* pool) {
  constexpr size_t kPiece = size_t{1} << 18;
  std::vector<uint32_t> largest(threads_of(pool));
  parallel_for(pool, (count + kPiece - 1) / kPiece, [&](size_t i, size_t thread) {
    const size_t first = i * kPiece;
    const uint32_t bits = maps.maxabs_f32(w + first, std::min(kPiece, count - first));
    largest[thread] = std::max(largest[thread], bits);
  });
  return *std::max_element(largest.begin(), largest.end());
}

}  // namespace

device::ConvShape Conv2d::shape_of(uint32_t images, OperandFormat operands) const {
  device::ConvShape shape = config_.shape;
  shape.operands = operands;
  if (config_.linear) {
    shape.w = images;
  } else {
    shape.n = images;
  }
  return shape;
}

Status Conv2d::prepare(device::Level level,
                       OperandFormat operands,
                       const float* parameters,
                       PackedLayer& layer,
                       ThreadPool* pool) const {
  device::ConvShape s = config_.shape;
  s.operands = operands;
  const float* w = parameters + config_.weight_offset;
  const device::MapKernels& maps = device::map_kernels(level);
  const float bound = from_magnitude(largest_magnitude(maps, w, s.weight_count(), pool));
  const auto exponent = fit_operand(bound, operands);
  if (!exponent) return not_finite(config_.name, "the weight");
  const size_t window = size_t{s.kernel_h} * s.kernel_w;
  const size_t channels = s.c / s.groups;
  struct Quantised {
    std::vector<int16_t> file_order;  // of a filter
    std::vector<int16_t> q;           // [filters, KH, KW, C / groups]
  };
  std::vector<Quantised> quantised(threads_of(pool));
  const auto filters = [&](uint32_t first, uint32_t n, size_t thread) -> const int16_t* {
    auto& [file_order, q] = quantised[thread];
    file_order.resize(window * channels);
    q.resize(n * file_order.size());
    int16_t* out = q.data();
    for (uint32_t k = first; k < first + n; ++k, out += file_order.size()) {
      int16_t* const to = window == 1 ? out : file_order.data();
      maps.quantise(w + k * file_order.size(),
                    file_order.size(),
                    pow2f(-*exponent),
                    operand_max(operands),
                    to);
      if (window == 1) continue;
      for (size_t c = 0; c < channels; ++c) {
        for (size_t i = 0; i < window; ++i) out[i * channels + c] = file_order[c * window + i];
      }
    }
    return q.data();
  };
  layer.exponent = *exponent;
  layer.packed.pack(level, s, filters, config_.input_gradient, pool);
  return ok_status();
}

std::unique_ptr<OperationState> Conv2d::make_state(const Run&) const {
  return std::make_unique<State>();
}

Status Conv2d::forward(Run& run, OperationState&) const {
  const Tensor& x = run.value(config_.input);
  Tensor& y = run.value(config_.output);
  const device::Convolution convolution(run.level(), shape_of(run.images(), run.operands()));
  ChannelStatistics* const statistics = run.statistics(config_.output);
  device::Written written;
  if (statistics != nullptr) {
    statistics->begin_values();
    written = [&](size_t first, size_t count) {
      statistics->add_values(run.maps(), y.q.data() + first, count);
    };
  }
  const int shift =
      convolution.fprop(x.q.data(), run.layer().packed, y.q.data(), run.scratch(), written);
  if (statistics != nullptr) statistics->end_values();
  y.exponent = x.exponent + run.layer().exponent + shift;
  return ok_status();
}

Status Conv2d::backward(Run& run, OperationState& base) const {
  const Tensor& x = run.value(config_.input);
  const Tensor& dy = run.take_operand_gradient(config_.output);
  const device::Convolution convolution(run.level(), shape_of(run.images(), run.operands()));
  if (recomputes_gradient(run.capacity())) {
    run.keep(dy);
    static_cast<State&>(base).dy = &dy;
  } else if (!run.is_frozen(config_.weight)) {
    const auto store = [&](size_t first, const int64_t* sums, size_t count) {
      run.store_gradient(config_.weight, first, sums, count, x.exponent + dy.exponent);
    };
    run.scratch().reset();
    convolution.wgrad(x.q.data(), dy.q.data(), run.scratch(), store);
  }
  if (!run.needs_gradient(config_.input)) return ok_status();
  Tensor& dx = run.make_gradient(config_.input);
  run.scratch().reset();
  const int shift = convolution.dgrad(dy.q.data(), run.layer().packed, dx.q.data(), run.scratch());
  dx.exponent = dy.exponent + run.layer().exponent + shift;
  run.send(config_.input, dx);
  return ok_status();
}

// A sum of few products for each of many weights: what is read and written costs more.
bool Conv2d::recomputes_gradient(uint32_t microbatch) const {
  constexpr size_t kManyWeights = size_t{1} << 20;
  constexpr size_t kFewPixels = 64;
  const device::ConvShape& s = config_.shape;
  return s.groups == 1 && s.weight_count() >= kManyWeights &&
         size_t{microbatch} * s.out_h() * s.out_w() <= kFewPixels;
}

void Conv2d::recompute_gradient(Run& run, OperationState& base, const TakeGradient& take) const {
  constexpr size_t kBlock = 2048;  // within the first cache
  const Tensor& x = run.value(config_.input);
  const Tensor& dy = *static_cast<State&>(base).dy;
  const device::Convolution convolution(run.level(), shape_of(run.images(), run.operands()));
  const auto hand_over = [&](size_t first, const int64_t* sums, size_t count) {
    float block[kBlock];
    for (size_t at = 0; at < count; at += kBlock) {
      const size_t n = std::min(kBlock, count - at);
      run.scale_sums(sums + at, n, x.exponent + dy.exponent, block);
      take(first + at, block, n);
    }
  };
  run.scratch().reset();
  convolution.wgrad(x.q.data(), dy.q.data(), run.scratch(), hand_over);
}

}  // namespace ginn::nn
