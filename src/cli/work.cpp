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
  constexpr int kPatienceMs = 5000;
  GINN_ASSIGN(const auto client,
              worker::Client::create(options.connect, run->training(), local_grant, kPatienceMs));
  auto state = run->train(*run->job().train, client.get());
  std::optional<worker::Verdict> verdict;
  if (state.ok()) {
    GINN_ASSIGN(verdict, client->finish());
  } else {
    if (std::string_view(state.error().code) != "verifier_stopped") return state.error();
    verdict = client->early_verdict();
    if (!verdict) return environment_error("verifier_gone", "the verifier ended without a verdict");
  }
  if (!options.quiet) {
    fmt::print("{}: {}: {}\n",
               verdict->accepted ? "accepted" : "REJECTED",
               printable(verdict->code),
               printable(verdict->message, 1000));
  }
  return verdict->accepted ? 0 : 1;
}

}  // namespace ginn::cli
