#include "nn/pooling.h"

#include <algorithm>

#include "arithmetic/format.h"
#include "nn/run.h"

namespace ginn::nn {
namespace {

struct State final : OperationState {
  Tensor input_gradient;
  std::vector<int32_t> sums;  // of windows, or of gradients: [largest of input and output]
};

// Calls body(window's first pixel, output position) for every window; indices count pixels.
template <typename Body>
void for_each_window(const Pool::Config& g, uint32_t images, const Body& body) {
  size_t output = 0;
  for (size_t n = 0; n < images; ++n) {
    for (size_t p = 0; p < g.out.h; ++p) {
      for (size_t q = 0; q < g.out.w; ++q, ++output) {
        body((n * g.in.h + p * g.stride) * g.in.w + q * g.stride, output);
      }
    }
  }
}

void max_windows(const Pool::Config& g, uint32_t images, const int16_t* x, int16_t* y) {
  const size_t c = g.in.c;
  for_each_window(g, images, [&](size_t corner, size_t output) {
    int16_t* out = y + output * c;
    std::copy_n(x + corner * c, c, out);
    for (size_t r = 0; r < g.kernel_h; ++r) {
      for (size_t s = 0; s < g.kernel_w; ++s) {
        const int16_t* in = x + (corner + r * g.in.w + s) * c;
        for (size_t i = 0; i < c; ++i) out[i] = std::max(out[i], in[i]);
      }
    }
  });
}

// |sum| <= 8191 * 2^16 pixels < 2^31 (GraphBuilder limits a window to 2^16 pixels).
void sum_windows(const Pool::Config& g, uint32_t images, const int16_t* x, int32_t* sums) {
  const size_t c = g.in.c;
  for_each_window(g, images, [&](size_t corner, size_t output) {
    int32_t* out = sums + output * c;
    std::fill_n(out, c, 0);
    for (size_t r = 0; r < g.kernel_h; ++r) {
      for (size_t s = 0; s < g.kernel_w; ++s) {
        const int16_t* in = x + (corner + r * g.in.w + s) * c;
        for (size_t i = 0; i < c; ++i) out[i] += in[i];
      }
    }
  });
}

// Sends every output's gradient to the first pixel, in scan order, that holds the window's maximum.
void scatter_max(const Pool::Config& g,
                 uint32_t images,
                 const int16_t* x,
                 const int16_t* y,
                 const int16_t* d,
                 int32_t* sums) {
  const size_t c = g.in.c;
  for_each_window(g, images, [&](size_t corner, size_t output) {
    for (size_t i = 0; i < c; ++i) {
      const int16_t largest = y[output * c + i];
      bool found = false;
      for (size_t r = 0; r < g.kernel_h && !found; ++r) {
        for (size_t s = 0; s < g.kernel_w && !found; ++s) {
          const size_t at = (corner + r * g.in.w + s) * c + i;
          if (x[at] != largest) continue;
          sums[at] += d[output * c + i];
          found = true;
        }
      }
    }
  });
}

void scatter_sum(const Pool::Config& g, uint32_t images, const int16_t* d, int32_t* sums) {
  const size_t c = g.in.c;
  for_each_window(g, images, [&](size_t corner, size_t output) {
    const int16_t* from = d + output * c;
    for (size_t r = 0; r < g.kernel_h; ++r) {
      for (size_t s = 0; s < g.kernel_w; ++s) {
        int32_t* to = sums + (corner + r * g.in.w + s) * c;
        for (size_t i = 0; i < c; ++i) to[i] += from[i];
      }
    }
  });
}

int32_t maxabs(const std::vector<int32_t>& values, size_t count) {
  int32_t largest = 0;
  for (size_t i = 0; i < count; ++i) largest = std::max(largest, std::abs(values[i]));
  return largest;
}

}  // namespace

int32_t Pool::cover() const {
  if (config_.out.h == 1 && config_.out.w == 1) return 1;
  const auto rows = (config_.kernel_h + config_.stride - 1) / config_.stride;
  const auto columns = (config_.kernel_w + config_.stride - 1) / config_.stride;
  return static_cast<int32_t>(rows * columns);
}

std::unique_ptr<OperationState> Pool::make_state(const Run& run) const {
  auto state = std::make_unique<State>();
  state->input_gradient.q = device::Buffer<int16_t>(run.capacity_count(config_.input));
  state->sums.resize(
      std::max(run.capacity_count(config_.input), run.capacity_count(config_.output)));
  return state;
}

Status Pool::forward(Run& run, OperationState& base) const {
  State& state = static_cast<State&>(base);
  const Tensor& x = run.value(config_.input);
  Tensor& y = run.value(config_.output);
  if (config_.max) {
    max_windows(config_, run.images(), x.q.data(), y.q.data());
    y.exponent = x.exponent;
    return ok_status();
  }
  const size_t count = run.count(config_.output);
  const float window = static_cast<float>(config_.kernel_h * config_.kernel_w);
  sum_windows(config_, run.images(), x.q.data(), state.sums.data());
  const auto exponent =
      fit14((static_cast<float>(maxabs(state.sums, count)) / window) * pow2f(x.exponent));
  if (!exponent) return not_finite(config_.name, "the average");
  y.exponent = *exponent;
  const float scale = pow2f(x.exponent - *exponent);
  for (size_t i = 0; i < count; ++i) {
    y.q[i] = quant((static_cast<float>(state.sums[i]) / window) * scale, kDfp14Max);
  }
  return ok_status();
}

Status Pool::backward(Run& run, OperationState& base) const {
  State& state = static_cast<State&>(base);
  GINN_ASSIGN(Tensor * d, run.join(config_.output));
  Tensor& dx = state.input_gradient;
  const size_t count = run.count(config_.input);
  // |sum| <= cover * 32767 <= 2^16 * 2^15.
  std::fill_n(state.sums.begin(), count, 0);
  const int32_t largest = run.maps().maxabs_i16(d->q.data(), run.count(config_.output));
  const int64_t bound = int64_t{cover()} * largest;
  if (config_.max) {
    scatter_max(config_,
                run.images(),
                run.value(config_.input).q.data(),
                run.value(config_.output).q.data(),
                d->q.data(),
                state.sums.data());
    int shift = 0;
    while (bound > (int64_t{kDfp16Max} << shift)) ++shift;
    for (size_t i = 0; i < count; ++i) {
      dx.q[i] = static_cast<int16_t>(device::shift_rne(state.sums[i], shift));
    }
    dx.exponent = d->exponent + shift;
  } else {
    const float window = static_cast<float>(config_.kernel_h * config_.kernel_w);
    scatter_sum(config_, run.images(), d->q.data(), state.sums.data());
    const auto exponent = fit16((static_cast<float>(bound) / window) * pow2f(d->exponent));
    if (!exponent) return not_finite(config_.name, "its gradient");
    const float scale = pow2f(d->exponent - *exponent);
    for (size_t i = 0; i < count; ++i) {
      dx.q[i] = quant((static_cast<float>(state.sums[i]) / window) * scale, kDfp16Max);
    }
    dx.exponent = *exponent;
  }
  run.send(config_.input, dx);
  return ok_status();
}

std::unique_ptr<OperationState> Flatten::make_state(const Run& run) const {
  auto state = std::make_unique<State>();
  state->input_gradient.q = device::Buffer<int16_t>(run.capacity_count(config_.input));
  return state;
}

Status Flatten::forward(Run& run, OperationState&) const {
  const Tensor& x = run.value(config_.input);
  Tensor& y = run.value(config_.output);
  const size_t pixels = size_t{config_.in.h} * config_.in.w;
  const size_t c = config_.in.c;
  for (size_t n = 0; n < run.images(); ++n) {
    const size_t base = n * pixels * c;
    for (size_t i = 0; i < pixels; ++i) {
      for (size_t j = 0; j < c; ++j) y.q[base + j * pixels + i] = x.q[base + i * c + j];
    }
  }
  y.exponent = x.exponent;
  return ok_status();
}

Status Flatten::backward(Run& run, OperationState& base) const {
  if (!config_.input_gradient) return ok_status();
  GINN_ASSIGN(Tensor * d, run.join(config_.output));
  Tensor& dx = static_cast<State&>(base).input_gradient;
  const size_t pixels = size_t{config_.in.h} * config_.in.w;
  const size_t c = config_.in.c;
  for (size_t n = 0; n < run.images(); ++n) {
    const size_t at = n * pixels * c;
    for (size_t i = 0; i < pixels; ++i) {
      for (size_t j = 0; j < c; ++j) dx.q[at + i * c + j] = d->q[at + j * pixels + i];
    }
  }
  dx.exponent = d->exponent;
  run.send(config_.input, dx);
  return ok_status();
}

}  // namespace ginn::nn
