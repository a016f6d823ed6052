#include "nn/softmax.h"

#include <algorithm>

#include "arithmetic/elementary.h"
#include "arithmetic/format.h"
#include "nn/run.h"

namespace ginn::nn {
namespace {

struct State final : OperationState {
  std::vector<int64_t> exponentials;  // [C] of one pixel, unit 2^-40
  std::vector<float> values;          // of a pass, before they are rounded
};

// The shares p of one pixel's channels, x = q 2^exponent.
void shares(const int16_t* q, size_t channels, float unit, int64_t* exponentials, float* p) {
  const int32_t top = *std::max_element(q, q + channels);
  int64_t total = 0;  // at most 2^20 values of at most 2^40, one of them 2^40
  for (size_t k = 0; k < channels; ++k) {
    const float x = static_cast<float>(q[k] - top) * unit;
    exponentials[k] = rne_wide(static_cast<double>(exp_f32(x)) * pow2(40));
    total += exponentials[k];
  }
  const double partition = static_cast<double>(total);
  for (size_t k = 0; k < channels; ++k) {
    p[k] = static_cast<float>(static_cast<double>(exponentials[k]) / partition);
  }
}

// The gradients of one pixel's inputs, in the unit of d: p_k (d_k - sum p_j d_j) with p_k = q_k /
// sum q_j, shares of exactly 1: equal d give exactly 0, and no |v| is above max |d| / 2.
void centre(const int16_t* q, const int16_t* d, size_t channels, float* v) {
  int64_t total = 0;    // 0 <= q < 2^15: < 2^35
  int64_t product = 0;  // |d| < 2^15: < 2^50
  for (size_t k = 0; k < channels; ++k) {
    total += q[k];
    product += int64_t{q[k]} * d[k];
  }
  const double sum = static_cast<double>(total);
  for (size_t k = 0; k < channels; ++k) {
    const int64_t centred = d[k] * total - product;  // < 2^51, exact in f64
    v[k] = total == 0 ? 0.0f
                      : static_cast<float>((static_cast<double>(q[k]) / sum) *
                                           (static_cast<double>(centred) / sum));
  }
}

}  // namespace

std::unique_ptr<OperationState> Softmax::make_state(const Run& run) const {
  auto state = std::make_unique<State>();
  state->exponentials.resize(config_.channels);
  state->values.resize(run.capacity_count(config_.output));
  return state;
}

Status Softmax::forward(Run& run, OperationState& base) const {
  State& state = static_cast<State&>(base);
  const Tensor& x = run.value(config_.input);
  Tensor& y = run.value(config_.output);
  const size_t count = run.count(config_.output);
  const size_t channels = config_.channels;
  const float unit = pow2f(x.exponent);
  float* p = state.values.data();
  for (size_t at = 0; at < count; at += channels) {
    shares(x.q.data() + at, channels, unit, state.exponentials.data(), p + at);
  }
  const auto exponent = run.fit_operand(from_magnitude(run.maps().maxabs_f32(p, count)));
  GINN_CHECK(exponent.has_value());  // a pixel's largest share is in [2^-20, 1]
  y.exponent = *exponent;
  run.maps().quantise(p, count, pow2f(-y.exponent), run.operand_max(), y.q.data());
  return ok_status();
}

Status Softmax::backward(Run& run, OperationState& base) const {
  State& state = static_cast<State&>(base);
  GINN_ASSIGN(Tensor * d, run.join(config_.output));
  const Tensor& y = run.value(config_.output);
  const size_t count = run.count(config_.output);
  const size_t channels = config_.channels;
  float* v = state.values.data();
  for (size_t at = 0; at < count; at += channels) {
    centre(y.q.data() + at, d->q.data() + at, channels, v + at);
  }
  const float largest = from_magnitude(run.maps().maxabs_f32(v, count));
  const auto exponent = fit16(largest * pow2f(d->exponent));
  if (!exponent) return not_finite(config_.name, "its gradient");
  run.maps().quantise(v, count, pow2f(d->exponent - *exponent), kDfp16Max, d->q.data());
  d->exponent = *exponent;
  run.send(config_.input, *d);
  return ok_status();
}

}  // namespace ginn::nn
