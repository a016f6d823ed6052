#include "base/file.h"
#include "certificate/check/run_check.h"
#include "certificate/issue/format.h"
#include "cli/run_job.h"
#include "cli/verifier_process.h"
#include "export/report.h"
#include "verifier/session.h"

namespace ginn::cli {
namespace {

Status write_metrics(const std::filesystem::path& out, const JobRun& run,
                     std::vector<exporting::MetricsRow>& rows) {
  exporting::MetricsWriter writer(out / "metrics.csv");
  double seconds = 0.0;
  uint64_t steps = 0;
  for (const StepRow& row : run.rows()) {
    const double images =
        static_cast<double>(row.report.step + 1 - steps) * run.training().job().batch;
    const double rate = row.seconds > seconds ? images / (row.seconds - seconds) : 0.0;
    seconds = row.seconds;
    steps = row.report.step + 1;
    GINN_TRY(writer.add({row.report.step, static_cast<double>(row.report.learning_rate),
                         row.report.claimed_loss, row.report.claimed_accuracy, rate,
                         row.verifier.taken, row.verifier.replays_done,
                         row.verifier.replays_queued}));
  }
  rows = writer.rows();
  return writer.finish();
}

exporting::RunMode report_mode(const std::string& mode) {
  if (mode == "unverified") return exporting::RunMode::kUnverified;
  if (mode == "trusted-only") return exporting::RunMode::kTrustedOnly;
  return exporting::RunMode::kVerified;
}

std::optional<crypto::Digest> digest_of(const std::filesystem::path& file) {
  const Result<Bytes> bytes = read_file(file, certificate::kMaxModelBytes);
  if (!bytes.ok()) return std::nullopt;
  return crypto::sha256(*bytes);
}

}  // namespace

Status write_outputs(const TrainOptions& options, const JobRun& run, RunRecord record,
                     const std::optional<worker::Verdict>& verdict) {
  const std::filesystem::path out = options.out;
  record.job_file = std::filesystem::absolute(options.job).string();
  record.train = run.job().resolved.train_path;
  record.test = run.job().test_path.string();
  record.wall_seconds = run.seconds();
  const Usage usage = own_usage();
  record.worker_cpu_seconds = usage.cpu_seconds;
  record.worker_peak_bytes = usage.peak_bytes;
  GINN_TRY(write_run_record(out, record));

  exporting::ReportInput input;
  GINN_TRY(write_metrics(out, run, input.metrics));
  input.mode = report_mode(record.mode);
  input.job = run.training().job();
  input.job_digest = job::digest(input.job);
  input.seconds = record.wall_seconds;
  input.version = verifier::kVersion;
  input.model_digest = digest_of(out / certificate::kModelFile);
  if (verdict) {
    input.simulated = true;
    input.replays = run.rows().empty() ? 0 : run.rows().back().verifier.replays_done;
    GINN_ASSIGN(input.outcome, certificate::check_run(out, {input.job_digest, true, {}}));
    if (!verdict->accepted) {
      input.rejection = exporting::RunRejection{verdict->code, verdict->message, {}, {}};
    }
  }
  return write_file_atomic(out / "report.html", as_bytes(exporting::report_html(input)));
}

}  // namespace ginn::cli
