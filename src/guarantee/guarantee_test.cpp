#include "guarantee/guarantee.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace ginn::guarantee {
namespace {

constexpr uint64_t kAllOnes = std::numeric_limits<uint64_t>::max();

// SplitMix64: a fixed sequence, so that every run of the tests sees the same coins.
class Coins {
 public:
  explicit Coins(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

 private:
  uint64_t state_;
};

Budget share(double value) { return {true, value, 0}; }
Budget count(uint64_t value) { return {false, 0.0, value}; }

struct Request {
  double probability = 0.999;
  Budget budget = share(0.01);
  double verify_last = 0.0;
  uint32_t lives = 1;
  Verify verify = Verify::kSample;
  uint64_t steps = 1872;
  uint32_t microbatches = 4;

  Result<Sampling> create() const {
    return Sampling::create(probability, budget, verify_last, lives, verify, steps, microbatches);
  }
  std::string code() const {
    const Result<Sampling> result = create();
    return result.ok() ? "" : result.error().code;
  }
};

TEST(Exposure, KnownValues) {
  EXPECT_NEAR(exposure(0.001, 1), std::log(1000.0), 1e-9);
  EXPECT_NEAR(exposure(0.001, 2), 9.2334, 5e-5);
  EXPECT_NEAR(exposure(0.001, 4), 13.062, 5e-4);
  EXPECT_NEAR(exposure(0x1p-40, 1), 27.7259, 5e-5);
  EXPECT_NEAR(exposure(0.5, 1), std::log(2.0), 1e-9);
}

TEST(Exposure, IsRoundedToTheSafeSideAndBarely) {
  for (uint32_t lives = 1; lives <= 64; ++lives) {
    for (int bits = 1; bits <= 64; bits += 7) {
      const double eps = std::ldexp(1.0, -bits);
      const double x = exposure(eps, lives);
      EXPECT_LT(poisson_escape(x, lives), eps) << lives << " " << bits;
      EXPECT_GT(poisson_escape(x * (1.0 - 1e-9), lives), eps) << lives << " " << bits;
    }
  }
}

TEST(PoissonEscape, AgreesWithASumInHigherPrecision) {
  for (const double x : {0.0, 1e-9, 0.3, 1.0, 6.9, 13.06, 64.0, 150.0, 700.0}) {
    long double term = std::exp(-static_cast<long double>(x));
    long double sum = 0;
    for (uint32_t lives = 1; lives <= 64; ++lives) {
      sum += term;
      term *= static_cast<long double>(x) / lives;
      const double expected = static_cast<double>(sum);
      EXPECT_NEAR(poisson_escape(x, lives), expected, expected * 1e-13) << x << " " << lives;
    }
  }
  EXPECT_EQ(poisson_escape(1e300, 64), 0.0);
}

TEST(FiniteEscape, KnownValues) {
  EXPECT_NEAR(finite_escape(1, 0.25, 1), 0.75, 1e-15);
  EXPECT_NEAR(finite_escape(3, 0.25, 1), 0.421875, 1e-15);
  EXPECT_NEAR(finite_escape(3, 0.25, 2), 0.421875 * (1 + 3 * 0.25), 1e-14);
  EXPECT_NEAR(finite_escape(2, 0.5, 3), 0.25 * (1 + 1 + 0.75), 1e-14);
  EXPECT_EQ(finite_escape(0, 0.5, 1), 1.0);
  EXPECT_EQ(finite_escape(5, 0.0, 2), 1.0);
  EXPECT_EQ(finite_escape(5, 1.0, 64), 0.0);
}

// The negative binomial never exceeds its Poisson limit, and reaches it for many small deviations.
TEST(FiniteEscape, IsBelowItsPoissonLimitAndTendsToIt) {
  for (uint32_t lives = 1; lives <= 8; ++lives) {
    for (const double x : {0.5, 6.9, 20.0}) {
      const double limit = poisson_escape(x, lives);
      for (const uint64_t k : {uint64_t{2}, uint64_t{24}, uint64_t{1000}}) {
        const double q = -std::expm1(-x / static_cast<double>(k));
        EXPECT_LE(finite_escape(k, q, lives), limit * (1 + 1e-12)) << lives << " " << x << " " << k;
      }
      const double tiny_q = -std::expm1(-x / 1e12);
      EXPECT_NEAR(finite_escape(1'000'000'000'000, tiny_q, lives), limit, limit * 1e-6);
    }
  }
}

TEST(FiniteEscape, HugeArgumentsStayFinite) {
  EXPECT_EQ(finite_escape(kAllOnes, 0.5, 64), 0.0);
  const double escape = finite_escape(kAllOnes, 1e-19, 64);
  EXPECT_GT(escape, 0.999);
  EXPECT_LE(escape, 1.0);
}

TEST(Sampling, OneShareInNumbers) {
  const Result<Sampling> result = Request{}.create();
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->contributions(), 7488u);
  EXPECT_NEAR(result->budget_contributions(), 74.88, 1e-9);
  EXPECT_NEAR(result->exposure(), 6.907755, 1e-6);
  EXPECT_NEAR(result->q(), -std::expm1(-std::log(1000.0) / 74.88), 1e-9);
  EXPECT_NEAR(result->expected_replays(), 7488 * result->q(), 1e-6);
  EXPECT_EQ(result->all_from_step(), 1872u);
}

// Pins the bits: a certificate carries the threshold, and its checker recomputes it.
TEST(Sampling, ThresholdsAreTheSameOnEveryMachine) {
  EXPECT_EQ(Request{}.create()->threshold(), 1625596539340796672u);
  Request counted;
  counted.budget = count(24);
  counted.lives = 4;
  EXPECT_EQ(counted.create()->threshold(), 7742633328579355648u);
}

TEST(Sampling, ThresholdBoundsTheProbabilityFromAbove) {
  for (const double probability : {0.5, 0.999, 1.0 - 0x1p-40}) {
    for (const uint64_t k : {uint64_t{2}, uint64_t{3}, uint64_t{24}, uint64_t{7000}}) {
      Request request;
      request.probability = probability;
      request.budget = count(k);
      const Result<Sampling> result = request.create();
      ASSERT_TRUE(result.ok());
      const long double x = -std::log(1.0L - static_cast<long double>(probability));
      const long double q = -std::expm1(-x / static_cast<long double>(k));
      const long double scaled = q * 0x1p64L;
      EXPECT_GE(static_cast<long double>(result->threshold()), scaled) << probability << " " << k;
      EXPECT_LE(static_cast<long double>(result->threshold()), scaled * (1 + 1e-8L));
    }
  }
}

TEST(Sampling, AnInfinitesimalBudgetNeedsNoCoin) {
  Request request;
  request.budget = count(1);
  ASSERT_TRUE(request.create().ok());
  EXPECT_TRUE(request.create()->replayed(0, kAllOnes));
  EXPECT_EQ(request.create()->all_from_step(), 0u);
  EXPECT_EQ(request.create()->expected_replays(), 7488.0);
  request.budget = share(1.0 / 7488.0);
  EXPECT_TRUE(request.create()->replayed(0, kAllOnes));
  // q so close to 1 that its threshold would be 2^64.
  request.budget = count(2);
  request.lives = 64;
  request.probability = 1.0 - 0x1p-40;
  EXPECT_TRUE(request.create()->replayed(0, kAllOnes));
  EXPECT_EQ(request.create()->threshold(), kAllOnes);
}

TEST(Sampling, VerifyAllNeedsNoCoin) {
  Request request;
  request.verify = Verify::kAll;
  const Result<Sampling> result = request.create();
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->q(), 1.0);
  EXPECT_EQ(result->threshold(), kAllOnes);
  EXPECT_EQ(result->all_from_step(), 0u);
  EXPECT_TRUE(result->replayed(0, kAllOnes));
  EXPECT_EQ(result->expected_replays(), 7488.0);
}

