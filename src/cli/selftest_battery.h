#pragma once

#include <functional>
#include <string>
#include <vector>

#include "crypto/sha256.h"
#include "device/level.h"

namespace ginn::cli {

// A computation whose outputs are the same at every level: `run` gives their digest.
struct SelftestCase {
  std::string name;  // "conv/3x3", "map/join", "step/resnet8"
  std::function<Result<crypto::Digest>(device::Level)> run;
};

// The three contractions over several shapes, every map kernel over odd sizes, and steps of every
// kind of model, state and model file included. Deterministic.
std::vector<SelftestCase> convolution_cases();
std::vector<SelftestCase> map_cases();
std::vector<SelftestCase> step_cases();

// What each case must give, of selftest_vectors.h; empty for an unknown name.
std::string_view golden_digest(std::string_view name);

}  // namespace ginn::cli
