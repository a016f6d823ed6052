#include "attack/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace ginn::attack {
namespace {

std::vector<uint64_t> chosen(const std::string& when, uint64_t count, uint64_t seed = 1) {
  const auto parsed = parse_when(when);
  GINN_CHECK(parsed.ok());
  auto result = choose(*parsed, 1000, count, seed);
  GINN_CHECK(result.ok());
  return *result;
}

TEST(ScheduleTest, TextsGoThereAndBack) {
  for (const char* text : {"uniform",
                           "first",
                           "last",
                           "last@0.85",
                           "bursts",
                           "bursts:16",
                           "window:0.3-0.6",
                           "window:0-1",
                           "greedy"}) {
    const auto when = parse_when(text);
    ASSERT_TRUE(when.ok()) << text;
    EXPECT_EQ(to_text(*when), text);
  }
  for (const char* text : {"",
                           "Uniform",
                           "last@",
                           "last@0",
                           "last@1.1",
                           "last@nan",
                           "bursts:0",
                           "bursts:-1",
                           "bursts:8x",
                           "window:",
                           "window:0.5",
                           "window:0.5-0.5",
                           "window:0.6-0.3",
                           "window:nan-1",
                           "window:0-2"}) {
    const auto when = parse_when(text);
    ASSERT_FALSE(when.ok()) << text;
    EXPECT_STREQ(when.error().code, "attack_when");
  }
}

TEST(ScheduleTest, GreedyTakesTheLargestGainsAndOfEqualOnesTheFirst) {
  const std::vector<double> gains = {0.5, 2.0, -1.0, 2.0, 3.0, 0.5, 0.0};
  const auto take = [&](uint64_t count) {
    return *choose(*parse_when("greedy"), 7, count, 1, gains);
  };
  EXPECT_EQ(take(1), (std::vector<uint64_t>{4}));
  EXPECT_EQ(take(2), (std::vector<uint64_t>{1, 4}));
  EXPECT_EQ(take(4), (std::vector<uint64_t>{0, 1, 3, 4}));
  EXPECT_EQ(take(7).size(), 7u);
  EXPECT_STREQ(choose(*parse_when("greedy"), 7, 8, 1, gains).error().code, "attack_count");
}

TEST(ScheduleTest, EveryScheduleGivesAsManyDistinctAscendingOnes) {
  for (const char* when :
       {"uniform", "first", "last", "last@0.85", "bursts:7", "window:0.25-0.75"}) {
    for (uint64_t count : {0u, 1u, 2u, 13u, 499u, 500u}) {
      const std::vector<uint64_t> ones = chosen(when, count);
      EXPECT_EQ(ones.size(), count) << when;
      EXPECT_EQ(std::set<uint64_t>(ones.begin(), ones.end()).size(), count) << when;
      EXPECT_TRUE(std::is_sorted(ones.begin(), ones.end())) << when;
      EXPECT_LT(count > 0 ? ones.back() : 0, 1000u) << when;
    }
  }
}

TEST(ScheduleTest, ThePlacesAreThoseThatTheNameSays) {
  EXPECT_EQ(chosen("first", 3), (std::vector<uint64_t>{0, 1, 2}));
  EXPECT_EQ(chosen("last", 3), (std::vector<uint64_t>{997, 998, 999}));
  EXPECT_EQ(chosen("last@0.85", 3), (std::vector<uint64_t>{847, 848, 849}));
  const std::vector<uint64_t> window = chosen("window:0.3-0.6", 300);
  EXPECT_EQ(window.front(), 300u);
  EXPECT_EQ(window.back(), 599u);
  const std::vector<uint64_t> some = chosen("window:0.3-0.6", 20);
  EXPECT_GE(some.front(), 300u);
  EXPECT_LT(some.back(), 600u);
  EXPECT_GT(some.back() - some.front(), 100u) << "spread over the window";
}

TEST(ScheduleTest, BurstsComeInARow) {
  const std::vector<uint64_t> ones = chosen("bursts:10", 35);
  size_t runs = 1;
  for (size_t i = 1; i < ones.size(); ++i) runs += ones[i] != ones[i - 1] + 1 ? 1 : 0;
  EXPECT_LE(runs, 4u);
  EXPECT_GE(runs, 2u);
}

TEST(ScheduleTest, SeedsDecideAndEveryPlaceIsEquallyLikely) {
  EXPECT_EQ(chosen("uniform", 10, 5), chosen("uniform", 10, 5));
  EXPECT_NE(chosen("uniform", 10, 5), chosen("uniform", 10, 6));
  // 2,000 draws of 100 out of 1,000: each place 200 times, with a deviation of 13.4.
  std::vector<int> times(1000);
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    for (uint64_t one : chosen("uniform", 100, seed)) ++times[one];
  }
  EXPECT_GT(*std::min_element(times.begin(), times.end()), 200 - 6 * 14);
  EXPECT_LT(*std::max_element(times.begin(), times.end()), 200 + 6 * 14);
}

TEST(ScheduleTest, MoreThanThereIsRoomForIsRefused) {
  for (const auto& [when, room] : std::vector<std::pair<std::string, uint64_t>>{
           {"uniform", 1000}, {"last@0.85", 850}, {"window:0.3-0.6", 300}, {"bursts:16", 1000}}) {
    EXPECT_TRUE(choose(*parse_when(when), 1000, room, 1).ok()) << when;
    const auto more = choose(*parse_when(when), 1000, room + 1, 1);
    ASSERT_FALSE(more.ok()) << when;
    EXPECT_STREQ(more.error().code, "attack_count");
    EXPECT_NE(more.error().message.find(std::to_string(room)), std::string::npos);
  }
}

}  // namespace
}  // namespace ginn::attack
