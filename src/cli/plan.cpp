#include <fmt/format.h>

#include <algorithm>

#include "attack/advice.h"
#include "certificate/issue/terms.h"
#include "cli/advice_text.h"
#include "cli/bench_timing.h"
#include "cli/intake_cost.h"
#include "cli/job_source.h"
#include "cli/memory.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "crypto/json.h"
#include "training/training.h"
#include "verifier/replay.h"

namespace ginn::cli {
namespace {

// The two constants of the cost model, on this machine, with this job's first step.
Result<guarantee::CostConstants> measure(const training::Training& training,
                                         const data::RecordSource& records) {
  const uint32_t microbatches = training.job().microbatches();
  const training::State initial(training);
  GINN_ASSIGN(const nn::StepWeights weights, training.prepare(initial.weights()));
  const auto workspace = training.workspace();
  training::Contribution contribution(training.graph());
  guarantee::CostConstants constants;
  uint32_t next = 0;
  constexpr double kSeconds = 1.0;
  GINN_ASSIGN(constants.replay_seconds, median_seconds(ClockKind::kThread, kSeconds, [&] {
                return training.contribution(
                    records, weights, 0, next++ % microbatches, *workspace, contribution);
              }));
  GINN_ASSIGN(constants.intake_seconds, intake_cost(training, contribution, kSeconds));
  constants.fixed_seconds = constants.replay_seconds / 3.0 *
                            static_cast<double>(training.job().bn_samples) /
                            training.job().microbatch;
  return constants;
}

struct Plan {
  job::Job job;
  bool has_root, has_weights_digest;
  size_t parameters, trainable;
  uint64_t macs;
  certificate::Terms terms;
  guarantee::CostConstants constants;
  guarantee::Cost cost;
  uint32_t threads;
  uint64_t worker_bytes, verifier_bytes;  // estimates
  attack::Advice advice;
};

double share_of(const Plan& plan) {
  return plan.terms.sampling.budget_contributions() / static_cast<double>(plan.job.contributions());
}

double unverified_seconds(const Plan& plan) {
  const double parallel = std::min<double>(plan.threads, plan.job.microbatches());
  return plan.cost.pure_tee_seconds / parallel;
}

void print_json(const Plan& plan) {
  const guarantee::Sampling& sampling = plan.terms.sampling;
  crypto::Json::Object budget;
  budget["share"] = share_of(plan);
  budget["count"] = sampling.budget_contributions();
  crypto::Json::Object json;
  json["job_digest"] = crypto::tagged(job::digest(plan.job));
  json["root"] = crypto::tagged(plan.job.data.root());
  json["contributions"] = static_cast<double>(plan.job.contributions());
  json["steps"] = static_cast<double>(plan.job.steps);
  json["parameters"] = static_cast<double>(plan.parameters);
  json["trainable_parameters"] = static_cast<double>(plan.trainable);
  if (plan.job.weights) json["weights_digest"] = crypto::tagged(plan.job.weights->sha256);
  json["expected_replays"] = sampling.expected_replays();
  json["probability"] = plan.job.probability;
  json["budget"] = std::move(budget);
  json["q"] = sampling.q();
  json["intake_seconds"] = plan.constants.intake_seconds;
  json["replay_seconds"] = plan.constants.replay_seconds;
  json["pure_tee_seconds"] = plan.cost.pure_tee_seconds;
  json["trusted_seconds"] = plan.cost.trusted_seconds;
  json["trusted_cost_ratio"] = plan.cost.ratio;
  json["unverified_seconds"] = unverified_seconds(plan);
  json["verified_seconds"] = std::max(unverified_seconds(plan), plan.cost.trusted_seconds);
  json["worker_bytes"] = static_cast<double>(plan.worker_bytes);
  json["verifier_bytes"] = static_cast<double>(plan.verifier_bytes);
  json["advice"] = advice_json(plan.advice);
  json["guarantee"] = certificate::guarantee_promise(plan.terms);
  fmt::print("{}\n", crypto::pretty_json(json));
}

// What makes up for attempts that nobody counts: a probability that leaves room for many.
void print_attempts(const job::Job& job) {
  constexpr double kProbability = 1.0 - 0x1p-40;
  job::Job stricter = job;
  stricter.probability = kProbability;
  const auto sampling = job::sampling(stricter);
  fmt::print(
      "note                 attempts are not limited: each passes with the probability below");
  if (sampling.ok() && job.probability < kProbability) {
    fmt::print(
        ". probability = {} leaves\n                     one in a billion after a thousand of "
        "them, "
        "for {:.0f} expected replays",
        kProbability,
        sampling->expected_replays());
  }
  fmt::print("\n");
}

void print_text(const Plan& plan) {
  const job::Job& job = plan.job;
  const guarantee::Sampling& sampling = plan.terms.sampling;
  const double n = static_cast<double>(job.contributions());
  fmt::print("job digest           {}\n", crypto::tagged(job::digest(job)));
  fmt::print("data root            {}{}\n",
             crypto::tagged(job.data.root()),
             plan.has_root ? "" : "   <- put this into [data]: root = \"...\"");
  fmt::print("model                {}: {} parameters, {:.2f} M multiply-adds an image\n",
             job.model,
             plan.parameters,
             static_cast<double>(plan.macs) * 1e-6);
  if (job.weights) {
    fmt::print(
        "starts from          {}{}\n",
        crypto::tagged(job.weights->sha256),
        plan.has_weights_digest ? "" : "   <- put this into [model]: weights_digest = \"...\"");
  }
  if (plan.trainable < plan.parameters) {
    fmt::print("trained              {} parameters; the others are frozen\n", plan.trainable);
  }
  fmt::print("training             {} steps of {} images; {} contributions of {} images\n",
             job.steps,
             job.batch,
             job.contributions(),
             job.microbatch);
  fmt::print("budget               {:.4g} % = {:.1f} contributions\n",
             100.0 * share_of(plan),
             sampling.budget_contributions());
  fmt::print("expected replays     {:.1f} ({:.2f} %), each contribution with q = {:.5f}\n",
             sampling.expected_replays(),
             100.0 * sampling.expected_replays() / n,
             sampling.q());
  fmt::print(
      "measured here        replay {:.3f} ms, intake {:.3f} ms a contribution ({} threads)\n",
      plan.constants.replay_seconds * 1e3,
      plan.constants.intake_seconds * 1e3,
      plan.threads);
  fmt::print("trusted CPU time     {} against {} if the TEE trained alone: {:.1f} %\n",
             duration(plan.cost.trusted_seconds),
             duration(plan.cost.pure_tee_seconds),
             100.0 * plan.cost.ratio);
  fmt::print(
      "wall time            unverified {}; verified {} if the verifier has a core of its own\n",
      duration(unverified_seconds(plan)),
      duration(std::max(unverified_seconds(plan), plan.cost.trusted_seconds)));
  fmt::print("memory, about        worker {:.2f} GB, verifier {:.2f} GB\n",
             static_cast<double>(plan.worker_bytes) * 1e-9,
             static_cast<double>(plan.verifier_bytes) * 1e-9);
  if (job.unlimited_attempts) print_attempts(job);
  if (plan.cost.ratio > 0.5) {
    fmt::print(
        "note                 verifying costs the trusted side more than half of training "
        "there: little is gained for this job\n");
  }
  if (plan.threads > job.microbatches()) {
    fmt::print(
        "note                 a step has {} microbatches: more threads than that stay idle\n",
        job.microbatches());
  }
  fmt::print("{}", advice_text(plan.advice, job));
  fmt::print("\n{}", wrapped(certificate::guarantee_promise(plan.terms)));
}

}  // namespace

Result<int> plan_verb(const PlanOptions& options) {
  GINN_ASSIGN(const LoadedJob loaded, load_job(options.job));
  const job::Job& job = loaded.resolved.job;
  GINN_ASSIGN(const device::Level level, device::choose_level());
  GINN_ASSIGN(const auto training, make_training(loaded, level));
  GINN_ASSIGN(const guarantee::Sampling sampling, job::sampling(job));
  GINN_ASSIGN(const guarantee::CostConstants constants, measure(*training, *loaded.train));
  const certificate::Terms terms{job.probability,
                                 job.budget,
                                 job.verify,
                                 job.verify_last,
                                 job.lives,
                                 job.steps,
                                 sampling,
                                 job.unlimited_attempts};
  const Plan plan{
      job,
      loaded.resolved.has_root,
      loaded.resolved.has_weights_digest,
      training->graph().parameter_count(),
      training->graph().trainable_count(),
      training->graph().macs(),
      terms,
      constants,
      guarantee::cost(sampling, constants),
      thread_count(options.threads),
      worker_memory(*training).total(std::min(thread_count(options.threads), job.microbatches())),
      verifier_memory(*training).total(1),
      attack::advise(job, sampling)};
  if (options.json) {
    print_json(plan);
  } else {
    print_text(plan);
  }
  return 0;
}

}  // namespace ginn::cli
