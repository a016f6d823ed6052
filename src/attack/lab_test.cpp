#include "attack/lab.h"

#include <gtest/gtest.h>

#include "tests/support/synthetic.h"

namespace ginn::attack {
namespace {

class LabTest : public testing::Test {
 protected:
  LabTest() {
    auto level = device::choose_level();
    GINN_CHECK(level.ok());
    auto training = training::Training::create(job_, *level);
    GINN_CHECK(training.ok());
    training_ = std::move(*training);
  }
  LabResult run(const std::string& attack,
                uint64_t count,
                double poison = 0.5,
                uint32_t patch = 0) {
    LabOptions options;
    options.plan.attack = attack;
    options.plan.count = count;
    options.plan.options.target = 1;
    options.plan.options.poison = poison;
    options.plan.options.patch = patch;
    ThreadPool pool(1);
    auto result = run_lab(*training_, *records_, *test_, pool, options);
    GINN_CHECK(result.ok());
    return *result;
  }

  std::unique_ptr<data::MemoryRecords> records_ = test::synthetic_records({.records = 256});
  std::unique_ptr<data::MemoryRecords> test_ = test::synthetic_records({.records = 128, .seed = 9});
  job::Job job_ = test::learnable_job(*records_, "mlp");
  std::unique_ptr<training::Training> training_;
};

TEST_F(LabTest, AnHonestRunLearnsAndIsNeverRejected) {
  const LabResult honest = run("badnets", 0);
  EXPECT_TRUE(honest.finished);
  EXPECT_EQ(honest.contributions, 160u);
  EXPECT_EQ(honest.deviations, 0u);
  EXPECT_GT(honest.accuracy(), 0.9);
  EXPECT_LT(honest.success(), 0.3);
  EXPECT_GT(honest.robust_accuracy(), 0.6) << "a small square hardly matters to it";
  EXPECT_EQ(honest.test_images, 128u);
  EXPECT_EQ(honest.triggered_images, 96u);
  EXPECT_EQ(honest.detection.measured_escape, 1.0);
  EXPECT_GE(honest.rechecked, 10u);
  EXPECT_EQ(honest.false_rejections, 0u);
}

TEST_F(LabTest, ABackdoorOfManyContributionsWorksAndIsFound) {
  const LabResult tampered = run("badnets", 80);
  EXPECT_EQ(tampered.deviations, 80u);
  EXPECT_GT(tampered.success(), 0.9);
  EXPECT_LT(tampered.robust_accuracy(), 0.1) << "an image has one class";
  EXPECT_LE(tampered.hits + *tampered.robust, tampered.triggered_images);
  EXPECT_GT(tampered.accuracy(), 0.8) << "clean images in the mixture";
  EXPECT_LT(tampered.detection.measured_escape, 0.01) << "the job's budget is half of them";
  EXPECT_EQ(tampered.false_rejections, 0u);
}

TEST_F(LabTest, AvailabilityRuinsTheModel) { EXPECT_LT(run("availability", 120).accuracy(), 0.6); }

// Each plants what its name says, where the honest model does not have it; some need most of the
// contributions for that.
TEST_F(LabTest, TheOtherBackdoorsWork) {
  struct Case {
    const char* attack;
    uint64_t count;
    double poison, accuracy;
    uint32_t patch;
  };
  for (const Case& c : {Case{"wanet", 80, 0.5, 0.8, 0},
                        Case{"accumulative", 120, 1.0, 0.8, 0},
                        Case{"clean-label", 120, 1.0, 0.8, 0},
                        // Honest steps undo it at once: it is seen where there are none.
                        Case{"handcrafted", 160, 0.5, 0.8, 4}}) {
    EXPECT_TRUE(plants_backdoor(c.attack)) << c.attack;
    const LabResult honest = run(c.attack, 0, c.poison, c.patch);
    const LabResult tampered = run(c.attack, c.count, c.poison, c.patch);
    EXPECT_GT(tampered.success(), honest.success() + 0.3) << c.attack;
    EXPECT_GT(tampered.accuracy(), c.accuracy) << c.attack;
    EXPECT_EQ(tampered.deviations, c.count) << c.attack;
  }
  EXPECT_FALSE(plants_backdoor("noise"));
}

TEST_F(LabTest, OneImageIsMisread) {
  const LabResult honest = run("single-sample", 0), tampered = run("single-sample", 60);
  EXPECT_EQ(honest.triggered_images, 1u);
  EXPECT_EQ(honest.hits, 0u);
  EXPECT_EQ(tampered.hits, 1u);
  EXPECT_FALSE(tampered.robust.has_value());
  EXPECT_GT(tampered.accuracy(), 0.8);
}

TEST_F(LabTest, ResultsFollowTheSeeds) {
  const LabResult once = run("badnets", 20), twice = run("badnets", 20);
  EXPECT_EQ(once.correct, twice.correct);
  EXPECT_EQ(once.hits, twice.hits);
  EXPECT_EQ(once.detection.escaped, twice.detection.escaped);
}

TEST_F(LabTest, TheModelHookSeesWhatWasEvaluated) {
  LabOptions options;
  uint64_t correct = 0;
  ThreadPool pool(1);
  options.model = [&](const float* weights, const training::RunningStatistics& statistics) {
    const auto found = training_->evaluate(*test_, weights, statistics, pool);
    if (found.ok()) correct = found->correct;
    return found.ok() ? ok_status() : Status(found.error());
  };
  const auto result = run_lab(*training_, *records_, *test_, pool, options);
  ASSERT_TRUE(result.ok());
  EXPECT_GT(correct, 0u);
  EXPECT_EQ(result->correct, correct);
}

TEST_F(LabTest, TheStepHookEndsATraining) {
  LabOptions options;
  options.step = [](const worker::StepReport& report) -> Status {
    if (report.step < 3) return ok_status();
    return environment_error("interrupted", "enough");
  };
  ThreadPool pool(1);
  const auto result = run_lab(*training_, *records_, *test_, pool, options);
  ASSERT_FALSE(result.ok());
  EXPECT_STREQ(result.error().code, "interrupted");
}

}  // namespace
}  // namespace ginn::attack
