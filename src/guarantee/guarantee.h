#pragma once

#include <cstdint>

#include "base/result.h"

namespace ginn::guarantee {

// Pure functions of docs/guarantee.md. N contributions; a deviation budget of k contributions; each
// is replayed with probability q; escape probability at most eps = 1 - probability.

// The poisson mean x with P(Poisson(x) <= lives - 1) = eps: 6.908 for lives 1, 9.233 for 2, 13.062
// for 4 at eps = 0.001. lives in [1, 64], eps in [2^-64, 0.5]. Rounded up.
double exposure(double eps, uint32_t lives);

// P(Poisson(x) <= lives - 1).
double poisson_escape(double x, uint32_t lives);

// Escape of k equal deviations each replayed with probability q, with R + 1 = lives lives:
// sum over r = 0..R of C(k - 1 + r, r) (1 - q)^k q^r  (negative binomial).
// For simulations and for reading: the only use of libm here, never near a threshold or a coin.
double finite_escape(uint64_t k, double q, uint32_t lives);

struct Budget {
  bool is_share = true;
  double share = 0.01;  // in (0, 1]
  uint64_t count = 0;   // >= 1
};
// k: share * contributions (a real number), or the count.
double budget_count(const Budget& budget, uint64_t contributions);

enum class Verify { kSample, kAll };

// How a job's contributions are sampled. Coins compare 64-bit integers: contribution (t, j) is
// replayed when coin < threshold(t), and threshold 2^64 - 1 together with `always` means without a
// coin.
class Sampling {
 public:
  // Codes "contributions_range" (steps in [1, 2^40), microbatches in [1, 65536]),
  // "probability_range", "verify_last_range", "lives_range", "budget_range", checked in this order.
  static Result<Sampling> create(double probability,
                                 Budget budget,
                                 double verify_last,
                                 uint32_t lives,
                                 Verify verify,
                                 uint64_t steps,
                                 uint32_t microbatches);

  double q() const { return q_; }                     // before verify_last
  double exposure() const { return exposure_; }       // x
  double budget_contributions() const { return k_; }  // k
  uint64_t contributions() const { return contributions_; }
  double expected_replays() const;
  uint64_t threshold() const { return threshold_; }  // ceil(q 2^64), at most 2^64 - 1
  // The first step whose contributions are all replayed (steps if none are).
  uint64_t all_from_step() const { return all_from_step_; }
  // The decision for a contribution of `step`, given 64 fresh random bits.
  bool replayed(uint64_t step, uint64_t coin) const;

 private:
  Sampling() = default;
  double q_ = 0, exposure_ = 0, k_ = 0;
  uint64_t contributions_ = 0, threshold_ = 0, all_from_step_ = 0, steps_ = 0;
  uint32_t microbatches_ = 0;
};

// Cost model of ../docs/guarantee.md: trusted time = N c_in + R c_replay + fixed; pure TEE = N
// c_replay.
struct CostConstants {
  double intake_seconds = 0;  // of one contribution, with its share of the optimiser
  double replay_seconds = 0;  // of one contribution, one thread
  double fixed_seconds = 0;   // batch-norm pass, data check
};
struct Cost {
  double pure_tee_seconds;  // CPU seconds
  double trusted_seconds;   // CPU seconds
  double ratio;             // trusted / pure TEE; 0 when replay_seconds is 0 (not measured)
};
Cost cost(const Sampling& sampling, const CostConstants& constants);

}  // namespace ginn::guarantee
