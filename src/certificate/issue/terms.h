#pragma once

#include <string>

#include "crypto/json.h"
#include "guarantee/guarantee.h"

namespace ginn::certificate {

// What a job promises about its own check: the arguments of guarantee::Sampling and their result.
// Both the verifier and the relying party make it from the job; the certificate must agree exactly.
struct Terms {
  double probability = 0;
  guarantee::Budget budget;
  guarantee::Verify verify = guarantee::Verify::kSample;
  double verify_last = 0;
  uint32_t lives = 1;
  uint64_t steps = 0;
  guarantee::Sampling sampling;
  bool unlimited_attempts = false;  // each of one life

  // Contributions that are replayed without a coin: a lower bound of the replays of a run.
  uint64_t forced_replays() const;
};

// The guarantee in a sentence, with its numbers: the wording of docs/guarantee.md or a weaker one.
std::string guarantee_statement(const Terms& terms);
// The same before the run, for a planner: what its certificate would say, and nothing as done.
std::string guarantee_promise(const Terms& terms);

// The certificate's "guarantee" member; `replayed` is the run's count.
crypto::Json guarantee_json(const Terms& terms, uint64_t replayed);

}  // namespace ginn::certificate
