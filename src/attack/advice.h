#pragma once

#include <optional>
#include <string>
#include <vector>

#include "attack/measured.h"
#include "guarantee/guarantee.h"

namespace ginn::attack {

enum class Coverage {
  kCovered,  // what passes more easily than kEscape was measured to be harmless
  kBetween,  // between the largest harmless and the smallest harmful number: not measured
  kWeaker    // a harmful number passes more easily than kEscape
};
inline constexpr double kEscape = 0.001;

// As large a share of the images as in a larger microbatch takes more of these to tamper with, and
// a replay of one costs less.
struct SmallerMicrobatch {
  uint32_t microbatch = 0;  // images
  double clip_norm = 0;     // with which steps are as long, and within what was measured
  uint64_t budget = 0;      // contributions
  double replayed = 0;      // share of the contributions, expected
};

// What the measurements say of a job. Of the jobs of its network (of all, if it was not measured)
// that were attacked with kBestAttack, those count that have as many images in a contribution (or
// else kMicrobatch), whose contributions move the weights at least as far, and that run no longer;
// of these the ones that are nearest.
struct Advice {
  Coverage coverage = Coverage::kBetween;
  std::vector<std::string> outside;  // in what the job differs from all that was measured
  double reach = 0, measured_reach = 0;
  // In contributions: the largest number with which no attacker succeeded, 0 if there is none, and
  // the smallest with which one did, 0 if there is none. Divided by reach / measured_reach where
  // that is above 1, and by the root of the lengths' ratio where all that was measured is longer: a
  // guess, not a measurement.
  uint64_t harmless = 0, harmful = 0;
  const MeasuredAttack* worst = nullptr;  // the best attack with `harmful`; null if there is none
  double escape_harmful = 0;              // with the job's sampling and lives, verify_last left out
  std::vector<const MeasuredAttack*> rests_on;  // kBestAttack up to `harmful`, of the jobs chosen
  uint64_t budget = 1;                          // recommended, a number of contributions
  double expected_replays = 0;                  // with that budget and a probability of 1 - kEscape
  double clip_norm = 0;                         // the largest C within what was measured
  // One that was measured to need at most half the replays; nothing if there is none.
  std::optional<SmallerMicrobatch> smaller;
};
Advice advise(const job::Job& job, const guarantee::Sampling& sampling);

}  // namespace ginn::attack