TEST(Sampling, CoinsCompareBelowTheThreshold) {
  const Result<Sampling> result = Request{}.create();
  EXPECT_TRUE(result->replayed(0, 0));
  EXPECT_TRUE(result->replayed(0, result->threshold() - 1));
  EXPECT_FALSE(result->replayed(0, result->threshold()));
  EXPECT_FALSE(result->replayed(1871, kAllOnes));
}

TEST(Sampling, VerifyLastReplaysTheEndOfTheRun) {
  Request request;
  request.steps = 10;
  request.microbatches = 3;
  request.budget = share(0.5);
  request.verify_last = 0.25;  // 2.5 steps, rounded up to 3
  const Result<Sampling> result = request.create();
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->all_from_step(), 7u);
  EXPECT_FALSE(result->replayed(6, kAllOnes));
  EXPECT_TRUE(result->replayed(7, kAllOnes));
  EXPECT_NEAR(result->expected_replays(), 21 * result->q() + 9, 1e-9);
  request.verify_last = 1.0;
  EXPECT_EQ(request.create()->all_from_step(), 0u);
  request.verify_last = 1e-300;
  EXPECT_EQ(request.create()->all_from_step(), 9u);
}

TEST(Sampling, EveryRangeIsChecked) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(Request{}.code(), "");
  for (const double bad : {0.0, 0.4999999, 1.0, 1.0 - 0x1p-41, 2.0, nan}) {
    EXPECT_EQ(Request{.probability = bad}.code(), "probability_range") << bad;
  }
  for (const double good : {0.5, 1.0 - 0x1p-40}) {
    EXPECT_EQ(Request{.probability = good}.code(), "") << good;
  }
  for (const double bad : {0.0, -0.1, 1.0000001, nan}) {
    EXPECT_EQ(Request{.budget = share(bad)}.code(), "budget_range") << bad;
  }
  EXPECT_EQ(Request{.budget = share(1.0)}.code(), "");
  EXPECT_EQ(Request{.budget = count(0)}.code(), "budget_range");
  EXPECT_EQ(Request{.budget = count(7488)}.code(), "");
  EXPECT_EQ(Request{.budget = count(7489)}.code(), "budget_range");
  for (const double bad : {-0.001, 1.001, nan}) {
    EXPECT_EQ(Request{.verify_last = bad}.code(), "verify_last_range") << bad;
  }
  EXPECT_EQ(Request{.lives = 0}.code(), "lives_range");
  EXPECT_EQ(Request{.lives = 64}.code(), "");
  EXPECT_EQ(Request{.lives = 65}.code(), "lives_range");
  EXPECT_EQ(Request{.steps = 0}.code(), "contributions_range");
  EXPECT_EQ(Request{.steps = (uint64_t{1} << 40) - 1}.code(), "");
  EXPECT_EQ(Request{.steps = uint64_t{1} << 40}.code(), "contributions_range");
  EXPECT_EQ(Request{.microbatches = 0}.code(), "contributions_range");
  EXPECT_EQ(Request{.microbatches = 65537}.code(), "contributions_range");
}

