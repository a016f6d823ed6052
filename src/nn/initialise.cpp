#include <cmath>

#include "arithmetic/elementary.h"
#include "arithmetic/philox.h"
#include "nn/models.h"

namespace ginn::nn {
namespace {

constexpr float kTwoToMinus24 = 5.9604644775390625e-8f;

float uniform(uint32_t word) {
  const float u = static_cast<float>(word >> 8) * kTwoToMinus24;
  return (u + u) - 1.0f;
}

// Box-Muller: the cosine for the even element of a pair, the sine for the odd one.
float normal(uint32_t w0, uint32_t w1, bool even) {
  const float u = static_cast<float>((w0 >> 8) + 1) * kTwoToMinus24;
  const float v = static_cast<float>(w1 >> 8) * (2.0f * kTwoToMinus24);
  const float r = std::sqrt(-2.0f * log_f32(u));
  return even ? r * cospi_f32(v) : r * sinpi_f32(v);
}

void initialise_parameter(const Parameter& p, uint32_t index, const Random& random, float* out) {
  const float bound = static_cast<float>(1.0 / std::sqrt(static_cast<double>(p.fan_in)));
  const float deviation = static_cast<float>(std::sqrt(2.0 / static_cast<double>(p.fan_out)));
  PhiloxBlock block{};
  for (size_t k = 0; k < p.count; ++k) {
    if (k % 4 == 0) block = random.block(k / 4, index, 0);
    const size_t pair = (k % 4) / 2;
    switch (p.initialiser) {
      case Initialiser::kUniformFanIn:
        out[k] = uniform(block[k % 4]) * bound;
        break;
      case Initialiser::kNormalFanOut:
        out[k] = normal(block[2 * pair], block[2 * pair + 1], k % 2 == 0) * deviation;
        break;
      case Initialiser::kNormalSmall:
        out[k] = normal(block[2 * pair], block[2 * pair + 1], k % 2 == 0) * 0.01f;
        break;
      case Initialiser::kOne:
        out[k] = 1.0f;
        break;
      case Initialiser::kZero:
        out[k] = 0.0f;
        break;
    }
  }
}

}  // namespace

void initialise(const Graph& graph, uint64_t seed, float* parameters) {
  const Random random(seed, Purpose::kInit);
  uint32_t index = 0;
  for (const Parameter& p : graph.parameters()) {
    initialise_parameter(p, index++, random, parameters + p.offset);
  }
}

}  // namespace ginn::nn
