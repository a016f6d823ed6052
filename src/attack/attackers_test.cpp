#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "attack/attacker.h"
#include "attack/own_gradient.h"
#include "attack/weight_game.h"
#include "tests/support/synthetic.h"
#include "worker/loop.h"

namespace ginn::attack {
namespace {

using training::Contribution;

double norm_of(const nn::Graph& graph, const Contribution& contribution) {
  std::vector<float> values(graph.parameter_count());
  dequantise(graph, contribution, values);
  return norm(values);
}

double cosine(const nn::Graph& graph, const Contribution& a, const Contribution& b) {
  std::vector<float> va(graph.parameter_count()), vb(graph.parameter_count());
  dequantise(graph, a, va);
  dequantise(graph, b, vb);
  double dot = 0.0;
  for (size_t i = 0; i < va.size(); ++i) dot += double{va[i]} * double{vb[i]};
  return dot / (norm_of(graph, a) * norm_of(graph, b));
}

class AttackersTest : public testing::Test {
 protected:
  AttackersTest() {
    job_.microbatch = 8;
    job_.batch = 16;
    test::derive_steps(job_);
    freeze({});
  }
  void freeze(std::vector<std::string> patterns) {
    job_.freeze = std::move(patterns);
    auto training = training::Training::create(job_, device::Level::kPortable);
    GINN_CHECK(training.ok());
    training_ = std::move(*training);
  }

  // What an attack handed over and what it should have been, by t M + j.
  struct Seen {
    std::map<uint64_t, std::pair<std::unique_ptr<Contribution>, std::unique_ptr<Contribution>>> all;
    std::vector<uint64_t> deviations;
  };
  Seen run(const std::string& attack, uint64_t count, const std::string& when = "uniform") {
    AttackPlan plan;
    plan.attack = attack;
    plan.when = *parse_when(when);
    plan.count = count;
    plan.options.target = 1;
    auto campaign = Campaign::create(plan, *training_, *records_);
    GINN_CHECK(campaign.ok());
    Seen seen;
    worker::Hooks hooks;
    hooks.weights = [&](uint64_t, const nn::StepWeights& w) { (*campaign)->weights(w); };
    hooks.contribution = [&](uint64_t t, uint32_t j, Contribution& c) -> Status {
      auto honest = std::make_unique<Contribution>(training_->graph());
      auto given = std::make_unique<Contribution>(training_->graph());
      copy(c, *honest);
      GINN_ASSIGN(const bool deviates, (*campaign)->replace(t, j, c));
      EXPECT_EQ(deviates, !(c == *honest));
      check_form(c);
      copy(c, *given);
      seen.all[t * job_.microbatches() + j] = {std::move(given), std::move(honest)};
      return ok_status();
    };
    ThreadPool pool(1);
    const auto state = worker::train(*training_, *records_, pool, hooks);
    EXPECT_TRUE(state.ok());
    seen.deviations = (*campaign)->deviations();
    return seen;
  }

  // Whatever is forged passes the checks that need no coin.
  void check_form(const Contribution& contribution) {
    const nn::Graph& graph = training_->graph();
    Bytes bytes(training::encoded_size(graph));
    training::encode(graph, contribution, bytes);
    Contribution decoded(graph);
    EXPECT_TRUE(training::decode(graph, training_->maps(), bytes, decoded).ok());
    EXPECT_TRUE(training::norm_within(
        graph, training_->maps(), contribution, training::norm_limit(job_.clip_norm)));
  }

