#include "attack/detection.h"

#include <gtest/gtest.h>

#include <cmath>

namespace ginn::attack {
namespace {

guarantee::Sampling sampling(double verify_last = 0.0, double budget = 0.05) {
  auto made = guarantee::Sampling::create(
      0.999, {true, budget, 0}, verify_last, 1, guarantee::Verify::kSample, 600, 4);
  GINN_CHECK(made.ok());
  return *made;
}

std::vector<uint64_t> spread(uint64_t count) {
  std::vector<uint64_t> deviations;
  for (uint64_t i = 0; i < count; ++i) deviations.push_back(i * 2400 / count);
  return deviations;
}

TEST(DetectionTest, WilsonsInterval) {
  // Values from Wilson's formula computed elsewhere: 8 of 10, 0 of 20.
  EXPECT_NEAR(wilson(8, 10).low, 0.4902, 1e-4);
  EXPECT_NEAR(wilson(8, 10).high, 0.9433, 1e-4);
  EXPECT_EQ(wilson(0, 20).low, 0.0);
  EXPECT_NEAR(wilson(0, 20).high, 0.1611, 1e-4);
  EXPECT_EQ(wilson(20, 20).high, 1.0);
  EXPECT_EQ(wilson(0, 0).low, 0.0);
  EXPECT_EQ(wilson(0, 0).high, 1.0);
}

TEST(DetectionTest, AnHonestRunAlwaysPasses) {
  const Detection none = measure_detection(sampling(), 4, {}, 1000, 1);
  EXPECT_EQ(none.escaped, 1000u);
  EXPECT_EQ(none.exact_escape, 1.0);
  EXPECT_EQ(none.bound, 1.0);
  EXPECT_FALSE(none.first_pick.has_value());
}

TEST(DetectionTest, MeasuredIsWhatTheFormulaSays) {
  for (uint64_t count : {1u, 5u, 12u, 30u}) {
    const guarantee::Sampling s = sampling();
    const std::vector<uint64_t> deviations = spread(count);
    const Detection found = measure_detection(s, 4, deviations, 20000, count);
    const double q = s.q();
    EXPECT_NEAR(found.exact_escape, std::pow(1.0 - q, count), 1e-9);
    EXPECT_LE(found.exact_escape, found.bound * (1.0 + 1e-9));
    const double deviation = std::sqrt(found.exact_escape * (1.0 - found.exact_escape) / 20000);
    EXPECT_NEAR(found.measured_escape, found.exact_escape, 5 * deviation) << count;
    EXPECT_LT(found.interval.low, found.exact_escape + 2 * deviation);
    EXPECT_GT(found.interval.high, found.exact_escape - 2 * deviation);
  }
}

TEST(DetectionTest, TheBudgetEscapesWithEpsilonAndTheFirstPickIsEarly) {
  // The budget is 120 of 2,400 deviations.
  const Detection found = measure_detection(sampling(), 4, spread(120), 5000, 3);
  EXPECT_NEAR(found.bound, 0.001, 1e-6);
  EXPECT_LT(found.measured_escape, 0.004);
  ASSERT_TRUE(found.first_pick.has_value());
  // q is 0.0559: the median of a geometric variable with it is 12 draws, 20 contributions each.
  EXPECT_NEAR(static_cast<double>(*found.first_pick), 11 * 20, 41);
}

TEST(DetectionTest, WhatVerifyLastCoversNeverEscapes) {
  const std::vector<uint64_t> late = {2399};
  EXPECT_GT(measure_detection(sampling(), 4, late, 500, 1).escaped, 400u);
  const Detection found = measure_detection(sampling(0.01), 4, late, 500, 1);
  EXPECT_EQ(found.escaped, 0u);
  EXPECT_EQ(found.exact_escape, 0.0);
  EXPECT_EQ(found.first_pick, 2399u);
}

}  // namespace
}  // namespace ginn::attack
