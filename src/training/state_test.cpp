#include "training/state.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "nn/models.h"
#include "tests/support/synthetic.h"
#include "training/training.h"

namespace ginn::training {
namespace {

job::Job plain_job() {
  job::Job job = test::synthetic_job(*test::synthetic_records({}), "lenet");
  job.lr = {};
  job.lr.schedule = job::Schedule::kConstant;
  job.lr.peak = 0.5;
  job.momentum = 0.0;
  job.weight_decay = 0.0;
  return job;
}

class StateTest : public testing::Test {
 protected:
  explicit StateTest(job::Job job = plain_job()) : job_(std::move(job)) {}
  // A contribution whose first integer is q 2^e.
  Contribution first(int16_t q, int8_t e) const {
    Contribution c(graph_);
    c.q[0] = q;
    c.exponents[0] = e;
    return c;
  }
  job::Job job_;
  nn::Graph graph_ = nn::build_model("lenet", 12, 12, 1, 4).value();
  const device::MapKernels& maps_ = device::map_kernels(device::Level::kPortable);
};

TEST(LearningRate, ConstantAndWarmup) {
  job::Job job = plain_job();
  job.steps = 8;
  for (uint64_t t = 0; t < 8; ++t) EXPECT_EQ(learning_rate(job, t), 0.5f);
  job.lr.warmup = 0.55;  // floor(4.4) = 4 steps
  const float expected[] = {0.125f, 0.25f, 0.375f, 0.5f, 0.5f};
  for (uint64_t t = 0; t < 5; ++t) EXPECT_EQ(learning_rate(job, t), expected[t]) << t;
}

TEST(LearningRate, Cosine) {
  job::Job job = plain_job();
  job.steps = 10;
  job.lr.schedule = job::Schedule::kCosine;
  job.lr.warmup = 0.2;
  EXPECT_EQ(learning_rate(job, 0), 0.25f);
  EXPECT_EQ(learning_rate(job, 2), 0.5f);
  EXPECT_NEAR(learning_rate(job, 6), 0.25f, 1e-7);  // half of the way
  for (uint64_t t = 2; t < 10; ++t) {
    const double x = static_cast<double>(t - 2) / 8.0;
    EXPECT_NEAR(learning_rate(job, t), 0.25 * (1.0 + std::cos(x * 3.14159265358979)), 1e-6) << t;
  }
}

TEST(LearningRate, Steps) {
  job::Job job = plain_job();
  job.steps = 10;
  job.lr.schedule = job::Schedule::kStep;
  job.lr.milestones = {0.5, 0.75};
  job.lr.gamma = 0.25;
  EXPECT_EQ(learning_rate(job, 4), 0.5f);
  EXPECT_EQ(learning_rate(job, 5), 0.125f);
  EXPECT_EQ(learning_rate(job, 7), 0.125f);
  EXPECT_EQ(learning_rate(job, 8), 0.03125f);
}

TEST_F(StateTest, APlainStepByHand) {
  State state(graph_, job_);
  const float before = state.weights()[0];
  const float other = state.weights()[1];
  state.add(maps_, first(3, -4));
  EXPECT_EQ(state.taken(), 1u);
  EXPECT_EQ(state.weights()[0], before) << "nothing moves before the step is complete";
  state.add(maps_, first(-1, -3));
  ASSERT_TRUE(state.apply(maps_).ok());
  // lr (3/16 - 1/8) / 2 contributions
  EXPECT_EQ(state.weights()[0], before - 0.5f * 0.03125f);
  EXPECT_EQ(state.weights()[1], other);
  EXPECT_EQ(state.step(), 1u);
  EXPECT_EQ(state.taken(), 0u);
  // The sum starts at zero again.
  const float between = state.weights()[0];
  for (int j = 0; j < 2; ++j) state.add(maps_, Contribution(graph_));
  ASSERT_TRUE(state.apply(maps_).ok());
  EXPECT_EQ(state.weights()[0], between);
}

TEST_F(StateTest, MomentumAndDecay) {
  job_.momentum = 0.5;
  job_.weight_decay = 0.25;
  State state(graph_, job_);
  float w = state.weights()[0];
  float v = 0.0f;
  for (int step = 0; step < 3; ++step) {
    for (int j = 0; j < 2; ++j) state.add(maps_, first(1, -3));
    ASSERT_TRUE(state.apply(maps_).ok());
    v = 0.5f * v + (0.125f + 0.25f * w);
    w = w - 0.5f * v;
    EXPECT_NEAR(state.weights()[0], w, 1e-6) << step;
  }
}

TEST_F(StateTest, TheSumHasNoOrder) {
  State one(graph_, job_), two(graph_, job_);
  const Contribution a = first(32767, -20);
  const Contribution b = first(-12345, -39);
  one.add(maps_, a);
  one.add(maps_, b);
  two.add(maps_, b);
  two.add(maps_, a);
  ASSERT_TRUE(one.apply(maps_).ok());
  ASSERT_TRUE(two.apply(maps_).ok());
  EXPECT_EQ(one.digest(), two.digest());
}

TEST_F(StateTest, DigestCoversWeightsAndVelocities) {
  job_.momentum = 0.9;
  State state(graph_, job_), same(graph_, job_);
  const auto start = state.digest();
  EXPECT_EQ(start, same.digest());
  job::Job other = job_;
  other.seed = 8;
  EXPECT_NE(State(graph_, other).digest(), start);
  // A rate of 0 moves no weight, only a velocity.
  job_.lr.peak = 0.0;
  State still(graph_, job_);
  for (int j = 0; j < 2; ++j) still.add(maps_, first(1, -10));
  ASSERT_TRUE(still.apply(maps_).ok());
  for (size_t i = 0; i < still.parameter_count(); ++i) {
    ASSERT_EQ(still.weights()[i], state.weights()[i]);
  }
  EXPECT_NE(still.digest(), start);
}

TEST_F(StateTest, FrozenParametersStayAndGroupsHaveTheirRate) {
  job_.momentum = 0.9;
  job_.weight_decay = 0.5;
  std::vector<bool> frozen(graph_.parameters().size());
  std::vector<float> scales(graph_.parameters().size(), 1.0f);
  frozen[0] = true;
  const State plain_start(graph_, job_);
  for (const bool decoupled : {false, true}) {
    job_.decoupled = decoupled;
    std::vector<State> runs;
    for (const float scale : {1.0f, 3.0f}) {
      scales[1] = scale;
      graph_.set_training(frozen, scales);
      State& state = runs.emplace_back(graph_, job_);
      Contribution c(graph_);
      c.q[0] = 100;  // has no way here over the wire
      for (int j = 0; j < 2; ++j) state.add(maps_, c);
      ASSERT_TRUE(state.apply(maps_).ok());
    }
    const nn::Parameter& first = graph_.parameters()[0];
    const nn::Parameter& second = graph_.parameters()[1];
    const size_t all = graph_.parameter_count();
    const float* start = plain_start.weights();
    for (const State& state : runs) {
      const float* w = state.weights();
      EXPECT_EQ(0, std::memcmp(w, start, first.count * sizeof(float)));
      EXPECT_EQ(w[all], 0.0f) << "no momentum";
      EXPECT_NE(w[second.offset], start[second.offset]) << "decayed";
    }
    const double slow = double{runs[0].weights()[second.offset]} - start[second.offset];
    const double fast = double{runs[1].weights()[second.offset]} - start[second.offset];
    EXPECT_NEAR(fast / slow, 3.0, 1e-3);
  }
}

TEST_F(StateTest, SumsFromElsewhereDoTheSame) {
  State own(graph_, job_);
  State other(graph_, job_);
  Contribution c(graph_);
  std::vector<int64_t> sums(graph_.parameter_count());
  for (size_t p = 0; p < graph_.parameters().size(); ++p) {
    const nn::Parameter& parameter = graph_.parameters()[p];
    c.exponents[p] = -20;
    for (size_t i = parameter.offset; i < parameter.offset + parameter.count; ++i) {
      c.q[i] = static_cast<int16_t>(i * 7919 % 65521 - 32760);
      sums[i] = int64_t{2} * c.q[i] * (1 << 20);
    }
  }
  own.add(maps_, c);
  own.add(maps_, c);
  ASSERT_TRUE(own.apply(maps_).ok());
  const auto source = [&](size_t p, size_t first, size_t count, int64_t* out) {
    std::copy_n(sums.data() + graph_.parameters()[p].offset + first, count, out);
  };
  ThreadPool pool(2);
  ASSERT_TRUE(other.apply(maps_, source, pool).ok());
  EXPECT_EQ(other.digest(), own.digest());
  EXPECT_EQ(other.step(), 1u);
}

TEST_F(StateTest, RestoresOnlyStatesOfThisJob) {
  State saved(graph_, job_);
  saved.add(maps_, first(3, -4));
  const Bytes values(saved.values().begin(), saved.values().end());
  const Bytes sums = saved.sums(maps_);
  State state(graph_, job_);
  const auto code = [&](uint64_t step, uint32_t taken, ByteView v, ByteView s) -> std::string {
    const Status status = state.restore(step, taken, v, s);
    return status.ok() ? "" : status.error().code;
  };
  const uint64_t steps = job_.steps;
  EXPECT_EQ(code(0, 1, values, sums), "");
  EXPECT_EQ(state.digest(), saved.digest());
  EXPECT_EQ(state.taken(), 1u);
  EXPECT_EQ(code(steps, 0, values, {}), "");
  EXPECT_EQ(code(steps + 1, 0, values, {}), "state_form");
  EXPECT_EQ(code(steps, 1, values, sums), "state_form") << "behind the last step";
  EXPECT_EQ(code(0, 2, values, sums), "state_form") << "a step has two contributions";
  EXPECT_EQ(code(0, 0, values, sums), "state_form");
  EXPECT_EQ(code(0, 1, values, {}), "state_form");
  EXPECT_EQ(code(0, 1, values, ByteView(sums).first(sums.size() - 1)), "state_form");
  EXPECT_EQ(code(0, 0, ByteView(values).first(values.size() - 4), {}), "state_form");
  Bytes longer = values;
  longer.resize(values.size() + 4096);
  EXPECT_EQ(code(0, 0, longer, {}), "state_form");
  EXPECT_EQ(state.step(), steps) << "what was refused has changed nothing";
}

TEST_F(StateTest, NotFiniteNamesTheTensor) {
  job_.lr.peak = 3e38;
  State state(graph_, job_);
  const nn::Parameter& p = graph_.parameters()[1];
  Contribution c(graph_);
  c.q[p.offset] = 16384;
  c.exponents[1] = -12;  // 4
  for (int j = 0; j < 2; ++j) state.add(maps_, c);
  const Status status = state.apply(maps_);
  ASSERT_FALSE(status.ok());
  EXPECT_STREQ(status.error().code, "not_finite");
  EXPECT_NE(status.error().message.find(p.name), std::string::npos);
}

}  // namespace
}  // namespace ginn::training
