#include "cli/run_job.h"

#include <fmt/format.h>

#include <csignal>

#include "attest/verify/evidence.h"
#include "base/caught.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/memory.h"
#include "cli/run_log.h"

namespace ginn::cli {
namespace {

std::atomic<int> interrupts{0};
std::atomic<bool> one_more{false};  // a second interrupt is still ours to handle
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free,
              "used by a signal handler");

extern "C" void note_interrupt(int number) {
  if (++interrupts == 1 || (interrupts == 2 && one_more)) return;
  std::signal(number, SIG_DFL);
  ::raise(number);
}

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

bool gives_up() {
  one_more = true;
  return interrupts > 1;
}

Status interruption(std::string_view where) {
  if (interrupts == 0) return ok_status();
  return environment_error("interrupted", concat("stopped ", where));
}

JobRun::JobRun(const TrainOptions& options,
               LoadedJob job,
               std::unique_ptr<training::Training> training,
               worker::Keep keep,
               Log log,
               std::vector<int> cpus)
    : options_(options),
      job_(std::move(job)),
      training_(std::move(training)),
      keep_(keep),
      log_(std::move(log)),
      pool_(thread_count(options.threads), std::move(cpus)),
      progress_(options.quiet || options.json || log_.has(LogLevel::kError)) {}

double JobRun::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

Result<std::unique_ptr<training::State>> JobRun::train(const data::RecordSource& records,
                                                       worker::Client* client) {
  worker::Hooks hooks;
  if (attack_ != nullptr) {
    hooks.weights = [&](uint64_t, const nn::StepWeights& weights) { attack_->weights(weights); };
  }
  if (client != nullptr || attack_ != nullptr) {
    hooks.contribution = [&](uint64_t t, uint32_t j, training::Contribution& c) -> Status {
      if (attack_ != nullptr) GINN_TRY(attack_->replace(t, j, c));
      return client == nullptr ? ok_status() : client->send(t, j, c);
    };
  }
  hooks.step = [&](const worker::StepReport& report, const training::State& state) {
    return step_done(report, state, client);
  };
  worker::Start start;
  uint64_t from = 0;
  if (client != nullptr) {
    start = client->take_start();
    from = client->start_step();
  }
  if (!first_step_) first_step_ = from;
  // Of a connection before, whose last steps did not all arrive.
  std::erase_if(rows_, [&](const StepRow& row) { return row.report.step >= from; });
  return worker::train(*training_, records, pool_, hooks, std::move(start));
}

Status JobRun::keep_state(const training::State& state) const {
  const std::filesystem::path folder =
      options_.states.empty() ? std::filesystem::path(options_.out) / worker::kStatesFolder
                              : std::filesystem::path(options_.states);
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return environment_error("write_failed",
                             concat("making the folder ", folder.string(), ": ", error.message()));
  }
  GINN_ASSIGN(const Bytes file, worker::write_kept_state(*training_, state));
  return write_file_atomic(folder / worker::kept_state_name(state.step()), file);
}

