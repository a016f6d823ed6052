#include "nn/dropout.h"

#include <algorithm>
#include <vector>

#include "arithmetic/format.h"
#include "arithmetic/philox.h"
#include "nn/run.h"

namespace ginn::nn {
namespace {

struct State final : OperationState {
  std::vector<uint8_t> kept;  // 1 or 0, by element of the microbatch
  Tensor input_gradient;
};

// A word below it drops: floor(probability 2^32), exact, since a probability has 53 bits.
uint32_t threshold(double probability) { return static_cast<uint32_t>(probability * 4294967296.0); }

void draw(const Place& place,
          uint32_t layer,
          uint32_t bound,
          size_t images,
          size_t elements,
          uint8_t* kept) {
  const Random random(place.seed, Purpose::kDropout);
  for (size_t n = 0; n < images; ++n) {
    const uint32_t position = place.position + static_cast<uint32_t>(n);
    for (size_t i = 0; i < elements; i += 4) {
      const auto block = random.block(
          place.step, position, (layer << 24) | static_cast<uint32_t>(i / 4));  // i / 4 < 2^24
      const size_t count = std::min<size_t>(4, elements - i);
      for (size_t j = 0; j < count; ++j) *kept++ = block[j] >= bound ? 1 : 0;
    }
  }
}

// out = kept ? quant(q * scale) : 0
void scale_kept(
    const int16_t* q, const uint8_t* kept, size_t count, float scale, int32_t q_max, int16_t* out) {
  for (size_t i = 0; i < count; ++i) {
    out[i] = kept[i] != 0 ? quant(static_cast<float>(q[i]) * scale, q_max) : int16_t{0};
  }
}

}  // namespace

std::unique_ptr<OperationState> Dropout::make_state(const Run& run) const {
  auto state = std::make_unique<State>();
  state->kept.resize(run.capacity_count(config_.input));
  return state;
}

Status Dropout::forward(Run& run, OperationState& base) const {
  State& state = static_cast<State&>(base);
  const Tensor& x = run.value(config_.input);
  Tensor& y = run.value(config_.output);
  const size_t count = run.count(config_.input);
  if (run.mode() != Mode::kTrain) {
    std::copy_n(x.q.data(), count, y.q.data());
    y.exponent = x.exponent;
    return ok_status();
  }
  draw(run.place(),
       config_.layer,
       threshold(config_.probability),
       run.images(),
       count / run.images(),
       state.kept.data());
  const float largest = static_cast<float>(run.maps().maxabs_i16(x.q.data(), count));
  const auto exponent = run.fit_operand((largest * factor()) * pow2f(x.exponent));
  if (!exponent) return not_finite(config_.name, "the output");
  y.exponent = *exponent;
  const float scale = factor() * pow2f(x.exponent - *exponent);
  scale_kept(x.q.data(), state.kept.data(), count, scale, run.operand_max(), y.q.data());
  return ok_status();
}

Status Dropout::backward(Run& run, OperationState& base) const {
  State& state = static_cast<State&>(base);
  GINN_ASSIGN(Tensor * d, run.join(config_.output));
  const size_t count = run.count(config_.input);
  const float largest = static_cast<float>(run.maps().maxabs_i16(d->q.data(), count));
  const auto exponent = fit16((largest * factor()) * pow2f(d->exponent));
  if (!exponent) return not_finite(config_.name, "its gradient");
  const float scale = factor() * pow2f(d->exponent - *exponent);
  scale_kept(d->q.data(), state.kept.data(), count, scale, kDfp16Max, d->q.data());
  d->exponent = *exponent;
  run.send(config_.input, *d);
  return ok_status();
}

}  // namespace ginn::nn
