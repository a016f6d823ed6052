#include "job/job.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/text.h"
#include "job/selection.h"
#include "nn/models.h"

namespace ginn::job {
namespace {

constexpr uint32_t kEpochsMax = 100'000;
constexpr uint32_t kBatchMax = 65'536;
constexpr uint32_t kMicrobatchMax = 4'096;
constexpr uint32_t kPadMax = 64;
constexpr size_t kMilestonesMax = 100;
constexpr size_t kNonceMax = 64;
constexpr uint32_t kLivesMax = 64;

class Problems {
 public:
  void add(std::string_view key, std::string message) {
    list_.push_back({std::string(key), std::move(message)});
  }
  // `good` is written so that NaN makes it false.
  void number(bool good, std::string_view key, double found, std::string_view allowed) {
    if (!good) add(key, concat("found ", found, "; allowed: ", allowed));
  }
  void integer(std::string_view key, uint64_t found, uint64_t low, uint64_t high) {
    if (found < low || found > high) {
      add(key, concat("found ", found, "; allowed: ", low, " to ", high));
    }
  }
  // An error whose message may start with the key already.
  void error(std::string_view key, const Error& error) {
    const std::string prefix = concat(key, ": ");
    const bool named = error.message.starts_with(prefix);
    add(key, named ? error.message.substr(prefix.size()) : error.message);
  }
  std::vector<Problem>& list() { return list_; }
  std::vector<Problem> take() { return std::move(list_); }

