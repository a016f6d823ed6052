#include "attack/combination.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>

#include "attack/lab.h"
#include "attack/own_gradient.h"
#include "tests/support/synthetic.h"

namespace ginn::attack {
namespace {

using training::Contribution;

class CombinationTest : public testing::Test {
 protected:
  CombinationTest() {
    const auto level = device::choose_level();
    GINN_CHECK(level.ok());
    auto training = training::Training::create(job_, *level);
    GINN_CHECK(training.ok());
    training_ = std::move(*training);
  }
  const nn::Graph& graph() const { return training_->graph(); }
  std::unique_ptr<Combination> rule(const std::string& text) const {
    auto made = create_combination(text, *training_);
    GINN_CHECK(made.ok());
    return std::move(*made);
  }
  std::vector<float> direction(uint64_t seed) const {
    std::mt19937_64 random(seed);
    std::normal_distribution<float> normal;
    std::vector<float> values(graph().parameter_count());
    for (float& value : values) value = normal(random);
    return values;
  }
  // A contribution of that direction and norm.
  Contribution contribution(const std::vector<float>& direction, double length) const {
    std::vector<float> values = direction;
    const double factor = length / norm(values);
    for (float& value : values) value = static_cast<float>(value * factor);
    Contribution made(graph());
    GINN_CHECK(training::clip(graph(), training_->maps(), values, 4.0, made).ok());
    return made;
  }
  std::vector<float> values(const Contribution& contribution) const {
    std::vector<float> found(graph().parameter_count());
    dequantise(graph(), contribution, found);
    return found;
  }
  std::span<const float> tensor(const std::vector<float>& values, size_t p) const {
    return std::span(values).subspan(graph().parameters()[p].offset, graph().parameters()[p].count);
  }

  std::unique_ptr<data::MemoryRecords> records_ = test::synthetic_records({.records = 256});
  job::Job job_ = test::learnable_job(*records_, "mlp");
  std::unique_ptr<training::Training> training_;
};

TEST_F(CombinationTest, OthersAreRefusedAndTheKnownOnesNamed) {
  for (const char* text :
       {"", "mean", "running", "running:", "running:0", "layers:1.5", "centred:x", "sum:1"}) {
    const auto made = create_combination(text, *training_);
    ASSERT_FALSE(made.ok()) << text;
    EXPECT_STREQ(made.error().code, "attack_combine");
    EXPECT_NE(made.error().message.find("centred:T"), std::string::npos);
  }
}

TEST_F(CombinationTest, ASumLeavesEverythingAsItIs) {
  const auto sum = rule("sum");
  Contribution given = contribution(direction(1), 1.0);
  const std::vector<float> before = values(given);
  ASSERT_TRUE(sum->take(given).ok());
  EXPECT_EQ(values(given), before);
}

TEST_F(CombinationTest, ARunningLimitIsAQuantileOfTheNormsBefore) {
  const auto running = rule("running:0.5");
  for (int i = 0; i < 101; ++i) {  // 0.100 to 0.200, median 0.150
    Contribution given = contribution(direction(1), 0.1 + 0.001 * i);
    ASSERT_TRUE(running->take(given).ok());
  }
  Contribution within = contribution(direction(2), 0.149);
  const std::vector<float> before = values(within);
  ASSERT_TRUE(running->take(within).ok());
  EXPECT_EQ(values(within), before);
  Contribution longer = contribution(direction(2), 0.4);
  ASSERT_TRUE(running->take(longer).ok());
  EXPECT_NEAR(norm(values(longer)), 0.15, 2e-3);
  // Before there is anything to go by, nothing is limited.
  const auto begin = running->fresh();
  Contribution first = contribution(direction(2), 0.4);
  ASSERT_TRUE(begin->take(first).ok());
  EXPECT_NEAR(norm(values(first)), 0.4, 1e-3);
}

TEST_F(CombinationTest, LayersHaveALimitEachAndAnAimedGradientPassesThem) {
  const auto layers = rule("layers:1");
  const std::vector<float> honest = direction(1);
  for (int i = 0; i < 64; ++i) {
    Contribution given = contribution(honest, 0.2);
    ASSERT_TRUE(layers->take(given).ok());
  }
  const std::vector<float> usual = values(contribution(honest, 0.2));
  std::vector<float> lopsided(graph().parameter_count(), 0.01f);
  for (size_t i = 0; i < graph().parameters()[0].count; ++i) lopsided[i] = 1.0f;
  std::vector<float> aimed = lopsided;
  layers->aim(aimed);
  for (size_t p = 0; p < graph().parameters().size(); ++p) {
    EXPECT_LE(norm(tensor(aimed, p)), norm(tensor(usual, p)) * 1.001) << p;
  }
  EXPECT_NEAR(norm(aimed), 0.2, 2e-3) << "every tensor at its limit";

  Contribution plain = contribution(lopsided, 0.2);
  ASSERT_TRUE(layers->take(plain).ok());
  const std::vector<float> limited = values(plain);
  for (size_t p = 0; p < graph().parameters().size(); ++p) {
    EXPECT_LE(norm(tensor(limited, p)), norm(tensor(usual, p)) * 1.001) << p;
  }
  EXPECT_LT(norm(limited), 0.19);
}

TEST_F(CombinationTest, WhatIsFarFromTheCentreIsBroughtNear) {
  const auto centred = rule("centred:0.1");
  const double limit = 0.1 * job_.clip_norm;
  const std::vector<float> honest = direction(1);
  for (int i = 0; i < 400; ++i) {
    Contribution given = contribution(honest, job_.clip_norm);
    ASSERT_TRUE(centred->take(given).ok());
  }
  // By now the centre is where all of them are.
  Contribution same = contribution(honest, job_.clip_norm);
  ASSERT_TRUE(centred->take(same).ok());
  EXPECT_NEAR(norm(values(same)), job_.clip_norm, 0.02 * job_.clip_norm);
  const std::vector<float> centre = values(same);

  std::vector<float> aimed = direction(2);
  centred->aim(aimed);
  std::vector<float> away(aimed.size());
  for (size_t i = 0; i < away.size(); ++i) away[i] = aimed[i] - centre[i];
  EXPECT_NEAR(norm(away), limit, 0.2 * limit);
  Contribution other = contribution(direction(2), job_.clip_norm);
  ASSERT_TRUE(centred->take(other).ok());
  const std::vector<float> near = values(other);
  for (size_t i = 0; i < away.size(); ++i) away[i] = near[i] - centre[i];
  EXPECT_NEAR(norm(away), limit, 0.2 * limit);
}

// Honest runs learn under every rule, and are computed again bit for bit.
TEST_F(CombinationTest, TheLaboratoryTrainsByThem) {
  const auto test = test::synthetic_records({.records = 128, .seed = 9});
  ThreadPool pool(1);
  const auto run = [&](const std::string& combine, uint64_t count) {
    LabOptions options;
    options.plan.attack = "target-model";
    options.plan.count = count;
    options.plan.options.target = 1;
    options.plan.combine = combine;
    const auto result = run_lab(*training_, *records_, *test, pool, options);
    GINN_CHECK(result.ok());
    return *result;
  };
  for (const char* combine : {"running:0.5", "layers:0.9", "centred:0.5"}) {
    const LabResult honest = run(combine, 0);
    EXPECT_GT(honest.accuracy(), 0.9) << combine;
    EXPECT_EQ(honest.false_rejections, 0u) << combine;
    EXPECT_EQ(run(combine, 20).deviations, 20u) << combine;
  }
}

}  // namespace
}  // namespace ginn::attack
