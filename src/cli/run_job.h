#pragma once

#include <atomic>
#include <optional>

#include "attack/attacker.h"
#include "base/log.h"
#include "certificate/check/run_check.h"
#include "cli/job_source.h"
#include "cli/run_folder.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "export/metrics.h"
#include "worker/client.h"
#include "worker/kept_state.h"
#include "worker/loop.h"

namespace ginn::cli {

// A step as metrics.csv and the report show it.
struct StepRow {
  worker::StepReport report;
  double seconds = 0;  // since the start
  protocol::RunStatus verifier;
};

// What train, work and attack share: one job on its way through this process as the worker.
class JobRun {
 public:
  JobRun(const TrainOptions& options,
         LoadedJob job,
         std::unique_ptr<training::Training> training,
         worker::Keep keep,
         Log log,
         std::vector<int> cpus);  // of the threads, or none

  const LoadedJob& job() const { return job_; }
  const training::Training& training() const { return *training_; }
  ThreadPool& pool() { return pool_; }
  const Log& log() const { return log_; }
  void set_attack(std::unique_ptr<attack::Campaign> attack) { attack_ = std::move(attack); }

  // Trains; every contribution goes to `client`, which says where to begin, unless it is null.
  // Codes: worker::train's, "interrupted".
  Result<std::unique_ptr<training::State>> train(const data::RecordSource& records,
                                                 worker::Client* client);
  const std::vector<StepRow>& rows() const { return rows_; }
  // The step that this process began with: rows before it are in metrics.csv already.
  uint64_t first_step() const { return first_step_.value_or(0); }
  // What the verifier had done when it gave its verdict.
  const protocol::RunStatus& final_status() const { return final_status_; }
  void set_final_status(const protocol::RunStatus& status) { final_status_ = status; }
  // How a verified run ended, once it has.
  struct End {
    worker::Verdict verdict;
    bool simulated = true;
  };
  const std::optional<End>& end() const { return end_; }
  void set_end(End end) { end_ = std::move(end); }
  double seconds() const;

 private:
  Status step_done(const worker::StepReport& report,
                   const training::State& state,
                   worker::Client* client);
  Status keep_state(const training::State& state) const;
  Status save_metrics();
  bool log_due(bool last) const;
  void log_step(const worker::StepReport& report, const protocol::RunStatus& status);
  std::string progress_line(const worker::StepReport& report,
                            const protocol::RunStatus& status) const;

  const TrainOptions& options_;
  LoadedJob job_;
  std::unique_ptr<training::Training> training_;
  const worker::Keep keep_;
  Log log_;
  ThreadPool pool_;
  std::unique_ptr<attack::Campaign> attack_;  // null: an honest worker
  Progress progress_;
  std::vector<StepRow> rows_;
  std::optional<uint64_t> first_step_;
  double logged_at_ = 0;
  std::optional<double> metrics_at_;  // when they were written last
  protocol::RunStatus final_status_;
  std::optional<End> end_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// Ctrl-C and SIGTERM set a flag that interruption() tells of; a second one ends the program.
void watch_interrupts();
// For the wait after an interrupt: whether a second one has come, which from now on does not end
// the program by itself.
bool gives_up();
// Code "interrupted" once one of them came; `where` says what was going on: "after step 3 of 9".
Status interruption(std::string_view where);
// Waiting for a verifier that others start: says so on standard error unless `quiet`, and ends for
// an interrupt.
worker::Client::Patience patience_with(const std::string& address, bool quiet);

Result<std::unique_ptr<JobRun>> open_job_run(const TrainOptions& options);

// The verified run: starts a verifier (or uses options.verifier), trains, waits for the verdict and
// leaves the folder's files. Exit code 0 accepted, 1 rejected. Codes too: "verifier_failed" when
// the verifier's machine was at fault, "check_failed" when what it accepted does not verify.
Result<int> run_verified(const TrainOptions& options, JobRun& run, const std::string& mode);

// Trains and waits for the verdict, also one that comes early. A verdict about the verifier's own
// environment is an error. Codes: JobRun::train's, Client::finish's, "verifier_failed",
// "suspended".
Result<worker::Verdict> train_with(JobRun& run, worker::Client& client);

// The same over a connection that may break: connects again as long as somebody listens there, and
// goes on where the verifier says. `alive` (may be empty) tells whether the verifier still runs.
// `connected` sees every client when it is there. Codes: Client::create's, train_with's.
struct Line {
  std::string address;
  worker::Client::Grantor grantor;
  std::function<worker::Client::Patience()> patience;
  std::function<bool()> alive;
  std::function<void(const worker::Client&)> connected;
};
Result<worker::Verdict> train_over(JobRun& run, const Line& line);

// Whether what the verifier showed at the start is evidence of the simulated TEE, or of none.
bool is_simulated(const worker::Client& client);
inline constexpr std::string_view kBySimulatedTee =
    " by a SIMULATED TEE, which proves nothing to others";

// metrics.csv of the steps so far, and its rows, those of the run before a suspension among them.
// Codes: read_metrics's, "write_failed".
Result<std::vector<exporting::MetricsRow>> write_run_metrics(const std::filesystem::path& out,
                                                             const JobRun& run);

// How a run ended, as far as this side knows.
struct RunEnd {
  RunRecord record;
  std::optional<worker::Verdict> verdict;
  bool remote = false;                          // the verifier's files are in a folder of its own
  bool simulated = true;                        // by the evidence
  std::optional<certificate::Outcome> outcome;  // of the check of the run's folder
};

// metrics.csv, run.json and report.html, from what the folder holds, which is checked: sets
// end.outcome and end.simulated.
Status write_outputs(const TrainOptions& options, const JobRun& run, RunEnd& end);

}  // namespace ginn::cli
