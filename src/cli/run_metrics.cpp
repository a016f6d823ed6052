#include "cli/run_job.h"

namespace ginn::cli {
namespace {

constexpr std::string_view kMetricsFile = "metrics.csv";

// Of the run before it was suspended, as far as they were written.
Result<std::vector<exporting::MetricsRow>> earlier_rows(const std::filesystem::path& file,
                                                        uint64_t first_step) {
  if (first_step == 0) return std::vector<exporting::MetricsRow>();
  auto rows = exporting::read_metrics(file);
  if (!rows.ok() && std::string_view(rows.error().code) == "not_found") {
    return std::vector<exporting::MetricsRow>();
  }
  if (rows.ok()) std::erase_if(*rows, [&](const auto& row) { return row.step >= first_step; });
  return rows;
}

}  // namespace

Result<std::vector<exporting::MetricsRow>> write_run_metrics(const std::filesystem::path& out,
                                                             const JobRun& run) {
  GINN_ASSIGN(auto rows, earlier_rows(out / kMetricsFile, run.first_step()));
  double seconds = 0.0;
  uint64_t steps = run.first_step();
  for (const StepRow& row : run.rows()) {
    const double images =
        static_cast<double>(row.report.step + 1 - steps) * run.training().job().batch;
    const double rate = row.seconds > seconds ? images / (row.seconds - seconds) : 0.0;
    seconds = row.seconds;
    steps = row.report.step + 1;
    rows.push_back({row.report.step,
                    static_cast<double>(row.report.learning_rate),
                    row.report.claimed_loss,
                    row.report.claimed_accuracy,
                    rate,
                    row.verifier.taken,
                    row.verifier.replays_done,
                    row.verifier.replays_queued});
  }
  GINN_TRY(exporting::write_metrics(out / kMetricsFile, rows));
  return rows;
}

}  // namespace ginn::cli
