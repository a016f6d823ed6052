#include <fmt/format.h>

#include "base/text.h"
#include "cli/run_job.h"

namespace ginn::cli {

Result<int> work_verb(const WorkOptions& options) {
  TrainOptions train;
  train.job = options.job;
  train.threads = options.threads;
  train.quiet = options.quiet;
  GINN_ASSIGN(const auto run, open_job_run(train));
  watch_interrupts();
  GINN_ASSIGN(const auto client,
              worker::Client::create(options.connect,
                                     run->training(),
                                     local_grant,
                                     patience_with(options.connect, options.quiet)));
  GINN_ASSIGN(const worker::Verdict verdict, train_with(*run, *client));
  if (options.quiet) return verdict.accepted ? 0 : 1;
  if (verdict.accepted) {
    fmt::print("accepted{}: model.safetensors and certificate.json are in the verifier's folder\n",
               is_simulated(*client) ? kBySimulatedTee : "");
  } else {
    fmt::print("REJECTED: {}: {}\n", printable(verdict.code), printable(verdict.message, 1000));
  }
  return verdict.accepted ? 0 : 1;
}

}  // namespace ginn::cli
