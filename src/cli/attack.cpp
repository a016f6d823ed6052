#include <fmt/format.h>

#include <cmath>

#include "base/text.h"
#include "cli/attack_run.h"
#include "cli/run_job.h"

namespace ginn::cli {
namespace {

Error one_of_each(const char* option) {
  return input_error("usage", concat(option, ": one value, but for a sweep"));
}

void print_intention(const attack::AttackPlan& plan, uint64_t contributions, double budget) {
  fmt::print(
      "attack \"{}\": the worker replaces {} of {} contributions ({}); the job's budget is {:.1f}"
      "{}\n",
      plan.attack,
      plan.count,
      contributions,
      attack::to_text(plan.when),
      budget,
      static_cast<double>(plan.count) < budget ? ", so nothing promises that it is caught" : "");
  std::fflush(stdout);
}

// The tampering worker against a verifier like any other.
Result<int> attack_verifier(const AttackOptions& options) {
  if (options.out.empty()) return input_error("usage", "--out is required, but for --lab");
  if (options.steps || options.critical) {
    return input_error("usage", "--steps is for --lab and --sweep, --critical for --sweep");
  }
  TrainOptions train;
  train.job = options.job;
  train.out = options.out;
  train.threads = options.threads;
  train.verifier_threads = options.verifier_threads;
  train.quiet = options.quiet;
  train.json = options.json;
  GINN_ASSIGN(const auto run, open_job_run(train));
  const job::Job& job = run->training().job();
  GINN_ASSIGN(const attack::AttackPlan plan, single_plan(options, job.contributions()));
  GINN_ASSIGN(auto campaign, attack::Campaign::create(plan, run->training(), *run->job().train));
  run->set_attack(std::move(campaign));
  GINN_TRY(prepare_run_folder(options.out));
  watch_interrupts();
  GINN_ASSIGN(const guarantee::Sampling sampling, job::sampling(job));
  if (!options.quiet && !options.json) {
    print_intention(plan, job.contributions(), sampling.budget_contributions());
  }
  return run_verified(train, *run, "attack");
}

}  // namespace

Result<uint64_t> count_of_share(double share, uint64_t contributions, bool lab) {
  if (!(share >= 0.0 && share <= 1.0) || (share == 0.0 && !lab)) {
    return input_error("usage", concat("--share is ", share, ": expected above 0 and at most 1"));
  }
  return static_cast<uint64_t>(std::ceil(share * static_cast<double>(contributions)));
}

Result<attack::AttackPlan> single_plan(const AttackOptions& options, uint64_t contributions) {
  if (options.attacks.size() != 1) return one_of_each("--attack");
  if (options.when.size() != 1) return one_of_each("--when");
  if (options.seeds.size() != 1) return one_of_each("--seed");
  if (options.counts.size() > 1) return one_of_each("--count");
  if (options.shares.size() != 1) return one_of_each("--share");
  attack::AttackPlan plan = plan_without(options);
  plan.attack = options.attacks[0];
  GINN_ASSIGN(plan.when, attack::parse_when(options.when[0]));
  if (options.counts.empty()) {
    GINN_ASSIGN(plan.count, count_of_share(options.shares[0], contributions, options.lab));
  } else {
    plan.count = options.counts[0];
  }
  if (plan.count > contributions || (plan.count == 0 && !options.lab)) {
    return input_error("attack_count",
                       concat("an attack replaces 1 to ",
                              contributions,
                              " contributions of this job, not ",
                              plan.count));
  }
  plan.options.seed = options.seeds[0];
  return plan;
}

attack::AttackPlan plan_without(const AttackOptions& options) {
  attack::AttackPlan plan;
  plan.options.target = options.target;
  plan.options.poison = options.poison;
  plan.options.images = options.images;
  plan.options.patch = options.patch;
  plan.options.threads = thread_count(options.threads);
  plan.combine = options.combine;
  return plan;
}

Result<int> attack_verb(const AttackOptions& given) {
  AttackOptions options = given;
  if (int{options.lab} + int{options.sweep} + int{options.protocol} + int{options.demo} +
          int{options.game} >
      1) {
    return input_error("usage", "--lab, --sweep, --protocol, --game and --demo exclude each other");
  }
  if (options.combine != attack::kSum && !options.lab && !options.sweep) {
    return input_error("usage",
                       "--combine is for --lab and --sweep: a verifier adds contributions up");
  }
  if (options.attacks.empty()) options.attacks = {options.demo ? "badnets" : "noise"};
  if (options.shares.empty()) options.shares = {options.demo ? 0.1 : 0.01};
  if (options.game) return game_verb(options);
  if (options.demo) return demo_verb(options);
  if (options.protocol) return protocol_verb(options);
  if (options.sweep) return sweep_verb(options);
  return options.lab ? lab_verb(options) : attack_verifier(options);
}

}  // namespace ginn::cli
