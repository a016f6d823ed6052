#pragma once

#include <vector>

#include "job/job.h"

namespace ginn::attack {

// Uniform sampling against sampling by weight, as a game: the verifier spreads so many expected
// replays over the contributions, the attacker takes those that together pass with eps, and gains
// the sum of their effects. docs/attacks.md derives it. All values are sums of effects.

// How far one contribution of each step moves the final weights, by C / M:
// lr_t + lr_(t+1) mu + lr_(t+2) mu^2 + ..., without weight decay.
std::vector<double> effects(const job::Job& job);

// What the best attacker gains: fractions of a contribution count as such. `effects` of all
// contributions, >= 0; `hazards`: -ln(1 - q) of each; `exposure`: x = ln(1 / eps) for one life.
double attacker_gain(const std::vector<double>& effects,
                     const std::vector<double>& hazards,
                     double exposure);

struct GameValues {
  double uniform = 0;       // the same probability for every contribution
  double proportional = 0;  // hazards proportional to the effects
  double best = 0;          // of all ways to spread the replays, to within one contribution
  double left_out = 0;      // by the best one: share of the contributions that are never replayed
};
// `replays`: expected, above 0 and below the number of contributions.
GameValues game_values(std::vector<double> effects, double exposure, double replays);

}  // namespace ginn::attack
