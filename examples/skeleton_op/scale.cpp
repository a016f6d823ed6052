#include "examples/skeleton_op/scale.h"

#include <cmath>

#include "arithmetic/format.h"
#include "base/text.h"
#include "nn/run.h"

namespace ginn::skeleton {
namespace {

// Nothing is kept from the forward to the backward pass here; a mask or working memory would be.
struct State final : nn::OperationState {};

// Both passes: out = x times the factor, the exponent from a bound known before `out` is written.
//
//   e = fit((f32(maxabs q_x) |factor|) 2^e_x),  q = quant(f32(q_x) (factor 2^(e_x - e)))
//
// f32 multiplications in this order, each rounded: what the oracle in scale_test.cpp does too.
bool multiply(const device::MapKernels& maps,
              const nn::Tensor& x,
              size_t count,
              float factor,
              int32_t q_max,
              nn::Tensor& out) {
  const float largest = static_cast<float>(maps.maxabs_i16(x.q.data(), count));
  const float bound = (largest * std::fabs(factor)) * pow2f(x.exponent);
  const auto exponent = fit(bound, q_max, kMinExponent, kMaxExponent);
  if (!exponent) return false;
  const float scale = factor * pow2f(x.exponent - *exponent);
  for (size_t i = 0; i < count; ++i) {
    out.q[i] = quant(static_cast<float>(x.q[i]) * scale, q_max);
  }
  out.exponent = *exponent;
  return true;
}

}  // namespace

std::unique_ptr<nn::OperationState> Scale::make_state(const nn::Run&) const {
  return std::make_unique<State>();
}

// An activation (an operand: dfp14 or dfp16, as the job has it) in, an activation out.
Status Scale::forward(nn::Run& run, nn::OperationState&) const {
  const nn::Tensor& x = run.value(config_.input);
  nn::Tensor& y = run.value(config_.output);
  if (!multiply(run.maps(), x, run.count(config_.input), config_.factor, run.operand_max(), y)) {
    return nn::not_finite(config_.name, "the output");
  }
  return ok_status();
}

// join() gives the sum of what the consumers sent (dfp16); it may be changed and sent on.
Status Scale::backward(nn::Run& run, nn::OperationState&) const {
  GINN_ASSIGN(nn::Tensor * d, run.join(config_.output));
  if (!multiply(run.maps(), *d, run.count(config_.input), config_.factor, kDfp16Max, *d)) {
    return nn::not_finite(config_.name, "its gradient");
  }
  run.send(config_.input, *d);
  return ok_status();
}

nn::ValueId scale(nn::GraphBuilder& g, nn::ValueId x, float factor) {
  if (!std::isfinite(factor) || factor == 0.0f) {
    g.fail(concat("a scale by ", std::to_string(factor), "; expected a finite factor, not 0"));
    return nn::Graph::kInput;
  }
  return g.add(g.extent(x), g.needs_gradient(x), [&](nn::ValueId output) {
    return std::make_unique<Scale>(Scale::Config{concat("scale", output), x, output, factor});
  });
}

}  // namespace ginn::skeleton
