#pragma once

#include <string_view>
#include <vector>

#include "job/job.h"
#include "nn/graph.h"

namespace ginn::job {

inline constexpr size_t kPatternBytesMax = 128;

// Patterns name parameters as a shell's do: "*" stands for any characters, dots too, "?" for one.
bool matches(std::string_view pattern, std::string_view name);
bool matches_any(const std::vector<std::string>& patterns, std::string_view name);

// What a job's patterns mean for each parameter of its network, in their order.
struct Selection {
  std::vector<bool> frozen;  // train.freeze
  std::vector<bool> fresh;   // not taken from the weights: all, of a job that names none
  std::vector<float> rate_scales;
};
Selection select(const Job& job, const nn::Graph& graph);

// Whether a job has any such pattern, or group.
bool names_parameters(const Job& job);
// Adds a problem for every pattern that is malformed or matches nothing, and for what cannot be
// meant: nothing left to train or to load, a parameter in two groups.
void check_selection(const Job& job, const nn::Graph& graph, std::vector<Problem>& problems);

}  // namespace ginn::job
