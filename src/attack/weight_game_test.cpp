#include "attack/weight_game.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "tests/support/synthetic.h"

namespace ginn::attack {
namespace {

TEST(WeightGame, EffectsAreWhatMomentumMakesOfTheRates) {
  const auto records = test::synthetic_records({.records = 32});
  job::Job job = test::synthetic_job(*records, "mlp");
  job.lr = {job::Schedule::kConstant, 0.5, 0.0, {}, 0.1};
  job.momentum = 0.5;
  const std::vector<double> found = effects(job);
  ASSERT_EQ(found.size(), job.contributions());
  EXPECT_DOUBLE_EQ(found.back(), 0.5);
  EXPECT_DOUBLE_EQ(found[found.size() - 3], 0.75) << "the step before";
  EXPECT_DOUBLE_EQ(found.front(), 0.9375) << "four steps";
  EXPECT_EQ(found.size(), 8u);
}

TEST(WeightGame, TheAttackerTakesWhatIsCheapest) {
  EXPECT_DOUBLE_EQ(attacker_gain({1, 2, 3}, {1, 1, 1}, 1.5), 4.0);
  EXPECT_DOUBLE_EQ(attacker_gain({1, 2, 3}, {0.1, 1, 3}, 1.1), 3.0);
  EXPECT_DOUBLE_EQ(attacker_gain({1, 2}, {0, 0}, 1.0), 3.0);
  EXPECT_DOUBLE_EQ(attacker_gain({1, 2}, {1, 1}, 9.0), 3.0);
}

TEST(WeightGame, WhereAllEffectsAreEqualUniformIsBest) {
  const GameValues values = game_values(std::vector<double>(1000, 0.5), 6.9, 100);
  const double expected = 0.5 * 6.9 / -std::log(0.9);
  EXPECT_NEAR(values.uniform, expected, 1e-9);
  EXPECT_NEAR(values.proportional, expected, 1e-6);
  EXPECT_NEAR(values.best, expected, 0.5);
}

TEST(WeightGame, NoSpreadOfTheSameReplaysIsBetterThanTheBest) {
  std::vector<double> effects;
  for (int i = 0; i < 200; ++i) effects.push_back(std::pow((i + 0.5) / 200.0, 2));
  const double exposure = 6.9, replays = 60;
  const GameValues values = game_values(effects, exposure, replays);
  EXPECT_LT(values.best, values.uniform * 0.95);
  EXPECT_LE(values.best, values.proportional);
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> any(0.0, 1.0);
  for (int trial = 0; trial < 2000; ++trial) {
    // Around powers of the effects, scaled to cost as much.
    std::vector<double> shape(effects.size());
    const double power = 2.5 * any(random), noise = any(random);
    for (size_t i = 0; i < shape.size(); ++i) {
      shape[i] = std::pow(effects[i], power) * (1.0 + noise * (any(random) - 0.5));
    }
    double low = 0.0, high = 1e6;
    for (int i = 0; i < 100; ++i) {
      const double scale = (low + high) / 2.0;
      double cost = 0.0;
      for (double s : shape) cost += -std::expm1(-s * scale);
      (cost > replays ? high : low) = scale;
    }
    for (double& s : shape) s *= low;
    EXPECT_GE(attacker_gain(effects, shape, exposure), values.best - 1.0 / 200.0) << trial;
  }
}

TEST(WeightGame, AFloorSpreadsTheSameReplaysBetweenUniformAndByEffect) {
  std::vector<double> effects;
  for (int i = 0; i < 400; ++i) effects.push_back(1.0 - i / 400.0);
  const double replays = 80, exposure = 6.9;
  for (const double floor : {1.0, 0.5, 0.0}) {
    const std::vector<double> hazards = floored_hazards(effects, floor, replays);
    double cost = 0.0;
    for (double hazard : hazards) cost += -std::expm1(-hazard);
    EXPECT_NEAR(cost, replays, 1e-6) << floor;
    EXPECT_NEAR(hazards.back() / hazards.front(), floor * 0.50125 / (1.0 - 0.49875 * floor), 0.003);
  }
  const auto uniform = floored_hazards(effects, 1.0, replays);
  const double budget = exposure / -std::log(0.8);
  EXPECT_NEAR(passing(uniform, exposure, 0.0, 1.0), budget, 1e-6);
  EXPECT_NEAR(passing(uniform, exposure, 0.9, 1.0), budget, 1e-6);
  EXPECT_NEAR(passing_at_end(uniform, exposure), budget, 1e-6);
  const auto by_effect = floored_hazards(effects, 0.0, replays);
  EXPECT_LT(passing(by_effect, exposure, 0.0, 0.1), budget);
  EXPECT_EQ(passing(by_effect, exposure, 0.975, 1.0), 10.0) << "all of them";
  EXPECT_GT(passing_at_end(by_effect, exposure), passing_at_end(uniform, exposure));
}

}  // namespace
}  // namespace ginn::attack
