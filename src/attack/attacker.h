#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "training/training.h"

namespace ginn::attack {

// A dishonest worker: sees everything the honest one sees and replaces some contributions.
class Attacker {
 public:
  virtual ~Attacker() = default;
  // Changes the contribution of (t, j), or leaves it. Returns whether it now deviates.
  virtual bool replace(uint64_t t, uint32_t j, training::Contribution& contribution) = 0;
};

std::vector<std::string> attack_names();

// `count` distinct contributions, uniformly at random under `seed`. Codes "unknown_attack",
// "attack_count".
Result<std::unique_ptr<Attacker>> create_attacker(const std::string& name,
                                                  const training::Training& training,
                                                  uint64_t count,
                                                  uint64_t seed);

}  // namespace ginn::attack
