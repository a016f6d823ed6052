#include <fmt/format.h>

#include "base/text.h"
#include "cli/grants.h"
#include "cli/run_job.h"
#include "cli/run_log.h"

namespace ginn::cli {
namespace {

Result<int> work(const WorkOptions& options, JobRun& run) {
  bool simulated = true;
  const bool own = options.grants.empty();
  Line line;
  line.address = options.connect;
  line.grantor = own ? local_grantor("") : owner_grantor(options.grants, options.quiet);
  line.patience = [&] { return patience_with(options.connect, options.quiet); };
  line.connected = [&](const worker::Client& client) { simulated = is_simulated(client); };
  GINN_ASSIGN(const worker::Verdict verdict, train_over(run, line));
  if (options.quiet) return verdict.accepted ? 0 : 1;
  if (verdict.accepted) {
    fmt::print("accepted{}: model.safetensors and certificate.json are in the verifier's folder\n",
               simulated ? kBySimulatedTee : "");
  } else {
    fmt::print("REJECTED: {}: {}\n", printable(verdict.code), printable(verdict.message, 1000));
  }
  return verdict.accepted ? 0 : 1;
}

}  // namespace

Result<int> work_verb(const WorkOptions& options) {
  TrainOptions train;
  train.job = options.job;
  train.threads = options.threads;
  train.pin = options.pin;
  train.keep = options.keep;
  train.states = options.states;
  train.quiet = options.quiet;
  train.log = options.log;
  GINN_ASSIGN(const auto run, open_job_run(train));
  watch_interrupts();
  return log_end(run->log(), work(options, *run));
}

}  // namespace ginn::cli
