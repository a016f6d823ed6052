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

// Hazards between uniform (floor 1) and by effect (floor 0), with so many expected replays in all:
// proportional to floor times the mean effect and (1 - floor) times the contribution's own.
std::vector<double> floored_hazards(const std::vector<double>& effects,
                                    double floor,
                                    double replays);

// How many contributions of [from, to), shares of the run, pass together with exp(-exposure): at
// random places of the stretch (exposure over the mean hazard), at most all of it.
double passing(const std::vector<double>& hazards, double exposure, double from, double to);
// The same in a row at the run's end.
double passing_at_end(const std::vector<double>& hazards, double exposure);

}  // namespace ginn::attack
