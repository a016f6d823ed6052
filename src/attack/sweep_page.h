#pragma once

#include <string>
#include <vector>

#include "attack/results.h"

namespace ginn::attack {

// What the pictures say of the job besides the results.
struct SweepFacts {
  std::string title;           // of the page: which job
  uint64_t contributions = 0;  // N
  double budget = 0;           // k, in contributions
  double probability = 0.999;
};

// Attack success against the tampered share, a line for each attack and schedule with the range of
// its seeds, as an SVG file of its own. Below the budget nothing is promised; from it on, shaded,
// such a run escapes with at most 1 - probability. The count stands below the share. Empty when no
// training with a deviation finished.
std::string success_chart(const std::vector<Group>& groups, const SweepFacts& facts);

// index.html: the chart and the tables, in one page that loads nothing.
std::string sweep_page(const std::vector<Group>& groups, const SweepFacts& facts);

}  // namespace ginn::attack
