#include "nn/concatenate.h"

#include <algorithm>

#include "nn/run.h"

namespace ginn::nn {
namespace {

struct State final : OperationState {};

// |q| <= 32767 is 0 after a shift of 16 or more.
constexpr int kMostShift = 16;

}  // namespace

std::unique_ptr<OperationState> Concatenate::make_state(const Run&) const {
  return std::make_unique<State>();
}

Status Concatenate::forward(Run& run, OperationState&) const {
  Tensor& y = run.value(config_.output);
  const size_t all = run.graph().values()[config_.output].extent.c;
  const size_t pixels = run.count(config_.output) / all;
  y.exponent = run.value(config_.inputs[0]).exponent;
  for (const ValueId input : config_.inputs) {
    y.exponent = std::max(y.exponent, run.value(input).exponent);
  }
  int16_t* to = y.q.data();
  for (size_t i = 0; i < config_.inputs.size(); ++i) {
    const Tensor& x = run.value(config_.inputs[i]);
    const size_t channels = config_.channels[i];
    const int shift = std::min(y.exponent - x.exponent, kMostShift);
    for (size_t pixel = 0; pixel < pixels; ++pixel) {
      run.maps().shift_round(x.q.data() + pixel * channels, channels, shift, to + pixel * all);
    }
    to += channels;
  }
  return ok_status();
}

Status Concatenate::backward(Run& run, OperationState&) const {
  GINN_ASSIGN(Tensor * d, run.join(config_.output));
  const size_t all = run.graph().values()[config_.output].extent.c;
  const size_t pixels = run.count(config_.output) / all;
  const int16_t* from = d->q.data();
  for (size_t i = 0; i < config_.inputs.size(); ++i) {
    const size_t channels = config_.channels[i];
    Tensor& dx = run.make_gradient(config_.inputs[i]);
    for (size_t pixel = 0; pixel < pixels; ++pixel) {
      std::copy_n(from + pixel * all, channels, dx.q.data() + pixel * channels);
    }
    dx.exponent = d->exponent;
    run.send(config_.inputs[i], dx);
    from += channels;
  }
  return ok_status();
}

}  // namespace ginn::nn
