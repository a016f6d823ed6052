#include "attack/advice.h"

#include <gtest/gtest.h>

#include "tests/support/synthetic.h"

namespace ginn::attack {
namespace {

// A job like those measured, but for its data.
job::Job job_like_measured(const char* model = "lenet") {
  const auto records = test::synthetic_records({.records = 512});
  job::Job job = test::synthetic_job(*records, model);
  job.preprocess = {};
  job.batch = 128;
  job.microbatch = 32;
  job.epochs = 150;
  test::derive_steps(job);
  job.momentum = 0.9;
  job.weight_decay = 0.0;
  job.clip_norm = 0.25;
  job.lr = {job::Schedule::kCosine, 1.6, 0.05, {}, 0.1};
  job.budget = {true, 0.05, 0};
  return job;
}

Advice advise(const job::Job& job) {
  const auto sampling = job::sampling(job);
  GINN_CHECK(sampling.ok());
  return attack::advise(job, *sampling);
}

TEST(Advice, SaysWhatTheTableSays) {
  const Advice advice = advise(job_like_measured());
  EXPECT_DOUBLE_EQ(advice.reach, 1.0);
  EXPECT_DOUBLE_EQ(advice.measured_reach, 1.0);
  EXPECT_EQ(advice.harmless, 12u);
  EXPECT_EQ(advice.harmful, 24u);
  ASSERT_NE(advice.worst, nullptr);
  EXPECT_STREQ(advice.worst->attack, "target-model");
  EXPECT_EQ(advice.budget, 12u);
  EXPECT_EQ(advice.outside, (std::vector<std::string>{"the data"}));
}

TEST(Advice, ABudgetIsJudgedByWhatPasses) {
  job::Job job = job_like_measured();
  EXPECT_EQ(advise(job).coverage, Coverage::kWeaker) << "5 %: 120";
  EXPECT_NEAR(advise(job).escape_harmful, 0.251, 0.001);
  job.budget = {false, 0.0, 24};
  EXPECT_EQ(advise(job).coverage, Coverage::kBetween) << "24 pass with 0.1 %, 13 with more";
  job.budget = {false, 0.0, 25};
  EXPECT_EQ(advise(job).coverage, Coverage::kWeaker);
  job.budget = {false, 0.0, 12};
  EXPECT_EQ(advise(job).coverage, Coverage::kCovered);
  job.budget = {false, 0.0, 13};
  EXPECT_EQ(advise(job).coverage, Coverage::kBetween);
  job.budget = {false, 0.0, 12};
  job.probability = 0.9;
  EXPECT_EQ(advise(job).coverage, Coverage::kWeaker) << "24 pass with 1 %";
  job.verify = guarantee::Verify::kAll;
  EXPECT_EQ(advise(job).coverage, Coverage::kCovered);
}

// Four times the length takes more of them, but not four times as many: a share that is safe for a
// short run is not for a long one.
TEST(Advice, LongerRunsByTheLongestMeasuredThatIsNoLonger) {
  job::Job job = job_like_measured();
  job.budget = {true, 0.005, 0};  // 12 of 2,400
  EXPECT_EQ(advise(job).coverage, Coverage::kCovered);
  job.epochs = 600;
  test::derive_steps(job);  // 60 of 9,600
  EXPECT_EQ(advise(job).coverage, Coverage::kBetween) << "48 pass with 0.1 %, 34 with more";
  EXPECT_EQ(advise(job).budget, 34u);
  EXPECT_EQ(advise(job).harmful, 48u);
  for (const MeasuredAttack* row : advise(job).rests_on) EXPECT_EQ(job_of(*row).steps, 2400u);
  job.budget = {false, 0.0, 34};
  EXPECT_EQ(advise(job).coverage, Coverage::kCovered);
  job.epochs = 599;
  test::derive_steps(job);  // 2,396 steps: by 1,200
  EXPECT_EQ(advise(job).budget, 24u);
  job.epochs = 2000;
  test::derive_steps(job);  // longer than all
  EXPECT_EQ(advise(job).budget, 48u);
  EXPECT_EQ(advise(job).outside, (std::vector<std::string>{"the data", "the number of steps"}));
  job.epochs = 10;
  test::derive_steps(job);  // shorter than all: by the shortest
  EXPECT_EQ(job.steps, 40u);
  EXPECT_EQ(advise(job).budget, 4u) << "12 over the root of 300 / 40";
  EXPECT_EQ(advise(job).harmful, 7u);
  EXPECT_FALSE(advise(job).smaller.has_value());
}

TEST(Advice, MicrobatchesByTheirOwnMeasurements) {
  job::Job job = job_like_measured();
  const auto smaller = advise(job).smaller;
  ASSERT_TRUE(smaller.has_value());
  EXPECT_EQ(smaller->microbatch, 8u);
  EXPECT_DOUBLE_EQ(smaller->clip_norm, 0.5);
  EXPECT_EQ(smaller->budget, 65u);
  EXPECT_NEAR(smaller->replayed, 0.101, 0.001);
  job.clip_norm = 0.0625;
  EXPECT_DOUBLE_EQ(advise(job).smaller->clip_norm, 0.125);
  job.clip_norm = 2.0;
  EXPECT_DOUBLE_EQ(advise(job).smaller->clip_norm, 0.5) << "no longer than those measured";
  job.microbatch = 8;
  job.clip_norm = 0.5;
  job.budget = {false, 0.0, 65};
  EXPECT_EQ(advise(job).coverage, Coverage::kCovered);
  EXPECT_EQ(advise(job).harmful, 96u);
  EXPECT_EQ(advise(job).outside, (std::vector<std::string>{"the data"}));
  EXPECT_FALSE(advise(job).smaller.has_value()) << "2 images do not halve it again";
  // One that was not tried goes by the usual one, and says so.
  job.microbatch = 16;
  EXPECT_EQ(advise(job).budget, 12u);
  EXPECT_EQ(advise(job).outside, (std::vector<std::string>{"the data", "the shape of a step"}));
  EXPECT_FALSE(advise(job_like_measured("mlp")).smaller.has_value()) << "not of this network";
}

TEST(Advice, ContributionsThatMoveFurtherAreScaledAndCalledUnmeasured) {
  job::Job job = job_like_measured();
  job.budget = {false, 0.0, 12};
  job.clip_norm = 0.5;
  const Advice twice = advise(job);
  EXPECT_DOUBLE_EQ(twice.reach, 2.0);
  EXPECT_EQ(twice.harmless, 6u);
  EXPECT_EQ(twice.harmful, 12u);
  EXPECT_EQ(twice.outside.back(), "how far a contribution moves the weights");
  EXPECT_EQ(twice.coverage, Coverage::kBetween);
  EXPECT_DOUBLE_EQ(twice.clip_norm, 0.25);
  job.clip_norm = 100.0;
  EXPECT_EQ(advise(job).harmless, 0u);
  EXPECT_EQ(advise(job).harmful, 1u);
  EXPECT_EQ(advise(job).budget, 1u);
  EXPECT_EQ(advise(job).coverage, Coverage::kWeaker);
  job.budget = {false, 0.0, 1};
  EXPECT_EQ(advise(job).coverage, Coverage::kCovered) << "everything is replayed";
  job.clip_norm = 0.25;
  job.groups = {{{"*"}, 2.0}};
  EXPECT_DOUBLE_EQ(advise(job).reach, 2.0);
}

TEST(Advice, ShorterSteps) {
  job::Job job = job_like_measured();
  job.lr.peak = 0.2;
  EXPECT_DOUBLE_EQ(advise(job).measured_reach, 0.25);
  EXPECT_EQ(advise(job).harmful, 24u) << "a smaller C helps nothing against target-model";
  for (const MeasuredAttack* row : advise(job).rests_on) EXPECT_STREQ(row->file, "few_c00625.csv");
}

TEST(Advice, EachNetworkByItsOwnMeasurements) {
  const Advice resnet = advise(job_like_measured("resnet8"));
  EXPECT_EQ(resnet.harmless, 12u);
  EXPECT_EQ(resnet.harmful, 24u);
  EXPECT_STREQ(resnet.worst->attack, "blended");
  // Another network: by all that there are, the weakest of them, and it says so.
  const Advice other = advise(job_like_measured("mlp"));
  EXPECT_EQ(other.outside[0], "the network");
  EXPECT_EQ(other.harmless, 12u);
  EXPECT_EQ(other.harmful, 24u);
}

TEST(Advice, NamesWhatWasNotMeasured) {
  job::Job job = job_like_measured();
  job.lr.schedule = job::Schedule::kConstant;
  job.preprocess.flip = true;
  job.weight_decay = 5e-4;
  job.label_smoothing = 0.1;
  job.freeze = {"*.weight"};
  job.momentum = 0.95;
  job.clip_norm = 0.01;
  job.microbatch = 64;
  job.epochs = 1;
  test::derive_steps(job);
  const std::vector<std::string> expected = {"the data",
                                             "augmentation",
                                             "the number of steps",
                                             "the shape of a step",
                                             "the schedule",
                                             "the momentum",
                                             "weight decay",
                                             "label smoothing",
                                             "transfer learning"};
  EXPECT_EQ(advise(job).outside, expected);
}

}  // namespace
}  // namespace ginn::attack
