#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace ginn::attack {

// When an attacker replaces contributions: WHICH of the run's contributions 0 .. N - 1, in their
// order. What it hands over instead is another matter (attacker.h).
struct When {
  enum class Kind { kUniform, kFirst, kLast, kBursts, kWindow, kGreedy };
  Kind kind = Kind::kUniform;
  double from = 0.0;    // kWindow: shares of the run; random within it
  double to = 1.0;      // kWindow; kLast: the stretch ends there
  uint64_t length = 8;  // kBursts: contributions in a row, at random places
};

// "uniform", "first", "last", "last@0.85" (ends at that share of the run), "bursts", "bursts:16",
// "window:0.3-0.6", "greedy" (those that gain most, measured). Code "attack_when", listing these.
Result<When> parse_when(const std::string& text);
// The shortest text that parses to the same.
std::string to_text(const When& when);

// Code "attack_count" when the schedule has no room for `count` of `contributions`.
Status check_room(const When& when, uint64_t contributions, uint64_t count);
// `count` distinct contributions of `contributions`, ascending; random ones depend on `seed` alone,
// kGreedy takes those with the largest of `gains` (rehearsal.h), one for each contribution. Code:
// check_room's.
Result<std::vector<uint64_t>> choose(const When& when,
                                     uint64_t contributions,
                                     uint64_t count,
                                     uint64_t seed,
                                     std::span<const double> gains = {});

}  // namespace ginn::attack
