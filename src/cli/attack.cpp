#include <fmt/format.h>

#include <cmath>

#include "base/text.h"
#include "cli/run_job.h"

namespace ginn::cli {
namespace {

Result<uint64_t> tampered_count(const AttackOptions& options, uint64_t contributions) {
  if (options.count) return *options.count;
  if (!(options.share > 0.0 && options.share <= 1.0)) {
    return input_error("usage",
                       concat("--share is ",
                              options.share,
                              ": expected above 0 and at "
                              "most 1"));
  }
  return static_cast<uint64_t>(std::ceil(options.share * static_cast<double>(contributions)));
}

}  // namespace

Result<int> attack_verb(const AttackOptions& options) {
  TrainOptions train;
  train.job = options.job;
  train.out = options.out;
  train.threads = options.threads;
  train.verifier_threads = options.verifier_threads;
  train.quiet = options.quiet;
  train.json = options.json;
  GINN_ASSIGN(const auto run, open_job_run(train));
  GINN_ASSIGN(const uint64_t count, tampered_count(options, run->training().job().contributions()));
  GINN_ASSIGN(auto attacker,
              attack::create_attacker(options.attack, run->training(), count, options.seed));
  run->set_attacker(std::move(attacker));
  GINN_TRY(prepare_run_folder(options.out));
  watch_interrupts();
  GINN_ASSIGN(const guarantee::Sampling sampling, job::sampling(run->training().job()));
  const double budget = sampling.budget_contributions();
  if (!options.quiet && !options.json) {
    fmt::print(
        "attack \"{}\": the worker replaces {} of {} contributions; the job's budget is {:.1f}{}\n",
        options.attack,
        count,
        run->training().job().contributions(),
        budget,
        static_cast<double>(count) < budget ? ", so nothing promises that it is caught" : "");
    std::fflush(stdout);
  }
  return run_verified(train, *run, "attack");
}

}  // namespace ginn::cli
