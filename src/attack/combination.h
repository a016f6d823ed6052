#pragma once

#include <memory>
#include <string>

#include "training/training.h"

namespace ginn::attack {

// What a trusted side could make of contributions before it adds them: the rules that
// docs/attacks.md compares with the plain sum. The laboratory alone has them; a job's contributions
// are added as they are. A rule goes by all contributions so far, never by which were replayed:
// the weights would stay a function of the job.
class Combination {
 public:
  virtual ~Combination() = default;
  // Every contribution in order, after the norm test; leaves what shall be added. Code
  // "not_finite".
  virtual Status take(training::Contribution& contribution) = 0;
  // For an attacker that knows the rule: makes of a gradient's direction what the rule lets through
  // most of.
  virtual void aim(std::span<float> gradient) const = 0;
  // The same rule, before the first contribution.
  virtual std::unique_ptr<Combination> fresh() const = 0;
};

// The plain sum, and what results are called by that were made with it.
inline constexpr const char* kSum = "sum";

// Rules, with their number between 0 and 1, which may be 1:
// - "running:Q": the norm is limited to the quantile Q of the norms of the 256 contributions
// before;
// - "layers:Q": each tensor's norm is, to the quantile of its own norms;
// - "centred:T": what differs from the centre is limited to T C; the centre is the mean of what was
//   added in earlier steps, each weighing `momentum` times the next one (Karimireddy, He and Jaggi,
//   ICML 2021, section 4: centred clipping around the momentum, with one iteration).
// `training` outlives the rule. Code "attack_combine", listing these.
Result<std::unique_ptr<Combination>> create_combination(const std::string& text,
                                                        const training::Training& training);

}  // namespace ginn::attack
