#include "cli/run_job.h"

#include <fmt/format.h>

#include <csignal>

#include "base/file.h"
#include "base/text.h"
#include "cli/verifier_process.h"
#include "import/dataset_import.h"

namespace ginn::cli {
namespace {

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "set by a signal handler");

extern "C" void note_interrupt(int) { interrupted = true; }

// Kept for metrics: about this many rows, whatever the run's length.
constexpr uint64_t kRows = 2000;

}  // namespace

void watch_interrupts() {
  struct sigaction action {};
  action.sa_handler = note_interrupt;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

JobRun::JobRun(const TrainOptions& options,
               LoadedJob job,
               std::unique_ptr<training::Training> training)
    : options_(options),
      job_(std::move(job)),
      training_(std::move(training)),
      pool_(thread_count(options.threads)),
      progress_(options.quiet || options.json) {}

double JobRun::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

Result<std::unique_ptr<training::State>> JobRun::train(const data::RecordSource& records,
                                                       worker::Client* client) {
  worker::Hooks hooks;
  if (client != nullptr || attacker_ != nullptr) {
    hooks.contribution = [&](uint64_t t, uint32_t j, training::Contribution& c) -> Status {
      if (attacker_ && attacker_->replace(t, j, c)) ++tampered_;
      return client == nullptr ? ok_status() : client->send(t, j, c);
    };
  }
  hooks.step = [&](const worker::StepReport& report) { return step_done(report, client); };
  return worker::train(*training_, records, pool_, hooks);
}

Status JobRun::step_done(const worker::StepReport& report, worker::Client* client) {
  if (interrupted) {
    return environment_error("interrupted",
                             concat("stopped after step ",
                                    report.step + 1,
                                    " of ",
                                    training_->job().steps,
                                    "; this version cannot go on from here: start the run again"));
  }
  const uint64_t steps = training_->job().steps;
  const bool last = report.step + 1 == steps;
  const uint64_t every = steps / kRows + 1;
  const bool keep = report.step % every == 0 || last;
  if (!keep && !progress_.due()) return ok_status();
  const protocol::RunStatus status = client == nullptr ? protocol::RunStatus{} : client->status();
  if (keep) rows_.push_back({report, seconds(), status});
  if (progress_.due() || last) progress_.show(progress_line(report, status), last);
  if (keep && options_.json_lines) {
    crypto::Json::Object line;
    line["step"] = static_cast<double>(report.step + 1);
    line["steps"] = static_cast<double>(steps);
    line["claimed_loss"] = report.claimed_loss;
    line["claimed_accuracy"] = report.claimed_accuracy;
    line["seconds"] = seconds();
    line["taken"] = static_cast<double>(status.taken);
    line["replays_done"] = static_cast<double>(status.replays_done);
    line["replays_queued"] = static_cast<double>(status.replays_queued);
    fmt::print("{}\n", crypto::canonical_json(line));
    std::fflush(stdout);
  }
  return ok_status();
}

std::string JobRun::progress_line(const worker::StepReport& report,
                                  const protocol::RunStatus& status) const {
  const double steps = static_cast<double>(training_->job().steps);
  const double done = static_cast<double>(report.step + 1);
  const double elapsed = seconds();
  std::string line = fmt::format("step {}/{}  {:.0f} images/s  claimed loss {:.4f}",
                                 report.step + 1,
                                 training_->job().steps,
                                 done * training_->job().batch / elapsed,
                                 report.claimed_loss);
  if (status.taken > 0) {
    line += fmt::format("  verifier: {} taken, {} replayed, {} queued",
                        status.taken,
                        status.replays_done,
                        status.replays_queued);
  }
  return line + fmt::format("  {} left", duration(elapsed * (steps - done) / done));
}

Result<std::unique_ptr<JobRun>> open_job_run(const TrainOptions& options) {
  GINN_ASSIGN(LoadedJob job, load_job(options.job));
  if (!job.resolved.has_root) {
    return input_error("job_without_root",
                       concat(options.job,
                              ": data.root is missing: it binds the data that is trained on. On a "
                              "machine you trust, put this line into [data]:\n  root = \"",
                              crypto::tagged(job.resolved.job.data.root()),
                              "\""));
  }
  GINN_ASSIGN(const device::Level level, device::choose_level());
  GINN_ASSIGN(auto training, training::Training::create(job.resolved.job, level));
  return std::make_unique<JobRun>(options, std::move(job), std::move(training));
}

Result<std::string> local_grant(const certificate::StartStatement& start) {
  GINN_ASSIGN(const crypto::SigningKey owner, crypto::SigningKey::generate());
  return certificate::issue_grant(owner, start, true);
}

namespace {

// The verifier's side of a verified run: one that is there, or one that we start.
struct VerifierSide {
  std::unique_ptr<TemporaryFolder> folder;
  std::unique_ptr<VerifierProcess> process;
  std::string address;
};

Result<VerifierSide> open_verifier(const TrainOptions& options, const JobRun& run) {
  VerifierSide side;
  if (!options.verifier.empty()) {
    side.address = options.verifier;
    return side;
  }
  GINN_ASSIGN(side.folder, TemporaryFolder::create());
  const auto records = side.folder->path() / "records.bin";
  GINN_TRY(import::write_records_file(*run.job().train, records));
  const std::filesystem::path out = std::filesystem::absolute(options.out);
  GINN_ASSIGN(side.process,
              VerifierProcess::start(records, out, out / "verifier.log", options.verifier_threads));
  side.address = side.process->address();
  return side;
}

// Trains and waits for the verdict, however the run ends.
Result<worker::Verdict> train_with(JobRun& run, worker::Client& client) {
  auto state = run.train(*run.job().train, &client);
  if (state.ok()) return client.finish();
  if (std::string_view(state.error().code) != "verifier_stopped") return state.error();
  if (const auto verdict = client.early_verdict()) return *verdict;
  return environment_error("verifier_gone",
                           "the verifier ended without a verdict: verifier.log says why");
}

void print_verdict(const TrainOptions& options, const JobRun& run, const worker::Verdict& verdict) {
  if (options.json) {
    crypto::Json::Object json;
    json["accepted"] = verdict.accepted;
    json["code"] = verdict.code;
    json["message"] = verdict.message;
    json["out"] = options.out;
    json["seconds"] = run.seconds();
    json["simulated"] = true;
    fmt::print("{}\n", crypto::pretty_json(json));
    return;
  }
  if (options.quiet) return;
  if (verdict.accepted) {
    fmt::print(
        "accepted by a SIMULATED TEE, which proves nothing to others; {} in {}\n"
        "check it: ginn verify {} --job {} --allow-simulated\n",
        "model.safetensors and certificate.json",
        options.out,
        options.out,
        options.job);
  } else {
    fmt::print("REJECTED: {}: {}\n", printable(verdict.code), printable(verdict.message, 1000));
  }
}

}  // namespace

Result<int> run_verified(const TrainOptions& options, JobRun& run, const std::string& mode) {
  RunRecord record;
  record.mode = mode;
  GINN_ASSIGN(VerifierSide side, open_verifier(options, run));
  constexpr int kPatienceMs = 20000;
  auto client = worker::Client::create(side.address, run.training(), local_grant, kPatienceMs);
  if (!client.ok()) return client.error();
  GINN_ASSIGN(const worker::Verdict verdict, train_with(run, **client));
  run.set_final_status((*client)->status());
  if (side.process) {
    side.process->wait();
    record.verifier_cpu_seconds = side.process->usage().cpu_seconds;
    record.verifier_peak_bytes = side.process->usage().peak_bytes;
  }
  GINN_TRY(write_outputs(options, run, record, verdict));
  print_verdict(options, run, verdict);
  return verdict.accepted ? 0 : 1;
}

}  // namespace ginn::cli
