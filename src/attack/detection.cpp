#include "attack/detection.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace ginn::attack {

Interval wilson(uint64_t successes, uint64_t trials) {
  GINN_CHECK(successes <= trials);
  if (trials == 0) return {};
  constexpr double z = 1.959963984540054;
  const double n = static_cast<double>(trials);
  const double p = static_cast<double>(successes) / n;
  const double middle = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
  const double half = z / (1.0 + z * z / n) * std::sqrt(p * (1.0 - p) / n + z * z / (4.0 * n * n));
  // At the ends the exact bounds are 0 and 1: rounding may miss them.
  return {successes == 0 ? 0.0 : std::max(0.0, middle - half),
          successes == trials ? 1.0 : std::min(1.0, middle + half)};
}

Detection measure_detection(const guarantee::Sampling& sampling,
                            uint32_t microbatches,
                            std::span<const uint64_t> deviations,
                            uint64_t sequences,
                            uint64_t seed) {
  Detection result;
  result.sequences = sequences;
  const double missed = 1.0 - std::ldexp(static_cast<double>(sampling.threshold()), -64);
  for (uint64_t deviation : deviations) {
    const bool always = deviation / microbatches >= sampling.all_from_step();
    result.exact_escape *= always ? 0.0 : missed;
  }
  const double s = static_cast<double>(deviations.size());
  result.bound = std::exp(-sampling.exposure() * s / sampling.budget_contributions());

  std::mt19937_64 coins(seed);
  std::vector<uint64_t> first;
  for (uint64_t i = 0; i < sequences; ++i) {
    const auto picked = std::find_if(deviations.begin(), deviations.end(), [&](uint64_t deviation) {
      return sampling.replayed(deviation / microbatches, coins());
    });
    if (picked != deviations.end()) first.push_back(*picked);
  }
  result.escaped = sequences - first.size();
  if (sequences > 0) {
    result.measured_escape = static_cast<double>(result.escaped) / static_cast<double>(sequences);
  }
  result.interval = wilson(result.escaped, sequences);
  if (!first.empty()) {
    const auto middle = first.begin() + static_cast<std::ptrdiff_t>(first.size() / 2);
    std::nth_element(first.begin(), middle, first.end());
    result.first_pick = *middle;
  }
  return result;
}

}  // namespace ginn::attack
