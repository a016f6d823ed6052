#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "certificate/check/run_check.h"
#include "export/metrics.h"
#include "job/job.h"

namespace ginn::exporting {

enum class RunMode { kVerified, kTrustedOnly, kUnverified };

// Why a run was rejected, and by which contribution where it was one.
struct RunRejection {
  std::string code;
  std::string message;
  std::optional<uint64_t> step;
  std::optional<uint32_t> microbatch;
};

struct ReportInput {
  RunMode mode = RunMode::kVerified;
  job::Job job;
  crypto::Digest job_digest{};
  std::optional<certificate::Outcome> outcome;  // of the check of the run's own folder
  std::optional<RunRejection> rejection;
  // Beside outcome->simulated, for runs without one. Verified runs only.
  bool simulated = false;
  std::vector<MetricsRow> metrics;             // ascending steps, not necessarily all of them
  std::optional<crypto::Digest> model_digest;  // SHA-256 of model.safetensors
  std::optional<crypto::Digest> transcript_head;
  double seconds = 0;  // wall time of the run
  uint64_t replays = 0;
  std::string version;  // of ginn
};

// One page that stands alone: no scripts, nothing loaded from elsewhere, every text escaped.
std::string report_html(const ReportInput& input);

// The page's style sheet.
extern const std::string_view kReportStyle;

}  // namespace ginn::exporting