 private:
  std::vector<Problem> list_;
};

bool batch_is_good(const Job& job) { return job.batch >= 1 && job.batch <= kBatchMax; }

bool microbatch_is_good(const Job& job) {
  return job.microbatch >= 1 && job.microbatch <= kMicrobatchMax;
}

bool divides(const Job& job) {
  return batch_is_good(job) && microbatch_is_good(job) && job.batch % job.microbatch == 0;
}

void check_data(const Job& job, Problems& problems) {
  const Status limits = data::check_limits(job.data);
  if (!limits.ok()) problems.error("data", limits.error());
  problems.integer("data.pad", job.preprocess.pad, 0, kPadMax);
  const uint32_t crop_max = std::min(job.data.height, job.data.width) / 2;
  problems.integer("augment.crop", job.preprocess.crop, 0, crop_max);
  if (limits.ok() && job.preprocess.pad <= kPadMax) {
    const auto graph = nn::build_model(
        job.model, job.input_height(), job.input_width(), job.data.channels, job.data.classes);
    if (!graph.ok()) return problems.error("model.name", graph.error());
    if (names_parameters(job)) check_selection(job, *graph, problems.list());
  }
}

void check_normalisation(const Job& job, Problems& problems) {
  const auto one_a_channel = [&](std::string_view key, const std::vector<double>& values) {
    if (values.size() == job.data.channels) return;
    problems.add(key,
                 concat("found ",
                        values.size(),
                        " values; expected one for each channel of the data, which has ",
                        job.data.channels));
  };
  one_a_channel("data.mean", job.mean);
  one_a_channel("data.std", job.std);
  for (const double value : job.mean) {
    problems.number(std::fabs(value) <= 1e6, "data.mean", value, "-1e6 to 1e6");
  }
  for (const double value : job.std) {
    problems.number(value >= 1e-6 && value <= 1e6, "data.std", value, "1e-6 to 1e6");
  }
}

void check_batches(const Job& job, Problems& problems) {
  problems.integer("train.epochs", job.epochs, 1, kEpochsMax);
  problems.integer("train.batch", job.batch, 1, kBatchMax);
  problems.integer("train.microbatch", job.microbatch, 1, kMicrobatchMax);
  if (batch_is_good(job) && microbatch_is_good(job) && !divides(job)) {
    problems.add("train.microbatch",
                 concat("found ", job.microbatch, "; it must divide train.batch, ", job.batch));
  }
  if (batch_is_good(job) && job.batch > job.data.records) {
    problems.add("train.batch",
                 concat("found ",
                        job.batch,
                        "; allowed: at most the data's number of records, ",
                        job.data.records));
  }
  const uint64_t steps = derived_steps(job);
  if (steps != 0 && job.steps != steps) {
    problems.add("train.steps",
                 concat("found ",
                        job.steps,
                        "; epochs, batch, last_batch and the data's records give ",
                        steps));
  }
  if (steps > kStepsMax) {
    problems.add("train.steps",
                 concat("epochs, batch and the data's records give ",
                        steps,
                        " steps; allowed: at most ",
                        kStepsMax,
                        "; lower train.epochs or raise train.batch"));
  }
  if (!microbatch_is_good(job)) return;
  // Sums of the statistics stay below 2^62 (docs/arithmetic.md, section 10).
  constexpr uint64_t kMostMicrobatches = 2048;
  problems.integer("train.bn_samples",
                   job.bn_samples,
                   job.microbatch,
                   std::min(job.data.records, kMostMicrobatches * job.microbatch));
  if (job.bn_samples % job.microbatch != 0) {
    problems.add("train.bn_samples",
                 concat("found ",
                        job.bn_samples,
                        "; expected a multiple of train.microbatch, ",
                        job.microbatch));
  }
}

void check_optimizer(const Job& job, Problems& problems) {
  problems.number(
      job.momentum >= 0 && job.momentum < 1, "train.momentum", job.momentum, "0 to below 1");
  if (job.nesterov && !(job.momentum > 0)) {
    problems.add("train.nesterov", "found true; it needs train.momentum above 0");
  }
  problems.number(job.weight_decay >= 0 && job.weight_decay <= 1,
                  "train.weight_decay",
                  job.weight_decay,
                  "0 to 1");
  const uint32_t microbatches = divides(job) ? job.microbatches() : 1;
  problems.number(job.clip_norm >= 0x1p-20 && job.clip_norm <= 0x1p22 / microbatches,
                  "train.clip_norm",
                  job.clip_norm,
                  concat("2^-20 to 2^22 / microbatches of a step, here ", 0x1p22 / microbatches));
  problems.number(job.label_smoothing >= 0 && job.label_smoothing < 1,
                  "train.label_smoothing",
                  job.label_smoothing,
                  "0 to below 1");
}

void check_milestones(const LearningRate& lr, Problems& problems) {
  constexpr std::string_view kKey = "train.lr.milestones";
  if (lr.milestones.size() > kMilestonesMax) {
    problems.add(
        kKey, concat("found ", lr.milestones.size(), " values; allowed: at most ", kMilestonesMax));
    return;
  }
  if (lr.schedule == Schedule::kStep && lr.milestones.empty()) {
    problems.add(kKey, "found none; schedule = \"step\" needs at least one (or use \"constant\")");
  }
  if (lr.schedule != Schedule::kStep && !lr.milestones.empty()) {
    problems.add(kKey, "only schedule = \"step\" uses them; remove them or change the schedule");
  }
  double previous = 0;
  for (const double value : lr.milestones) {
    problems.number(value > previous && value < 1,
                    kKey,
                    value,
                    "ascending shares of the steps, above 0, below 1");
    previous = value;
  }
}

void check_learning_rate(const LearningRate& lr, Problems& problems) {
  problems.number(lr.peak > 0 && lr.peak <= 100, "train.lr.peak", lr.peak, "above 0, up to 100");
  problems.number(lr.warmup >= 0 && lr.warmup < 1, "train.lr.warmup", lr.warmup, "0 to below 1");
  problems.number(lr.gamma > 0 && lr.gamma <= 1, "train.lr.gamma", lr.gamma, "above 0, up to 1");
  check_milestones(lr, problems);
}

// The guarantee states its own ranges: each value is tried alone among good ones, so that every
// wrong one is found.
void check_integrity(const Job& job, Problems& problems) {
  const bool counted = job.steps >= 1 && job.steps <= kStepsMax && divides(job);
  const uint64_t steps = counted ? job.steps : kStepsMax;
  const uint32_t microbatches = counted ? job.microbatches() : kBatchMax;
  const auto probe = [&](std::string_view key,
                         double probability,
                         const guarantee::Budget& budget,
                         double verify_last) {
    const auto tried = guarantee::Sampling::create(
        probability, budget, verify_last, 1, job.verify, steps, microbatches);
    if (!tried.ok()) problems.error(key, tried.error());
  };
  const guarantee::Budget good;
  probe("integrity.probability", job.probability, good, 0);
  probe("integrity.budget", 0.999, job.budget, 0);
  probe("integrity.verify_last", 0.999, good, job.verify_last);
  if (job.lives < 1 || job.lives > kLivesMax) {
    problems.add("integrity.lives", concat("found ", job.lives, "; allowed: 1 to ", kLivesMax));
  }
  if (job.unlimited_attempts && job.lives != 1) {
    problems.add("integrity.lives", "an attempt of a job without a limit has one life");
  }
  const bool is_ascii = std::all_of(
      job.nonce.begin(), job.nonce.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
  if (job.nonce.size() > kNonceMax || !is_ascii) {
    problems.add("integrity.nonce",
                 concat("found \"",
                        printable(job.nonce, 80),
                        "\" of ",
                        job.nonce.size(),
                        " bytes; allowed: 0 to 64 printable ASCII characters"));
  }
  if (!operand_format(job.format)) {
    problems.add(
        "arithmetic.format",
        concat("found \"", printable(job.format, 40), "\"; allowed: \"dfp14\", \"dfp16\""));
  }
}

}  // namespace

OperandFormat Job::operands() const {
  const auto operands = operand_format(format);
  GINN_CHECK(operands.has_value());
  return *operands;
}

uint64_t derived_steps(const Job& job) {
  const uint64_t records = job.data.records;
  const bool good = records >= 1 && records < uint64_t{1} << 31 && batch_is_good(job) &&
                    job.batch <= records && job.epochs >= 1 && job.epochs <= kEpochsMax;
  if (!good) return 0;
  return data::BatchOrder(job.seed, records, job.batch, job.last_batch)
      .steps_per_epochs(job.epochs);
}

std::vector<Problem> validate(const Job& job) {
  Problems problems;
  check_data(job, problems);
  check_normalisation(job, problems);
  check_batches(job, problems);
  check_optimizer(job, problems);
  check_learning_rate(job.lr, problems);
  check_integrity(job, problems);
  return problems.take();
}

Result<guarantee::Sampling> sampling(const Job& job) {
  return guarantee::Sampling::create(job.probability,
                                     job.budget,
                                     job.verify_last,
                                     job.lives,
                                     job.verify,
                                     job.steps,
                                     job.microbatches());
}

}  // namespace ginn::job
