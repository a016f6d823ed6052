#pragma once

#include <vector>

#include "attack/attacker.h"

namespace ginn::attack {

// What replacing each single contribution of the run would gain, measured: trains the job honestly,
// lets `attacker` forge at every contribution and throws that away. The gain is how much further
// along the forged gradient f than the honest h the final weights come to be: <f - h, f> / |f|,
// times the effect of its step (weight_game.h). What honest steps later undo is not in it. Codes:
// worker::train's, the attacker's.
Result<std::vector<double>> rehearse(const training::Training& training,
                                     const data::RecordSource& records,
                                     Attacker& attacker,
                                     const AttackerOptions& options);

}  // namespace ginn::attack
