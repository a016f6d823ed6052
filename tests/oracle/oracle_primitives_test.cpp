#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/oracle/oracle.h"

namespace ginn::oracle {
namespace {

TEST(Primitives, FitIsTheSmallestExponent) {
  EXPECT_EQ(fit(0.0F, 8191, -60, 60), -60);
  EXPECT_EQ(fit(8191.0F, 8191, -60, 60), 0);
  EXPECT_EQ(fit(std::nextafterf(8191.0F, 1e9F), 8191, -60, 60), 1);
  EXPECT_EQ(fit(std::ldexp(32767.0F, 20), 32767, -40, 20), 20);
  EXPECT_EQ(fit(std::ldexp(32768.0F, 20), 32767, -40, 20), std::nullopt);
  EXPECT_EQ(fit(std::numeric_limits<float>::infinity(), 8191, -60, 60), std::nullopt);
  EXPECT_EQ(fit(std::numeric_limits<float>::quiet_NaN(), 8191, -60, 60), std::nullopt);
}

TEST(Primitives, ShiftRoundsTiesToEven) {
  EXPECT_EQ(shift_rne(5, 0), 5);
  EXPECT_EQ(shift_rne(2, 2), 0);
  EXPECT_EQ(shift_rne(3, 2), 1);
  EXPECT_EQ(shift_rne(6, 2), 2);
  EXPECT_EQ(shift_rne(10, 2), 2);
  EXPECT_EQ(shift_rne(-2, 2), 0);
  EXPECT_EQ(shift_rne(-3, 2), -1);
  EXPECT_EQ(shift_rne(-6, 2), -2);
  EXPECT_EQ(shift_rne(-10, 2), -2);
  EXPECT_EQ(shift_rne(-(int64_t{1} << 46) + 1, 16), -(int64_t{1} << 30));
}

TEST(Elementary, CloseToTheRealFunctions) {
  for (int i = -8700; i <= 8800; ++i) {
    const float x = static_cast<float>(i) / 100.0F;
    const double real = std::exp(static_cast<double>(x));
    ASSERT_NEAR(static_cast<double>(oracle::exp(x)) / real, 1.0, 1.5e-7) << x;
  }
  for (int i = -149; i < 128; ++i)
    for (float m : {1.0F, 1.1F, 1.4142F, 1.4143F, 1.9F}) {
      const float x = std::ldexp(m, i);
      const double real = std::log(static_cast<double>(x));
      ASSERT_NEAR(static_cast<double>(oracle::log(x)), real, 1.2e-7 * std::fabs(real) + 1e-12) << x;
    }
  for (int i = 0; i <= 4096; ++i) {
    const float v = static_cast<float>(i) / 2048.0F;
    const double angle = std::acos(-1.0) * static_cast<double>(v);
    ASSERT_NEAR(static_cast<double>(oracle::sinpi(v)), std::sin(angle), 1.5e-7) << v;
    ASSERT_NEAR(static_cast<double>(oracle::cospi(v)), std::cos(angle), 1.5e-7) << v;
  }
}

TEST(Elementary, Edges) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(oracle::exp(0.0F), 1.0F);
  EXPECT_EQ(oracle::exp(-infinity), 0.0F);
  EXPECT_EQ(oracle::exp(89.0F), infinity);
  EXPECT_TRUE(std::isfinite(oracle::exp(88.72283F)));
  EXPECT_GT(oracle::exp(-87.33654F), 0.0F);
  EXPECT_EQ(oracle::log(1.0F), 0.0F);
  EXPECT_EQ(oracle::log(-0.0F), -infinity);
  EXPECT_EQ(oracle::log(infinity), infinity);
  EXPECT_TRUE(std::isnan(oracle::log(-1.0F)));
  EXPECT_EQ(oracle::cospi(1.0F), -1.0F);
  EXPECT_EQ(oracle::sinpi(1.5F), -1.0F);
}

// The known answers of the Random123 distribution for philox4x32-10.
TEST(Randomness, PhiloxKnownAnswers) {
  using Words = std::array<uint32_t, 4>;
  EXPECT_EQ(philox_block(0, 0, 0, 0, 0), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox_block(~uint64_t{0}, 0, ~uint64_t{0}, ~0U, ~0U),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox_block(0x299f31d0a4093822U, 0, 0x85a308d3243f6a88U, 0x13198a2e, 0x03707344),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
  EXPECT_EQ(philox_block(5, 2, 1, 2, 3), philox_block(5 ^ (uint64_t{2} << 56), 0, 1, 2, 3));
}

TEST(Randomness, BoundedIsUniformAndBelowItsBound) {
  std::vector<int> counts(5, 0);
  for (uint32_t i = 0; i < 5000; ++i) {
    const uint32_t value = bounded(1, kAugmentation, 3, i, 5);
    ASSERT_LT(value, 5U);
    ++counts[value];
  }
  for (int count : counts) EXPECT_NEAR(count, 1000, 150);
  EXPECT_EQ(bounded(1, kOrder, 0, 0, 1), 0U);
}

TEST(Randomness, PermutationsAndBatches) {
  std::vector<uint32_t> order = permutation(1, 0, 10);
  EXPECT_NE(order, permutation(1, 1, 10));
  EXPECT_NE(order, permutation(2, 0, 10));
  const std::vector<uint32_t> next = permutation(1, 1, 10);
  // drop: the tail of 2 is left out; carry: it starts the third batch.
  EXPECT_EQ(batch_records(1, 10, 4, false, 2),
            std::vector<uint32_t>(next.begin(), next.begin() + 4));
  EXPECT_EQ(batch_records(1, 10, 4, true, 2),
            (std::vector<uint32_t>{order[8], order[9], next[0], next[1]}));
  std::sort(order.begin(), order.end());
  for (uint32_t i = 0; i < 10; ++i) EXPECT_EQ(order[i], i);
}

TEST(Randomness, AugmentationTakesAWindowAndMirrors) {
  const std::vector<uint8_t> image = {1, 2, 3, 4};  // 2x2x1
  EXPECT_EQ(augment(image, 2, 2, 1, {0, 1, true}, false, 9, 0, 0), image);
  EXPECT_EQ(augment(image, 2, 2, 1, {1, 0, false}, true, 9, 0, 0),
            (std::vector<uint8_t>{0, 0, 0, 0, 0, 1, 2, 0, 0, 3, 4, 0, 0, 0, 0, 0}));
  int mirrored = 0, unmoved = 0;
  for (uint32_t p = 0; p < 900; ++p) {
    if (augment(image, 2, 2, 1, {0, 0, true}, true, 9, 0, p) == std::vector<uint8_t>{2, 1, 4, 3})
      ++mirrored;
    if (augment(image, 2, 2, 1, {0, 1, false}, true, 9, 0, p) == image) ++unmoved;
  }
  EXPECT_NEAR(mirrored, 450, 60);
  EXPECT_NEAR(unmoved, 100, 40);
  // Mirroring comes after the window.
  for (uint32_t p = 0; p < 50; ++p) {
    std::vector<uint8_t> both = augment(image, 2, 2, 1, {0, 1, true}, true, 9, 0, p);
    const std::vector<uint8_t> window = augment(image, 2, 2, 1, {0, 1, false}, true, 9, 0, p);
    if ((philox_block(9, kAugmentation, 0, p, 0x80000000U)[0] & 1) != 0) {
      std::swap(both[0], both[1]);
      std::swap(both[2], both[3]);
    }
    ASSERT_EQ(both, window);
  }
}

TEST(LearningRate, Schedules) {
  Schedule schedule{Schedule::kCosine, 0.2, 0.1, 1, {}, 100};
  EXPECT_EQ(learning_rate(schedule, 0), 0.2F * 0.1F);
  EXPECT_EQ(learning_rate(schedule, 9), 0.2F);
  EXPECT_EQ(learning_rate(schedule, 10), 0.2F);
  EXPECT_EQ(learning_rate(schedule, 55), 0.2F * 0.5F);
  EXPECT_LT(learning_rate(schedule, 99), 1e-4F);
  schedule.kind = Schedule::kStep;
  schedule.gamma = 0.5;
  schedule.milestones = {0.5, 0.75};
  EXPECT_EQ(learning_rate(schedule, 49), 0.2F);
  EXPECT_EQ(learning_rate(schedule, 50), 0.2F * 0.5F);
  EXPECT_EQ(learning_rate(schedule, 75), 0.2F * 0.5F * 0.5F);
}

}  // namespace
}  // namespace ginn::oracle