// Plays the strongest schedule: k single deviations, each of which ends one life when picked.
double measured_escape(const Sampling& sampling, uint64_t k, uint32_t lives, int trials) {
  Coins coins(20240 + k * 64 + lives);
  int escaped = 0;
  for (int trial = 0; trial < trials; ++trial) {
    uint32_t left = lives;
    for (uint64_t accepted = 0; accepted < k && left > 0;) {
      if (sampling.replayed(0, coins.next())) {
        --left;
      } else {
        ++accepted;
      }
    }
    if (left > 0) ++escaped;
  }
  return static_cast<double>(escaped) / trials;
}

TEST(MonteCarlo, EscapesAsOftenAsTheFormulaSaysAndLessThanTheBound) {
  constexpr int kTrials = 100'000;
  const std::vector<Budget> budgets = {share(0.01), count(12), count(3)};
  for (const Budget& budget : budgets) {
    for (const uint32_t lives : {1u, 2u, 4u}) {
      Request request;
      request.probability = 0.9;
      request.budget = budget;
      request.lives = lives;
      request.steps = 500;
      const Result<Sampling> sampling = request.create();
      ASSERT_TRUE(sampling.ok());
      const auto k = static_cast<uint64_t>(std::ceil(sampling->budget_contributions()));
      const double expected = finite_escape(k, sampling->q(), lives);
      const double sigma = std::sqrt(expected * (1 - expected) / kTrials);
      const double found = measured_escape(*sampling, k, lives, kTrials);
      EXPECT_NEAR(found, expected, 4 * sigma) << "k " << k << " lives " << lives;
      EXPECT_LE(expected, 0.1 * (1 + 1e-9));
      EXPECT_LE(found, 0.1 + 4 * sigma);
    }
  }
}

TEST(Cost, IsIntakePlusReplaysPlusFixed) {
  const Result<Sampling> sampling = Request{}.create();
  const Cost result = cost(*sampling, {0.001, 0.1, 5.0});
  EXPECT_NEAR(result.pure_tee_seconds, 748.8, 1e-9);
  EXPECT_NEAR(result.trusted_seconds, 7.488 + 0.1 * sampling->expected_replays() + 5.0, 1e-9);
  EXPECT_NEAR(result.ratio, result.trusted_seconds / 748.8, 1e-12);
  EXPECT_EQ(cost(*sampling, {}).ratio, 0.0);
}

}  // namespace
}  // namespace ginn::guarantee