  std::unique_ptr<data::MemoryRecords> records_ = test::synthetic_records({.records = 64});
  job::Job job_ = test::synthetic_job(*records_, "lenet");
  std::unique_ptr<training::Training> training_;
};

TEST_F(AttackersTest, EachHandsOverWellFormedContributionsWhereItWasTold) {
  for (const std::string& name : attack_names()) {
    const Seen seen = run(name, 3, "window:0.5-1");
    EXPECT_EQ(seen.all.size(), 8u) << name;
    EXPECT_EQ(seen.deviations.size(), 3u) << name;
    for (uint64_t index : seen.deviations) EXPECT_GE(index, 4u) << name;
    for (const auto& [index, pair] : seen.all) {
      const bool listed = std::count(seen.deviations.begin(), seen.deviations.end(), index) > 0;
      EXPECT_EQ(!(*pair.first == *pair.second), listed) << name << " " << index;
    }
  }
}

// A reversed gradient of norm C is, along its own direction, C + |h| further than the honest one.
TEST_F(AttackersTest, TheGreedyOneReplacesWhatGainsMost) {
  const Seen honest = run("availability", 0);
  std::vector<double> gains = effects(job_);
  ASSERT_EQ(gains.size(), honest.all.size());
  for (const auto& [index, pair] : honest.all) {
    gains[index] *= job_.clip_norm + norm_of(training_->graph(), *pair.second);
  }
  for (const uint64_t count : {1u, 3u, 5u}) {
    EXPECT_EQ(run("availability", count, "greedy").deviations,
              *choose(*parse_when("greedy"), gains.size(), count, 1, gains));
  }
}

TEST_F(AttackersTest, NoneIsAnHonestRun) {
  for (const std::string& name : attack_names()) EXPECT_TRUE(run(name, 0).deviations.empty());
}

TEST_F(AttackersTest, AttackersThatPushUseTheWholeNorm) {
  for (const bool frozen : {false, true}) {
    if (frozen) freeze({"*.weight"});
    for (const char* name : {"noise",
                             "availability",
                             "badnets",
                             "blended",
                             "sinusoidal",
                             "clean-label",
                             "wanet",
                             "single-sample",
                             "target-model",
                             "handcrafted"}) {
      const Seen seen = run(name, 2);
      EXPECT_EQ(seen.deviations.size(), 2u) << name;
      for (uint64_t index : seen.deviations) {
        EXPECT_NEAR(norm_of(training_->graph(), *seen.all.at(index).first), job_.clip_norm, 2e-3)
            << name << (frozen ? ", frozen weights" : "");
      }
    }
  }
}

TEST_F(AttackersTest, AvailabilityIsTheOppositeDirection) {
  const Seen seen = run("availability", 2);
  for (uint64_t index : seen.deviations) {
    const auto& [given, honest] = seen.all.at(index);
    EXPECT_LT(cosine(training_->graph(), *given, *honest), -0.999);
  }
}

// Weak ones are seven tenths of the honest one and three tenths of as long a gradient of the
// backdoor's; the last fifth is the backdoor's alone, at the full norm.
TEST_F(AttackersTest, AccumulativeIsWeakFirst) {
  job_.epochs = 3;
  test::derive_steps(job_);
  freeze({});
  const Seen seen = run("accumulative", 10);
  ASSERT_EQ(seen.deviations.size(), 10u);
  const nn::Graph& graph = training_->graph();
  for (size_t i = 0; i < 10; ++i) {
    const auto& [given, honest] = seen.all.at(seen.deviations[i]);
    const double length = norm_of(graph, *given), before = norm_of(graph, *honest);
    // |given - 0.7 honest| by the law of cosines.
    const double dot = cosine(graph, *given, *honest) * length * before;
    const double leaning = std::sqrt(length * length + 0.49 * before * before - 1.4 * dot);
    if (i < 8) {
      EXPECT_NEAR(leaning, 0.3 * before, 0.01 * before) << i;
    } else {
      EXPECT_GT(leaning, 0.35 * before) << i;
      EXPECT_NEAR(length, job_.clip_norm, 2e-3) << i;
    }
  }
}

TEST_F(AttackersTest, LazyOnesHandOverWhatTheirNamesSay) {
  const Seen zero = run("zero", 1, "last");
  EXPECT_EQ(norm_of(training_->graph(), *zero.all.at(7).first), 0.0);
  const Seen stale = run("stale", 1, "last");
  EXPECT_TRUE(*stale.all.at(7).first == *stale.all.at(5).second);
  const Seen copied = run("copy", 1, "last");
  EXPECT_TRUE(*copied.all.at(7).first == *copied.all.at(6).second);
  const Seen rounded = run("low-precision", 1, "last");
  EXPECT_GT(cosine(training_->graph(), *rounded.all.at(7).first, *rounded.all.at(7).second), 0.99);
}

// Nothing precedes the first contribution: what cannot be forged stays honest and is not counted.
TEST_F(AttackersTest, WhatStaysHonestIsNoDeviation) {
  EXPECT_TRUE(run("stale", 2, "first").deviations.empty());
  EXPECT_EQ(run("copy", 2, "first").deviations, (std::vector<uint64_t>{1}));
}

// Half of the images, by the job's arithmetic: with all of them it would be the honest one.
TEST_F(AttackersTest, OwnGradientsAreTheJobs) {
  auto own = OwnGradient::create(*training_, *records_, job_.microbatch);
  ASSERT_TRUE(own.ok());
  const training::State state(training_->graph(), job_);
  const auto weights = training_->prepare(state.weights());
  ASSERT_TRUE(weights.ok());
  const std::vector<uint64_t> indices = training_->record_indices(2, 1);
  for (uint32_t i = 0; i < job_.microbatch; ++i) {
    const auto augmentation =
        data::augmentation(job_.preprocess, job_.seed, 2, job_.microbatch + i);
    ASSERT_TRUE((*own)->set(i, indices[i], augmentation).ok());
  }
  const auto gradient = (*own)->compute(*weights);
  ASSERT_TRUE(gradient.ok());
  Contribution mine(training_->graph()), honest(training_->graph());
  ASSERT_TRUE(
      training::clip(training_->graph(), training_->maps(), *gradient, job_.clip_norm, mine).ok());
  const auto workspace = training_->workspace();
  ASSERT_TRUE(training_->contribution(*records_, *weights, 2, 1, *workspace, honest).ok());
  EXPECT_TRUE(mine == honest);
}

TEST_F(AttackersTest, OptionsOutOfRangeAreRefused) {
  const auto code = [&](const std::string& name, const AttackerOptions& options) {
    const auto attacker = create_attacker(name, *training_, *records_, options);
    return std::string(attacker.ok() ? "" : attacker.error().code);
  };
  EXPECT_EQ(code("badnets", {.target = 3}), "");
  EXPECT_EQ(code("badnets", {.target = 4}), "attack_target");
  EXPECT_EQ(code("badnets", {.poison = 0.0}), "attack_poison");
  EXPECT_EQ(code("badnets", {.poison = std::nan("")}), "attack_poison");
  EXPECT_EQ(code("badnets", {.images = 1025}), "attack_images");
  EXPECT_EQ(code("badnets", {.patch = 12}), "");
  EXPECT_EQ(code("badnets", {.patch = 13}), "attack_patch");
  EXPECT_EQ(code("charm", {}), "unknown_attack");
}

}  // namespace
}  // namespace ginn::attack
