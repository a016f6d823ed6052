#include "nn/pooling.h"

#include <algorithm>

#include "arithmetic/format.h"
#include "nn/run.h"

namespace ginn::nn {
namespace {

struct State final : OperationState {
  std::vector<int32_t> sums;  // an average's windows; of gradients, one image at a time
  std::vector<int16_t> rest;  // of one window's gradient: what no tap has taken yet
};

// A window of one image: output pixel `output` and the input's pixels in [row, row_end) x [column,
// column_end).
struct Window {
  size_t output, row, row_end, column, column_end;
};

template <typename Body>
void for_each_window(const Pool::Config& g, const Body& body) {
  const auto begin = [&](size_t i) {
    const size_t at = i * g.stride;
    return at < g.padding ? size_t{0} : at - g.padding;
  };
  const auto end = [&](size_t i, size_t kernel, size_t size) {
    return std::min(i * g.stride + kernel - g.padding, size);  // padding <= kernel / 2
  };
  for (size_t p = 0; p < g.out.h; ++p) {
    for (size_t q = 0; q < g.out.w; ++q) {
      body(Window{p * g.out.w + q,
                  begin(p),
                  end(p, g.kernel_h, g.in.h),
                  begin(q),
                  end(q, g.kernel_w, g.in.w)});
    }
  }
}

// Calls body(pixel) in scan order.
template <typename Body>
void for_each_tap(const Pool::Config& g, const Window& window, const Body& body) {
  for (size_t r = window.row; r < window.row_end; ++r) {
    for (size_t s = window.column; s < window.column_end; ++s) body(r * g.in.w + s);
  }
}

void max_windows(const Pool::Config& g,
                 const device::MapKernels& maps,
                 const int16_t* x,
                 int16_t* y) {
  const size_t c = g.in.c;
  for_each_window(g, [&](const Window& window) {
    int16_t* out = y + window.output * c;
    std::fill_n(out, c, static_cast<int16_t>(-kDfp16Max));
    for_each_tap(g, window, [&](size_t pixel) { maps.max_into(x + pixel * c, c, out); });
  });
}

// |sum| <= 32767 * 2^16 pixels < 2^31 (GraphBuilder limits a window to 2^16 pixels).
void sum_windows(const Pool::Config& g,
                 const device::MapKernels& maps,
                 const int16_t* x,
                 int32_t* sums) {
  const size_t c = g.in.c;
  for_each_window(g, [&](const Window& window) {
    int32_t* out = sums + window.output * c;
    std::fill_n(out, c, 0);
    for_each_tap(g, window, [&](size_t pixel) { maps.add_into(x + pixel * c, c, out); });
  });
}

// Sends every output's gradient to the first pixel, in scan order, that holds the window's maximum.
void scatter_max(const Pool::Config& g,
                 const device::MapKernels& maps,
                 const int16_t* x,
                 const int16_t* y,
                 const int16_t* d,
                 int16_t* rest,
                 int32_t* sums) {
  const size_t c = g.in.c;
  for_each_window(g, [&](const Window& window) {
    std::copy_n(d + window.output * c, c, rest);
    for_each_tap(g, window, [&](size_t pixel) {
      maps.route_max(x + pixel * c, y + window.output * c, c, rest, sums + pixel * c);
    });
  });
}

void scatter_sum(const Pool::Config& g,
                 const device::MapKernels& maps,
                 const int16_t* d,
                 int32_t* sums) {
  const size_t c = g.in.c;
  for_each_window(g, [&](const Window& window) {
    const int16_t* from = d + window.output * c;
    for_each_tap(g, window, [&](size_t pixel) { maps.add_into(from, c, sums + pixel * c); });
  });
}

int32_t maxabs(const std::vector<int32_t>& values, size_t count) {
  int32_t largest = 0;
  for (size_t i = 0; i < count; ++i) largest = std::max(largest, std::abs(values[i]));
  return largest;
}

}  // namespace

int32_t Pool::cover() const {
  if (!config_.max && config_.out.h == 1 && config_.out.w == 1) return 1;
  const auto rows = (config_.kernel_h + config_.stride - 1) / config_.stride;
  const auto columns = (config_.kernel_w + config_.stride - 1) / config_.stride;
  return static_cast<int32_t>(rows * columns);
}

std::unique_ptr<OperationState> Pool::make_state(const Run& run) const {
  auto state = std::make_unique<State>();
  const size_t of_outputs = config_.max ? 0 : run.capacity_count(config_.output);
  state->sums.resize(std::max(config_.in.count(), of_outputs));
  state->rest.resize(config_.in.c);
  return state;
}

Status Pool::forward(Run& run, OperationState& base) const {
  State& state = static_cast<State&>(base);
  const Tensor& x = run.value(config_.input);
  Tensor& y = run.value(config_.output);
  const size_t in = config_.in.count();
  const size_t out = config_.out.count();
  if (config_.max) {
    for (size_t n = 0; n < run.images(); ++n) {
      max_windows(config_, run.maps(), x.q.data() + n * in, y.q.data() + n * out);
    }
    y.exponent = x.exponent;
    return ok_status();
  }
  const size_t count = run.count(config_.output);
  const float window = static_cast<float>(config_.kernel_h * config_.kernel_w);
  for (size_t n = 0; n < run.images(); ++n) {
    sum_windows(config_, run.maps(), x.q.data() + n * in, state.sums.data() + n * out);
  }
  const auto exponent =
      run.fit_operand((static_cast<float>(maxabs(state.sums, count)) / window) * pow2f(x.exponent));
  if (!exponent) return not_finite(config_.name, "the average");
  y.exponent = *exponent;
  const float scale = pow2f(x.exponent - *exponent);
  for (size_t i = 0; i < count; ++i) {
    y.q[i] = quant((static_cast<float>(state.sums[i]) / window) * scale, run.operand_max());
  }
  return ok_status();
}

void Pool::max_backward(
    Run& run, OperationState& base, const Tensor& d, int64_t bound, Tensor& dx) const {
  State& state = static_cast<State&>(base);
  const size_t in = config_.in.count();
  const size_t out = config_.out.count();
  const int shift = range_shift(bound, kDfp16Max);
  for (size_t n = 0; n < run.images(); ++n) {
    std::fill_n(state.sums.begin(), in, 0);
    scatter_max(config_,
                run.maps(),
                run.value(config_.input).q.data() + n * in,
                run.value(config_.output).q.data() + n * out,
                d.q.data() + n * out,
                state.rest.data(),
                state.sums.data());
    run.maps().narrow(state.sums.data(), in, shift, dx.q.data() + n * in);
  }
  dx.exponent = d.exponent + shift;
}

Status Pool::backward(Run& run, OperationState& base) const {
  State& state = static_cast<State&>(base);
  GINN_ASSIGN(Tensor * d, run.join(config_.output));
  Tensor& dx = run.make_gradient(config_.input);
  const size_t in = config_.in.count();
  // |sum| <= cover * 32767 <= 2^16 * 2^15, for a maximum 2^14 * 2^15.
  const int32_t largest = run.maps().maxabs_i16(d->q.data(), run.count(config_.output));
  const int64_t bound = int64_t{cover()} * largest;
  if (config_.max) {
    max_backward(run, state, *d, bound, dx);
    run.send(config_.input, dx);
    return ok_status();
  }
  const float window = static_cast<float>(config_.kernel_h * config_.kernel_w);
  const auto exponent = fit16((static_cast<float>(bound) / window) * pow2f(d->exponent));
  if (!exponent) return not_finite(config_.name, "its gradient");
  const float scale = pow2f(d->exponent - *exponent);
  for (size_t n = 0; n < run.images(); ++n) {
    std::fill_n(state.sums.begin(), in, 0);
    scatter_sum(config_, run.maps(), d->q.data() + n * config_.out.count(), state.sums.data());
    int16_t* out = dx.q.data() + n * in;
    const int32_t* sums = state.sums.data();
    const size_t c = config_.in.c;
    for (size_t first = 0; first < in; first += c, sums += c, out += c) {
      if (first > 0 && std::equal(sums, sums + c, sums - c)) {  // of the same window
        std::copy_n(out - c, c, out);
        continue;
      }
      for (size_t i = 0; i < c; ++i) {
        out[i] = quant((static_cast<float>(sums[i]) / window) * scale, kDfp16Max);
      }
    }
  }
  dx.exponent = *exponent;
  run.send(config_.input, dx);
  return ok_status();
}

std::unique_ptr<OperationState> Flatten::make_state(const Run&) const {
  return std::make_unique<State>();
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

Status Flatten::backward(Run& run, OperationState&) const {
  GINN_ASSIGN(Tensor * d, run.join(config_.output));
  Tensor& dx = run.make_gradient(config_.input);
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
