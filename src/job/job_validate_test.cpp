#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "job/job_cases.h"

namespace ginn::job::cases {
namespace {

struct Case {
  const char* key;
  std::function<void(Job&)> change;
};

std::vector<std::string> keys_of(const Job& job) {
  std::vector<std::string> keys;
  for (const Problem& problem : validate(job)) keys.push_back(problem.key);
  return keys;
}

// Epochs of 1024 steps.
void set_steps(Job& job, uint64_t steps) {
  job.data.records = uint64_t{1024} * job.batch;
  job.epochs = static_cast<uint32_t>(steps / 1024);
  job.steps = steps;
}

TEST(JobValidate, GoodJobsHaveNoProblem) {
  EXPECT_EQ(keys_of(good_job()), std::vector<std::string>{});
  const std::vector<std::function<void(Job&)>> edges = {
      [](Job& job) { job.preprocess.crop = 14; },
      [](Job& job) { job.preprocess.pad = 64; },
      [](Job& job) { job.epochs = 100'000, job.batch = 2048, job.steps = 2'900'000; },
      [](Job& job) { set_steps(job, kStepsMax); },
      [](Job& job) { job.clip_norm = 0x1p-20; },
      [](Job& job) { job.clip_norm = 0x1p20; },  // 2^22 / 4
      [](Job& job) { job.momentum = 0; },
      [](Job& job) { job.weight_decay = 1; },
      [](Job& job) { job.lr.peak = 100; },
      [](Job& job) { job.lr.gamma = 1; },
      [](Job& job) { job.bn_samples = 32; },
      [](Job& job) { job.bn_samples = 60000; },
      [](Job& job) { job.mean = {-1e6}; },
      [](Job& job) { job.std = {1e-6}; },
      [](Job& job) { job.nonce = std::string(64, '~'); },
      [](Job& job) {
        job.lr.schedule = Schedule::kStep, job.lr.milestones = {0.5, 0.75};
      },
      [](Job& job) {
        job.budget = {false, 0, 7488};
      },
  };
  for (size_t i = 0; i < edges.size(); ++i) {
    Job job = good_job();
    edges[i](job);
    EXPECT_EQ(keys_of(job), std::vector<std::string>{}) << i;
  }
}

TEST(JobValidate, EveryConstraintNamesItsKey) {
  const std::vector<Case> cases = {
      {"model.name", [](Job& job) { job.model = "resnet9"; }},
      {"data", [](Job& job) { job.data.classes = 1; }},
      {"data.pad", [](Job& job) { job.preprocess.pad = 65; }},
      {"data.mean", [](Job& job) { job.mean = {}; }},
      {"data.mean", [](Job& job) { job.mean = {1.1e6}; }},
      {"data.mean", [](Job& job) { job.mean = {kNan}; }},
      {"data.std",
       [](Job& job) {
         job.std = {0.5, 0.5};
       }},
      {"data.std", [](Job& job) { job.std = {0}; }},
      {"data.std", [](Job& job) { job.std = {1.1e6}; }},
      {"data.std", [](Job& job) { job.std = {kNan}; }},
      {"augment.crop", [](Job& job) { job.preprocess.crop = 15; }},
      {"train.epochs", [](Job& job) { job.epochs = 0; }},
      {"train.epochs", [](Job& job) { job.epochs = 100'001; }},
      {"train.steps", [](Job& job) { job.steps = 0; }},
      {"train.steps", [](Job& job) { set_steps(job, kStepsMax + 1024); }},
      {"train.steps", [](Job& job) { job.epochs = 100'000, job.steps = 46'800'000; }},
      {"train.steps", [](Job& job) { job.steps = 1871; }},
      {"train.batch", [](Job& job) { job.batch = 0; }},
      {"train.batch", [](Job& job) { job.batch = 65'568; }},
      {"train.batch", [](Job& job) { job.batch = 60'032; }},
      {"train.microbatch", [](Job& job) { job.microbatch = 0; }},
      {"train.microbatch", [](Job& job) { job.microbatch = 4097; }},
      {"train.microbatch", [](Job& job) { job.microbatch = 256; }},
      {"train.bn_samples", [](Job& job) { job.bn_samples = 0; }},
      {"train.bn_samples", [](Job& job) { job.bn_samples = 2047; }},
      {"train.bn_samples", [](Job& job) { job.bn_samples = 60'032; }},
      {"train.momentum", [](Job& job) { job.momentum = 1; }},
      {"train.momentum", [](Job& job) { job.momentum = -0.1; }},
      {"train.momentum", [](Job& job) { job.momentum = kNan; }},
      {"train.nesterov", [](Job& job) { job.nesterov = true, job.momentum = 0; }},
      {"train.weight_decay", [](Job& job) { job.weight_decay = 1.1; }},
      {"train.weight_decay", [](Job& job) { job.weight_decay = kNan; }},
      {"train.clip_norm", [](Job& job) { job.clip_norm = 0x1p-21; }},
      {"train.clip_norm", [](Job& job) { job.clip_norm = 0x1.001p20; }},
      {"train.clip_norm", [](Job& job) { job.clip_norm = kInfinity; }},
      {"train.clip_norm", [](Job& job) { job.clip_norm = kNan; }},
      {"train.label_smoothing", [](Job& job) { job.label_smoothing = 1; }},
      {"train.label_smoothing", [](Job& job) { job.label_smoothing = kNan; }},
      {"train.lr.peak", [](Job& job) { job.lr.peak = 0; }},
      {"train.lr.peak", [](Job& job) { job.lr.peak = 101; }},
      {"train.lr.peak", [](Job& job) { job.lr.peak = kNan; }},
      {"train.lr.warmup", [](Job& job) { job.lr.warmup = 1; }},
      {"train.lr.warmup", [](Job& job) { job.lr.warmup = kNan; }},
      {"train.lr.gamma", [](Job& job) { job.lr.gamma = 0; }},
      {"train.lr.gamma", [](Job& job) { job.lr.gamma = kNan; }},
      {"train.lr.milestones", [](Job& job) { job.lr.milestones = {0.5}; }},
      {"train.lr.milestones", [](Job& job) { job.lr.schedule = Schedule::kStep; }},
      {"integrity.probability", [](Job& job) { job.probability = 1; }},
      {"integrity.probability", [](Job& job) { job.probability = kNan; }},
      {"integrity.budget", [](Job& job) { job.budget.share = 0; }},
      {"integrity.budget",
       [](Job& job) {
         job.budget = {false, 0, 0};
       }},
      {"integrity.budget",
       [](Job& job) {
         job.budget = {false, 0, 7489};
       }},
      {"integrity.verify_last", [](Job& job) { job.verify_last = -0.5; }},
      {"integrity.verify_last", [](Job& job) { job.verify_last = kNan; }},
      {"integrity.lives", [](Job& job) { job.lives = 65; }},
      {"integrity.lives", [](Job& job) { job.lives = 0; }},
      {"integrity.lives",
       [](Job& job) {
         job.lives = 2;
         job.unlimited_attempts = true;
       }},
      {"integrity.nonce", [](Job& job) { job.nonce = std::string(65, 'a'); }},
      {"integrity.nonce", [](Job& job) { job.nonce = "a\n"; }},
      {"integrity.nonce", [](Job& job) { job.nonce = "\xc3\xa9"; }},
      {"arithmetic.format", [](Job& job) { job.format = "dfp15"; }},
  };
  for (size_t i = 0; i < cases.size(); ++i) {
    Job job = good_job();
    cases[i].change(job);
    EXPECT_EQ(keys_of(job), std::vector<std::string>{cases[i].key}) << "case " << i;
  }
}

TEST(JobValidate, MilestonesAscendBetweenZeroAndOne) {
  for (const std::vector<double>& bad : std::vector<std::vector<double>>{
           {0}, {1}, {0.5, 0.5}, {0.75, 0.5}, {-0.5}, {kNan}, std::vector<double>(101, 0.5)}) {
    Job job = good_job();
    job.lr.schedule = Schedule::kStep;
    job.lr.milestones = bad;
    EXPECT_EQ(keys_of(job), std::vector<std::string>{"train.lr.milestones"}) << bad.size();
  }
}

TEST(JobValidate, MessagesSayWhatWasFoundAndWhatIsAllowed) {
  Job job = good_job();
  job.momentum = kNan;
  job.lives = 65;
  job.probability = 2;
  const std::vector<Problem> problems = validate(job);
  ASSERT_EQ(problems.size(), 3u);
  EXPECT_EQ(problems[0].message, "found nan; allowed: 0 to below 1");
  EXPECT_EQ(problems[1].message, "found 2; allowed: 0.5 to 1 - 2^-40 (0.999 is usual)");
  EXPECT_EQ(problems[2].message, "found 65; allowed: 1 to 64");
}

TEST(JobValidate, ReportsEverythingAtOnce) {
  Job job;  // no model, no data, no steps
  job.batch = 100;
  job.lr.peak = -1;
  job.lives = 0;
  const std::vector<std::string> keys = keys_of(job);
  const std::set<std::string> found(keys.begin(), keys.end());
  for (const char* key :
       {"data", "train.microbatch", "train.batch", "train.lr.peak", "integrity.lives"}) {
    EXPECT_TRUE(found.contains(key)) << key;
  }
}

}  // namespace
}  // namespace ginn::job::cases
