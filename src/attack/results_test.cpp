#include "attack/results.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "tests/support/temporary_folder.h"

namespace ginn::attack {
namespace {

Row row(uint64_t count, double success, uint64_t seed = 1, const std::string& when = "uniform") {
  AttackPlan plan;
  plan.attack = "badnets";
  plan.when = *parse_when(when);
  plan.count = count;
  plan.options.seed = seed;
  plan.options.patch = 4;
  Row row = row_of("0123456789abcdef", plan);
  row.result.contributions = 1000;
  row.result.deviations = count;
  row.result.test_images = 100;
  row.result.correct = 90;
  row.result.triggered_images = 1000;
  row.result.hits = static_cast<uint64_t>(1000 * success);
  row.result.detection.exact_escape = 0.25;
  return row;
}

class ResultsTest : public testing::Test {
 protected:
  std::filesystem::path file() const { return folder_ / "results.csv"; }
  const test::TemporaryFolder folder_;
};

TEST_F(ResultsTest, WhatWasAddedIsReadAgainAndFound) {
  auto results = Results::open(file());
  ASSERT_TRUE(results.ok());
  Row first = row(12, 0.034, 3, "last@0.85");
  first.result.detection.first_pick = 77;
  first.result.seconds = 1.5;
  first.result.robust = 701;
  ASSERT_TRUE(results->add(first).ok());
  Row broken = row(50, 0.0);
  broken.result.finished = false;
  ASSERT_TRUE(results->add(broken).ok());

  const auto again = Results::open(file());
  ASSERT_TRUE(again.ok());
  ASSERT_EQ(again->rows().size(), 2u);
  const Row* found = again->find(row(12, 0.0, 3, "last@0.85"));
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->result.hits, 34u);
  EXPECT_EQ(found->result.detection.first_pick, 77u);
  EXPECT_EQ(found->result.detection.exact_escape, 0.25);
  EXPECT_EQ(found->result.seconds, 1.5);
  EXPECT_EQ(found->result.robust, 701u);
  EXPECT_FALSE(again->rows()[1].result.robust.has_value());
  EXPECT_FALSE(again->rows()[1].result.finished);
  EXPECT_FALSE(again->rows()[1].result.detection.first_pick.has_value());
  EXPECT_EQ(again->find(row(12, 0.0, 4, "last@0.85")), nullptr);
  EXPECT_EQ(again->find(row(13, 0.0, 3, "last@0.85")), nullptr);
  EXPECT_EQ(again->find(row(12, 0.0, 3)), nullptr);
}

TEST_F(ResultsTest, PlansGoThereAndBack) {
  const Row one = row(12, 0.5, 3, "window:0.25-0.5");
  EXPECT_TRUE(row_of(one.job, plan_of(one)).same_training(one));
}

TEST_F(ResultsTest, OtherFilesAreRefusedAndNamed) {
  auto results = Results::open(file());
  ASSERT_TRUE(results->add(row(1, 0.5)).ok());
  std::ifstream in(file());
  const std::string good(std::istreambuf_iterator<char>(in), {});
  for (const std::string& bad : {std::string("a,b\n"),
                                 good + good,
                                 good.substr(0, good.size() - 1),
                                 good + "0123,badnets\n",
                                 good.substr(1)}) {
    std::ofstream(file()) << bad;
    const auto read = Results::open(file());
    ASSERT_FALSE(read.ok()) << bad;
    EXPECT_STREQ(read.error().code, "results_form");
  }
}

TEST(GroupsTest, SeedsOfACellComeTogether) {
  std::vector<Row> rows = {row(20, 0.5, 1), row(20, 0.05, 2), row(10, 0.02, 1), row(20, 0.2, 3)};
  rows.push_back(row(20, 0.9, 4));
  rows.back().job = "another";
  rows.push_back(row(20, 0.0, 5));
  rows.back().result.finished = false;
  const std::vector<Group> found = groups(rows, "0123456789abcdef");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].count, 10u);
  EXPECT_EQ(found[0].succeeded, 0u);
  EXPECT_EQ(found[1].trainings, 4u);
  EXPECT_EQ(found[1].broken, 1u);
  EXPECT_EQ(found[1].succeeded, 2u);
  EXPECT_NEAR(found[1].success, 0.25, 1e-12);
  EXPECT_NEAR(found[1].lowest, 0.05, 1e-12);
  EXPECT_NEAR(found[1].highest, 0.5, 1e-12);
  EXPECT_NEAR(found[1].accuracy, 0.9, 1e-12);
  EXPECT_FALSE(found[1].has_robust);
  EXPECT_NEAR(found[1].share, 0.02, 1e-12);
  EXPECT_NEAR(found[1].escape, 0.25, 1e-12);
  EXPECT_NEAR(found[1].interval.low, wilson(2, 3).low, 1e-12);
}

TEST(BracketTest, BisectionEndsAtTheLeastCountThatSucceeds) {
  constexpr uint64_t kCritical = 137;
  std::vector<Row> rows;
  for (uint64_t count : {40u, 80u, 160u, 320u}) {
    rows.push_back(row(count, count >= kCritical ? 0.8 : 0.02));
  }
  int tries = 0;
  while (true) {
    const auto found = bracket(groups(rows, rows[0].job), "badnets", "uniform");
    ASSERT_TRUE(found.has_value());
    ASSERT_LT(++tries, 12);
    const auto next = found->next();
    if (!next) {
      EXPECT_LT(found->below, kCritical);
      EXPECT_GE(found->above, kCritical);
      EXPECT_LE(found->above - found->below, 7u);
      break;
    }
    rows.push_back(row(*next, *next >= kCritical ? 0.8 : 0.02));
  }
  EXPECT_EQ(bracket(groups(rows, rows[0].job), "badnets", "last"), std::nullopt);
  rows = {row(40, 0.05)};
  EXPECT_FALSE(bracket(groups(rows, rows[0].job), "badnets", "uniform").has_value());
}

}  // namespace
}  // namespace ginn::attack
