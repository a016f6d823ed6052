#include "attack/rehearsal.h"

#include <cmath>

#include "attack/own_gradient.h"
#include "attack/weight_game.h"
#include "worker/loop.h"

namespace ginn::attack {
namespace {

// <f - h, f> / |f|; nothing for a forged contribution of zeros.
double along(std::span<const float> forged, std::span<const float> honest) {
  double product = 0.0, norm2 = 0.0;
  for (size_t i = 0; i < forged.size(); ++i) {
    product += (double{forged[i]} - double{honest[i]}) * forged[i];
    norm2 += double{forged[i]} * double{forged[i]};
  }
  return norm2 == 0.0 ? 0.0 : product / std::sqrt(norm2);
}

}  // namespace

Result<std::vector<double>> rehearse(const training::Training& training,
                                     const data::RecordSource& records,
                                     Attacker& attacker,
                                     const AttackerOptions& options) {
  const nn::Graph& graph = training.graph();
  std::vector<double> gains = effects(training.job());
  const auto rule = options.rule == nullptr ? nullptr : options.rule->fresh();
  const nn::StepWeights* weights = nullptr;
  training::Contribution contribution(graph);
  std::vector<float> honest(graph.parameter_count()), forged(honest.size());
  worker::Hooks hooks;
  hooks.weights = [&](uint64_t, const nn::StepWeights& now) { weights = &now; };
  hooks.contribution = [&](uint64_t t, uint32_t j, training::Contribution& given) -> Status {
    const Moment moment{t, j, *weights, rule.get()};
    attacker.see(moment, given);
    copy(given, contribution);
    GINN_TRY(attacker.forge(moment, contribution));
    dequantise(graph, given, honest);
    dequantise(graph, contribution, forged);
    gains[t * training.job().microbatches() + j] *= along(forged, honest);
    return rule == nullptr ? ok_status() : rule->take(given);
  };
  ThreadPool pool(options.threads);
  GINN_TRY(worker::train(training, records, pool, hooks));
  return gains;
}

}  // namespace ginn::attack
