#include "attack/weight_game.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.h"
#include "training/state.h"

namespace ginn::attack {
namespace {

// Expected replays when the hazards are the effects divided by `unit`.
double replays_of(const std::vector<double>& effects, double unit) {
  double sum = 0.0;
  for (double effect : effects) sum += -std::expm1(-effect / unit);
  return sum;
}

// The unit with which all of them together cost `replays`, which falls as it grows.
double unit_for(const std::vector<double>& effects, double replays) {
  double low = 1e-12, high = 1e12;
  for (int i = 0; i < 200; ++i) {
    const double middle = std::sqrt(low * high);
    (replays_of(effects, middle) > replays ? low : high) = middle;
  }
  return high;
}

struct Spread {
  double gain = 0;  // what the attacker's linear program is worth at this price
  size_t untouched = 0;
};

// With hazards of at most effect / unit, the largest effects first: an effect's price,
// 1 - exp(-effect / unit), is concave in it, so that half of two is dearer than one as a whole.
Spread spread(const std::vector<double>& descending, double unit, double exposure, double replays) {
  Spread result{unit * exposure, 0};
  for (const double effect : descending) {
    const double price = -std::expm1(-effect / unit);
    if (price <= replays) {
      replays -= price;
      continue;
    }
    const double covered = -unit * std::log1p(-replays);
    replays = 0.0;
    result.gain += effect - covered;
    if (covered == 0.0) ++result.untouched;
  }
  return result;
}

}  // namespace

std::vector<double> effects(const job::Job& job) {
  std::vector<double> result(job.contributions());
  double effect = 0.0;
  for (uint64_t step = job.steps; step-- > 0;) {
    effect = effect * job.momentum + double{training::learning_rate(job, step)};
    for (uint32_t j = 0; j < job.microbatches(); ++j) {
      result[step * job.microbatches() + j] = effect;
    }
  }
  return result;
}

double attacker_gain(const std::vector<double>& effects,
                     const std::vector<double>& hazards,
                     double exposure) {
  GINN_CHECK(effects.size() == hazards.size());
  std::vector<size_t> order(effects.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return effects[a] * hazards[b] > effects[b] * hazards[a];
  });
  double gain = 0.0;
  for (size_t i : order) {
    if (hazards[i] > exposure) return gain + effects[i] * exposure / hazards[i];
    exposure -= hazards[i];
    gain += effects[i];
  }
  return gain;
}

std::vector<double> floored_hazards(const std::vector<double>& effects,
                                    double floor,
                                    double replays) {
  const double n = static_cast<double>(effects.size());
  const double mean = std::accumulate(effects.begin(), effects.end(), 0.0) / n;
  std::vector<double> hazards = effects;
  for (double& hazard : hazards) hazard = floor * mean + (1.0 - floor) * hazard;
  const double unit = unit_for(hazards, replays);
  for (double& hazard : hazards) hazard /= unit;
  return hazards;
}

double passing(const std::vector<double>& hazards, double exposure, double from, double to) {
  const double n = static_cast<double>(hazards.size());
  const auto first = static_cast<size_t>(std::floor(from * n));
  const auto end = static_cast<size_t>(std::floor(to * n));
  GINN_CHECK(first < end && end <= hazards.size());
  double sum = 0.0;
  for (size_t i = first; i < end; ++i) sum += hazards[i];
  const double all = static_cast<double>(end - first);
  return sum <= exposure ? all : all * exposure / sum;
}

double passing_at_end(const std::vector<double>& hazards, double exposure) {
  double count = 0.0;
  for (size_t i = hazards.size(); i-- > 0;) {
    if (hazards[i] > exposure) return count + exposure / hazards[i];
    exposure -= hazards[i];
    count += 1.0;
  }
  return count;
}

GameValues game_values(std::vector<double> effects, double exposure, double replays) {
  const double n = static_cast<double>(effects.size());
  GINN_CHECK(replays > 0.0 && replays < n && exposure > 0.0);
  std::sort(effects.begin(), effects.end(), std::greater<>());
  GameValues values;
  const std::vector<double> uniform(effects.size(), -std::log1p(-replays / n));
  values.uniform = attacker_gain(effects, uniform, exposure);
  const double unit = unit_for(effects, replays);
  std::vector<double> proportional = effects;
  for (double& hazard : proportional) hazard /= unit;
  values.proportional = attacker_gain(effects, proportional, exposure);
  // The price of a unit of effect: best of a fine grid below the one that covers everything.
  values.best = std::min(values.uniform, values.proportional);
  constexpr int kGrid = 4000;
  for (int i = 0; i <= kGrid; ++i) {
    const Spread found =
        spread(effects, unit * std::pow(2.0, -10.0 * i / kGrid), exposure, replays);
    if (found.gain >= values.best) continue;
    values.best = found.gain;
    values.left_out = static_cast<double>(found.untouched) / n;
  }
  return values;
}

}  // namespace ginn::attack
