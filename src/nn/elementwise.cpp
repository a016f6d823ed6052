#include "nn/elementwise.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "arithmetic/elementary.h"
#include "arithmetic/format.h"
#include "nn/run.h"

namespace ginn::nn {
namespace {

// f or its derivative for every integer between the smallest and the largest of an activation.
struct State final : OperationState {
  int32_t low = 0, high = 0;
  std::vector<float> table;  // [high - low + 1]
  std::vector<int16_t> rounded;
};

// The normal distribution's share below x.
float share_below(float x) { return 0.5f * (1.0f + erf_f32(x * 0.707106781f)); }

float value(Function function, float x) {
  switch (function) {
    case Function::kSigmoid:
      return sigmoid_f32(x);
    case Function::kTanh:
      return tanh_f32(x);
    case Function::kSilu:
      return x * sigmoid_f32(x);
    case Function::kGelu:
      return x * share_below(x);
  }
  return 0.0f;
}

float derivative(Function function, float x) {
  switch (function) {
    case Function::kSigmoid: {
      const float s = sigmoid_f32(x);
      return s * (1.0f - s);
    }
    case Function::kTanh: {
      const float t = tanh_f32(x);
      return std::fma(-t, t, 1.0f);
    }
    case Function::kSilu: {
      const float s = sigmoid_f32(x);
      return s * std::fma(x, 1.0f - s, 1.0f);
    }
    case Function::kGelu:
      return std::fma(x * 0.398942280f, exp_f32(-0.5f * (x * x)), share_below(x));
  }
  return 0.0f;
}

// Fills the table; gives the largest magnitude in it.
template <typename Map>
float tabulate(State& state, int exponent, const Map& map) {
  const float unit = pow2f(exponent);
  state.table.resize(static_cast<size_t>(state.high - state.low + 1));
  float largest = 0.0f;
  for (int32_t q = state.low; q <= state.high; ++q) {
    const float y = map(static_cast<float>(q) * unit);
    state.table[static_cast<size_t>(q - state.low)] = y;
    largest = max_magnitude(largest, y);
  }
  return largest;
}

}  // namespace

std::string_view Elementwise::function_name(Function function) {
  switch (function) {
    case Function::kSigmoid:
      return "sigmoid";
    case Function::kTanh:
      return "tanh";
    case Function::kSilu:
      return "silu";
    case Function::kGelu:
      return "gelu";
  }
  return "";
}

std::unique_ptr<OperationState> Elementwise::make_state(const Run& run) const {
  auto state = std::make_unique<State>();
  const auto values = static_cast<size_t>(2 * run.operand_max() + 1);
  state->table.reserve(values);
  state->rounded.reserve(values);
  return state;
}

Status Elementwise::forward(Run& run, OperationState& base) const {
  State& state = static_cast<State&>(base);
  const Tensor& x = run.value(config_.input);
  Tensor& y = run.value(config_.output);
  const size_t count = run.count(config_.input);
  const auto [low, high] = std::minmax_element(x.q.data(), x.q.data() + count);
  state.low = *low;
  state.high = *high;
  const float largest =
      tabulate(state, x.exponent, [&](float v) { return value(config_.function, v); });
  const auto exponent = run.fit_operand(largest);
  if (!exponent) return not_finite(config_.name, "the output");
  y.exponent = *exponent;
  const float scale = pow2f(-*exponent);
  state.rounded.resize(state.table.size());
  for (size_t i = 0; i < state.table.size(); ++i) {
    state.rounded[i] = quant(state.table[i] * scale, run.operand_max());
  }
  for (size_t i = 0; i < count; ++i) {
    y.q[i] = state.rounded[static_cast<size_t>(x.q[i] - state.low)];
  }
  return ok_status();
}

Status Elementwise::backward(Run& run, OperationState& base) const {
  State& state = static_cast<State&>(base);
  GINN_ASSIGN(Tensor * d, run.join(config_.output));
  const Tensor& x = run.value(config_.input);
  const size_t count = run.count(config_.input);
  const float steepest =
      tabulate(state, x.exponent, [&](float v) { return derivative(config_.function, v); });
  const float largest = static_cast<float>(run.maps().maxabs_i16(d->q.data(), count));
  const auto exponent = fit16((largest * steepest) * pow2f(d->exponent));
  if (!exponent) return not_finite(config_.name, "its gradient");
  const float scale = pow2f(d->exponent - *exponent);
  for (float& slope : state.table) slope *= scale;
  for (size_t i = 0; i < count; ++i) {
    const float slope = state.table[static_cast<size_t>(x.q[i] - state.low)];
    d->q[i] = quant(static_cast<float>(d->q[i]) * slope, kDfp16Max);
  }
  d->exponent = *exponent;
  run.send(config_.input, *d);
  return ok_status();
}

}  // namespace ginn::nn
