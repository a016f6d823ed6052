#pragma once

#include "training/training.h"

namespace ginn::cli {

// Seconds of CPU time that the trusted side needs to take one contribution in: checksum, form,
// norm, sum, and its share of the optimiser. Measured for about `seconds`.
Result<double> intake_cost(const training::Training& training,
                           const training::Contribution& contribution,
                           double seconds);

}  // namespace ginn::cli
