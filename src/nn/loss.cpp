#include "nn/loss.h"

#include <algorithm>
#include <cmath>

#include "arithmetic/elementary.h"
#include "arithmetic/format.h"
#include "nn/run.h"

namespace ginn::nn {
namespace {

struct State final : OperationState {
  std::vector<int64_t> exponentials;  // [classes], unit 2^-40
  std::vector<int64_t> bias_sums;
};

struct ImageLoss {
  int64_t loss;  // unit 2^-24
  bool correct;
};

// One image. `gradient` (an operand) may be null.
ImageLoss softmax_cross_entropy(const float* logits,
                                uint32_t classes,
                                uint32_t label,
                                float smoothing,
                                OperandFormat operands,
                                int64_t* exponentials,
                                int16_t* gradient) {
  const int32_t most = operand_max(operands);
  const float unit = pow2f(-loss_gradient_exponent(operands));
  float top = logits[0];
  for (uint32_t k = 1; k < classes; ++k) top = logits[k] > top ? logits[k] : top;
  int64_t total = 0;  // classes < 2^16 values of at most 2^40: below 2^56
  uint32_t first_top = classes;
  for (uint32_t k = 0; k < classes; ++k) {
    const float d = logits[k] - top;
    if (d == 0.0f && first_top == classes) first_top = k;
    exponentials[k] = rne_wide(static_cast<double>(exp_f32(d)) * pow2(40));
    total += exponentials[k];
  }
  const float off = smoothing / static_cast<float>(classes);
  const float on = (1.0f - smoothing) + off;
  const double partition = static_cast<double>(total);
  double weighted = 0.0;
  for (uint32_t k = 0; k < classes; ++k) {
    const float target = k == label ? on : off;
    const float p = static_cast<float>(static_cast<double>(exponentials[k]) / partition);
    if (gradient != nullptr) gradient[k] = quant((p - target) * unit, most);
    weighted += static_cast<double>(target) * static_cast<double>(logits[k] - top);
  }
  const double log_partition =
      static_cast<double>(log_f32(static_cast<float>(partition * pow2(-40))));
  // Logits far apart can make the sum infinite or NaN: reported as the largest loss.
  constexpr double kLargest = 67108864.0;  // 2^26
  const double loss = log_partition - weighted;
  return {rne_wide((loss < kLargest ? loss : kLargest) * pow2(24)), first_top == label};
}

}  // namespace

std::unique_ptr<OperationState> Loss::make_state(const Run&) const {
  auto state = std::make_unique<State>();
  state->exponentials.resize(config_.classes);
  state->bias_sums.resize(config_.classes);
  return state;
}

Status Loss::forward(Run& run, OperationState& base) const {
  State& state = static_cast<State&>(base);
  const Tensor& y = run.value(config_.logits);
  const float* bias = run.parameter(config_.bias);
  const float unit = pow2f(y.exponent);
  const uint32_t classes = config_.classes;
  float* logits = run.logits_out();
  const size_t count = run.count(config_.logits);
  for (size_t i = 0; i < count; ++i) {
    logits[i] = std::fma(unit, static_cast<float>(y.q[i]), bias[i % classes]);
    if (magnitude_bits(logits[i]) >= 0x7f800000u) return not_finite(config_.name, "a logit");
  }
  int16_t* gradients = nullptr;
  if (run.mode() == Mode::kTrain) {
    Tensor& gradient = run.make_operand_gradient(config_.logits);
    gradient.exponent = loss_gradient_exponent(run.operands());
    gradients = gradient.q.data();
  }
  int64_t loss_sum = 0;
  uint32_t correct = 0;
  for (size_t n = 0; n < run.images(); ++n) {
    const ImageLoss image =
        softmax_cross_entropy(logits + n * classes,
                              classes,
                              run.labels()[n],
                              run.label_smoothing(),
                              run.operands(),
                              state.exponentials.data(),
                              gradients == nullptr ? nullptr : gradients + n * classes);
    loss_sum += image.loss;
    correct += image.correct ? 1 : 0;
  }
  run.report(loss_sum, correct);
  return ok_status();
}

Status Loss::backward(Run& run, OperationState& base) const {
  State& state = static_cast<State&>(base);
  const Tensor& gradient = *run.operand_gradient(config_.logits);
  std::fill(state.bias_sums.begin(), state.bias_sums.end(), 0);
  const size_t count = run.count(config_.logits);
  for (size_t i = 0; i < count; ++i) state.bias_sums[i % config_.classes] += gradient.q[i];
  run.store_gradient(config_.bias, state.bias_sums.data(), gradient.exponent);
  return ok_status();
}

}  // namespace ginn::nn
