#pragma once

#include <optional>
#include <span>
#include <vector>

#include "guarantee/guarantee.h"

namespace ginn::attack {

// The interval that a share lies in with 95 %, by Wilson's score; [0, 1] for no trials.
struct Interval {
  double low = 0, high = 1;
};
Interval wilson(uint64_t successes, uint64_t trials);

// How often one training's deviations are found, over many sequences of coins.
struct Detection {
  uint64_t sequences = 0;      // of coins
  uint64_t escaped = 0;        // sequences that picked none of the deviations
  double measured_escape = 1;  // escaped / sequences
  Interval interval;           // of the escape probability, as measured
  double exact_escape = 1;     // product of 1 - threshold / 2^64 over the deviations
  double bound = 1;            // exp(-x s / k) for s deviations: what the guarantee says of them
  // Of the sequences that picked one: the number of the first deviation picked, as a contribution
  // t M + j of the run; their median.
  std::optional<uint64_t> first_pick;
};

// `deviations`: t M + j of each, ascending. Only their coins are tossed: the others find nothing.
// Seeded coins, as no verifier has them.
Detection measure_detection(const guarantee::Sampling& sampling,
                            uint32_t microbatches,
                            std::span<const uint64_t> deviations,
                            uint64_t sequences,
                            uint64_t seed);

}  // namespace ginn::attack
