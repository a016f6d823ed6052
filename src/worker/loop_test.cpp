#include "worker/loop.h"

#include <gtest/gtest.h>

#include "tests/support/synthetic.h"

namespace ginn::worker {
namespace {

class LoopTest : public testing::Test {
 protected:
  LoopTest() {
    auto training = training::Training::create(job_, device::Level::kPortable);
    GINN_CHECK(training.ok());
    training_ = std::move(*training);
  }
  Result<std::unique_ptr<training::State>> run(const Hooks& hooks, size_t threads = 1) {
    ThreadPool pool(threads);
    return train(*training_, *records_, pool, hooks);
  }

  std::unique_ptr<data::MemoryRecords> records_ = test::synthetic_records({.records = 32});
  job::Job job_ = test::synthetic_job(*records_, "lenet");
  std::unique_ptr<training::Training> training_;
};

TEST_F(LoopTest, HooksSeeEverythingInOrder) {
  std::vector<std::pair<uint64_t, uint32_t>> seen;
  std::vector<StepReport> reports;
  Hooks hooks;
  hooks.contribution = [&](uint64_t t, uint32_t j, training::Contribution&) {
    EXPECT_EQ(reports.size(), t) << "before the step's optimiser";
    seen.emplace_back(t, j);
    return ok_status();
  };
  hooks.step = [&](const StepReport& report, const training::State&) {
    reports.push_back(report);
    return ok_status();
  };
  const auto state = run(hooks, 3);
  ASSERT_TRUE(state.ok());
  EXPECT_EQ((*state)->step(), 4u);
  ASSERT_EQ(seen.size(), 8u);
  for (uint32_t i = 0; i < 8; ++i) EXPECT_EQ(seen[i], std::make_pair(uint64_t{i / 2}, i % 2));
  ASSERT_EQ(reports.size(), 4u);
  for (uint64_t t = 0; t < 4; ++t) {
    EXPECT_EQ(reports[t].step, t);
    EXPECT_EQ(reports[t].learning_rate, training::learning_rate(job_, t));
    EXPECT_GT(reports[t].claimed_loss, 0.1);
    EXPECT_LT(reports[t].claimed_loss, 10.0);
    EXPECT_GE(reports[t].claimed_accuracy, 0.0);
    EXPECT_LE(reports[t].claimed_accuracy, 1.0);
  }
  // Nearly untrained: about log(4), the loss of not knowing.
  EXPECT_NEAR(reports[0].claimed_loss, 1.386, 0.2);
}

TEST_F(LoopTest, ThreadsAndHooksChangeNothing) {
  const auto alone = run({});
  ASSERT_TRUE(alone.ok());
  for (size_t threads : {2, 5}) {
    Hooks hooks;
    hooks.contribution = [](uint64_t, uint32_t, training::Contribution&) { return ok_status(); };
    const auto state = run(hooks, threads);
    ASSERT_TRUE(state.ok());
    EXPECT_EQ((*state)->digest(), (*alone)->digest()) << threads;
  }
}

TEST_F(LoopTest, AChangedContributionIsTheOneThatIsAdded) {
  const auto honest = run({});
  Hooks hooks;
  hooks.contribution = [](uint64_t t, uint32_t j, training::Contribution& c) {
    if (t == 3 && j == 1) c.q[0] = static_cast<int16_t>(c.q[0] == 0 ? 1 : 0);
    return ok_status();
  };
  const auto state = run(hooks);
  ASSERT_TRUE(honest.ok() && state.ok());
  EXPECT_NE((*state)->digest(), (*honest)->digest());
}

TEST_F(LoopTest, AnErrorOfAHookEndsTheRun) {
  int calls = 0;
  Hooks hooks;
  hooks.contribution = [&](uint64_t, uint32_t, training::Contribution&) -> Status {
    if (++calls == 4) return refused("verifier_stopped", "");
    return ok_status();
  };
  auto state = run(hooks, 2);
  ASSERT_FALSE(state.ok());
  EXPECT_STREQ(state.error().code, "verifier_stopped");
  EXPECT_EQ(calls, 4);
  Hooks stepping;
  uint64_t last = 0;
  stepping.step = [&](const StepReport& report, const training::State&) -> Status {
    last = report.step;
    if (report.step == 1) return environment_error("interrupted", "");
    return ok_status();
  };
  state = run(stepping);
  ASSERT_FALSE(state.ok());
  EXPECT_STREQ(state.error().code, "interrupted");
  EXPECT_EQ(last, 1u);
}

// Fails at some records: which error is reported must not depend on threads.
class Broken final : public data::RecordSource {
 public:
  explicit Broken(const data::RecordSource& records) : records_(records) {}
  const data::DatasetFacts& facts() const override { return records_.facts(); }
  Status read(uint64_t index, std::span<uint8_t> out) const override {
    if (index % 3 == 0) return refused("record_mismatch", std::to_string(index));
    return records_.read(index, out);
  }

 private:
  const data::RecordSource& records_;
};

TEST_F(LoopTest, TheFirstErrorByIndexIsReported) {
  const Broken broken(*records_);
  std::string expected;
  for (uint32_t j = 0; j < 2 && expected.empty(); ++j) {
    for (uint64_t record : training_->record_indices(0, j)) {
      if (expected.empty() && record % 3 == 0) expected = std::to_string(record);
    }
  }
  ASSERT_FALSE(expected.empty());
  for (size_t threads : {1, 2, 4}) {
    ThreadPool pool(threads);
    const auto state = train(*training_, broken, pool, {});
    ASSERT_FALSE(state.ok());
    EXPECT_EQ(state.error().message, expected) << threads;
  }
}

TEST(Learning, TheLossFalls) {
  const auto records = test::synthetic_records({.records = 64});
  job::Job job = test::synthetic_job(*records, "mlp");
  job.preprocess = {};
  job.epochs = 10;
  test::derive_steps(job);
  auto training = training::Training::create(job, device::choose_level().value());
  ASSERT_TRUE(training.ok());
  std::vector<double> losses;
  Hooks hooks;
  hooks.step = [&](const StepReport& report, const training::State&) {
    losses.push_back(report.claimed_loss);
    return ok_status();
  };
  ThreadPool pool(2);
  ASSERT_TRUE(train(**training, *records, pool, hooks).ok());
  EXPECT_LT(losses.back(), 0.5 * losses.front());
}

}  // namespace
}  // namespace ginn::worker