Status JobRun::step_done(const worker::StepReport& report,
                         const training::State& state,
                         worker::Client* client) {
  const uint64_t steps = training_->job().steps;
  if (keep_.keeps(state.step(), steps)) GINN_TRY(keep_state(state));
  GINN_TRY(interruption(concat("after step ", report.step + 1, " of ", steps)));
  const bool last = report.step + 1 == steps;
  const uint64_t every = steps / kRows + 1;
  const bool keep = report.step % every == 0 || last;
  const bool log = log_due(last);
  if (!keep && !progress_.due() && !log) return ok_status();
  const protocol::RunStatus status = client == nullptr ? protocol::RunStatus{} : client->status();
  if (keep) {
    rows_.push_back({report, seconds(), status});
    GINN_TRY(save_metrics());
  }
  if (progress_.due() || last) progress_.show(progress_line(report, status), last);
  if (log) log_step(report, status);
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

// Every few seconds, for a worker that is killed.
Status JobRun::save_metrics() {
  constexpr double kEachSeconds = 5;
  if (options_.out.empty()) return ok_status();  // `ginn work`
  if (metrics_at_ && seconds() - *metrics_at_ < kEachSeconds) return ok_status();
  metrics_at_ = seconds();
  const auto written = write_run_metrics(options_.out, *this);
  return written.ok() ? ok_status() : written.error();
}

bool JobRun::log_due(bool last) const {
  constexpr double kEachSeconds = 10;
  return log_.has(LogLevel::kDebug) && (last || seconds() - logged_at_ >= kEachSeconds);
}

void JobRun::log_step(const worker::StepReport& report, const protocol::RunStatus& status) {
  logged_at_ = seconds();
  log_.write(LogLevel::kDebug,
             "step_done",
             {{"step", report.step + 1},
              {"steps", training_->job().steps},
              {"claimed_loss", report.claimed_loss},
              {"taken", status.taken}});
}

std::string JobRun::progress_line(const worker::StepReport& report,
                                  const protocol::RunStatus& status) const {
  const double steps = static_cast<double>(training_->job().steps);
  const double done = static_cast<double>(report.step + 1);
  const double first = static_cast<double>(first_step());
  const double elapsed = seconds();
  std::string line = fmt::format("step {}/{}  {:.0f} images/s  claimed loss {:.4f}",
                                 report.step + 1,
                                 training_->job().steps,
                                 (done - first) * training_->job().batch / elapsed,
                                 report.claimed_loss);
  if (status.taken > 0) {
    line += fmt::format("  verifier: {} taken, {} replayed, {} queued",
                        status.taken,
                        status.replays_done,
                        status.replays_queued);
  }
  return line + fmt::format("  {} left", duration(elapsed * (steps - done) / (done - first)));
}

namespace {

// Of the worker, and of the verifier if it is started here.
uint64_t memory_need(const TrainOptions& options, const training::Training& training) {
  const uint64_t threads =
      std::min<uint64_t>(thread_count(options.threads), training.job().microbatches());
  const bool alone = options.unverified || options.trusted_only;
  uint64_t need = worker_memory(training, !alone).total(threads);
  if (!alone && options.verifier.empty()) {
    need += verifier_memory(training).total(options.verifier_threads);
  }
  return need;
}

}  // namespace

Result<std::unique_ptr<JobRun>> open_job_run(const TrainOptions& options) {
  GINN_ASSIGN(Log log, open_log(options.log));
  GINN_ASSIGN(const worker::Keep keep, worker::Keep::parse(options.keep));
  PinnedCpus cpus;
  if (options.pin) {
    GINN_ASSIGN(cpus, cpus_to_pin(thread_count(options.threads)));
  }
  GINN_ASSIGN(LoadedJob job, load_job(options.job));
  if (!job.resolved.has_root) {
    return input_error("job_without_root",
                       concat(options.job,
                              ": data.root is missing: it binds the data that is trained on. On a "
                              "machine you trust, put this line into [data]:\n  root = \"",
                              crypto::tagged(job.resolved.job.data.root()),
                              "\""));
  }
  GINN_TRY(require_weights_digest(options.job, job.resolved));
  GINN_ASSIGN(const device::Level level, device::choose_level());
  GINN_ASSIGN(auto training, make_training(job, level));
  job.weights = Bytes();  // what is needed of it is in there
  GINN_TRY(check_memory(memory_need(options, *training)));
  log.write(LogLevel::kInfo,
            "run_started",
            {{"job_file", options.job},
             {"job", crypto::tagged(job::digest(training->job()))},
             {"out", options.out},
             {"threads", thread_count(options.threads)}});
  return std::make_unique<JobRun>(
      options, std::move(job), std::move(training), keep, std::move(log), std::move(cpus.threads));
}

worker::Client::Patience patience_with(const std::string& address, bool quiet) {
  constexpr int kConnectMs = 5000;
  worker::Client::Patience patience;
  patience.connect_ms = kConnectMs;
  patience.connecting = [address, quiet, told = false]() mutable {
    if (!told && !quiet) {
      fmt::print(stderr,
                 "nobody listens at {}: waiting up to {} s for a verifier\n",
                 printable(address),
                 kConnectMs / 1000);
    }
    told = true;
    return interruption("while waiting for a verifier to listen");
  };
  patience.waiting = [] { return interruption("while waiting for the verifier"); };
  return patience;
}

Result<worker::Verdict> train_with(JobRun& run, worker::Client& client) {
  auto judged = caught([&]() -> Result<worker::Verdict> {
    const auto state = run.train(*run.job().train, &client);
    if (state.ok()) return client.finish();
    if (std::string_view(state.error().code) != "verifier_stopped") return state.error();
    return client.early_verdict();
  });
  run.set_final_status(client.status());
  if (!judged.ok() || !judged->environment) return judged;
  if (judged->code == "suspended") {
    return environment_error("suspended", printable(judged->message, 1000));
  }
  return environment_error("verifier_failed",
                           concat("the verifier could not finish the run: ",
                                  printable(judged->code),
                                  ": ",
                                  printable(judged->message, 1000)));
}

Result<worker::Verdict> train_over(JobRun& run, const Line& line) {
  constexpr int kMostConnections = 100;
  std::optional<Error> lost;
  for (int connection = 0; connection < kMostConnections; ++connection) {
    auto client =
        worker::Client::create(line.address, run.training(), line.grantor, line.patience());
    if (!client.ok()) {
      const bool nobody = std::string_view(client.error().code) == "cannot_connect";
      return nobody && lost ? *lost : client.error();
    }
    run.log().write(LogLevel::kInfo,
                    "verifier_connected",
                    {{"address", line.address},
                     {"step", (*client)->start_step()},
                     {"simulated", is_simulated(**client)}});
    if (line.connected) line.connected(**client);
    const auto verdict = train_with(run, **client);
    client->reset();  // hangs up
    const bool gone = !verdict.ok() && std::string_view(verdict.error().code) == "verifier_gone";
    if (!gone || (line.alive && !line.alive())) return verdict;
    lost = verdict.error();
    run.log().write(
        LogLevel::kWarning, "connection_lost", {{"code", lost->code}, {"message", lost->message}});
  }
  return *lost;
}

bool is_simulated(const worker::Client& client) {
  const auto evidence = attest::verify_evidence(client.evidence());
  return !evidence.ok() || evidence->simulated;
}

}  // namespace ginn::cli
