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
                       PackedLayer& layer) const {
  device::ConvShape s = config_.shape;
  s.operands = operands;
  const size_t count = s.weight_count();
  const float* w = parameters + config_.weight_offset;
  const device::MapKernels& maps = device::map_kernels(level);
  const auto exponent = fit_operand(from_magnitude(maps.maxabs_f32(w, count)), operands);
  if (!exponent) return not_finite(config_.name, "the weight");
  const size_t window = size_t{s.kernel_h} * s.kernel_w;
  const size_t channels = s.c / s.groups;
  std::vector<int16_t> file_order(window * channels);  // of a filter
  std::vector<int16_t> q;                              // [filters, KH, KW, C / groups]
  const auto quantise = [&](uint32_t k, int16_t* out) {
    const float* filter = w + k * file_order.size();
    maps.quantise(filter, file_order.size(), pow2f(-*exponent), operand_max(operands), out);
  };
  const auto filters = [&](uint32_t first, uint32_t n) -> const int16_t* {
    q.resize(n * file_order.size());
    int16_t* out = q.data();
    for (uint32_t k = first; k < first + n; ++k, out += file_order.size()) {
      if (window == 1) {
        quantise(k, out);
        continue;
      }
      quantise(k, file_order.data());
      for (size_t c = 0; c < channels; ++c) {
        for (size_t i = 0; i < window; ++i) out[i * channels + c] = file_order[c * window + i];
      }
    }
    return q.data();
  };
  layer.exponent = *exponent;
  layer.packed.pack(level, s, filters, config_.input_gradient);
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
