#include <algorithm>
#include <cmath>
#include <span>

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
struct Pair {
  float even, odd;
};
Pair normal(uint32_t w0, uint32_t w1) {
  const float u = static_cast<float>((w0 >> 8) + 1) * kTwoToMinus24;
  const float v = static_cast<float>(w1 >> 8) * (2.0f * kTwoToMinus24);
  const float r = std::sqrt(-2.0f * log_f32(u));
  const SinCosPi angle = sincospi_f32(v);
  return {r * angle.cosine, r * angle.sine};
}

// Elements 4 b to 4 b + 3 come from block b; where fewer are wanted, the rest is dropped.
template <typename Fill>
void fill_blocks(const Random& random, uint32_t index, std::span<float> out, const Fill& fill) {
  for (size_t first = 0; first < out.size(); first += 4) {
    float values[4];
    fill(random.block(first / 4, index, 0), values);
    std::copy_n(values, std::min<size_t>(4, out.size() - first), out.data() + first);
  }
}

void fill_normal(const Random& random, uint32_t index, float deviation, std::span<float> out) {
  fill_blocks(random, index, out, [&](const PhiloxBlock& block, float* values) {
    for (int i = 0; i < 4; i += 2) {
      const Pair pair = normal(block[i], block[i + 1]);
      values[i] = pair.even * deviation;
      values[i + 1] = pair.odd * deviation;
    }
  });
}

void initialise_parameter(const Parameter& p,
                          uint32_t index,
                          const Random& random,
                          std::span<float> out) {
  switch (p.initialiser) {
    case Initialiser::kUniformFanIn: {
      const float bound = static_cast<float>(1.0 / std::sqrt(static_cast<double>(p.fan_in)));
      return fill_blocks(random, index, out, [&](const PhiloxBlock& block, float* values) {
        for (int i = 0; i < 4; ++i) values[i] = uniform(block[i]) * bound;
      });
    }
    case Initialiser::kNormalFanOut:
      return fill_normal(
          random, index, static_cast<float>(std::sqrt(2.0 / static_cast<double>(p.fan_out))), out);
    case Initialiser::kNormalSmall:
      return fill_normal(random, index, 0.01f, out);
    case Initialiser::kOne:
      return std::fill(out.begin(), out.end(), 1.0f);
    case Initialiser::kZero:
      return std::fill(out.begin(), out.end(), 0.0f);
  }
}

}  // namespace

void initialise(const Graph& graph, uint64_t seed, float* parameters) {
  const Random random(seed, Purpose::kInit);
  uint32_t index = 0;
  for (const Parameter& p : graph.parameters()) {
    initialise_parameter(p, index++, random, {parameters + p.offset, p.count});
  }
}

}  // namespace ginn::nn
