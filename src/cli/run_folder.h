#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace ginn::cli {

// run.json: how a folder came about. A convenience for people and for `ginn eval`; not covered by
// the certificate.
inline constexpr uint32_t kRunRecordVersion = 1;  // of its member "ginn"
struct RunRecord {
  std::string mode;                   // "verified", "unverified", "trusted-only", "attack"
  std::string job_file, train, test;  // absolute paths; test may be empty
  double wall_seconds = 0;
  double worker_cpu_seconds = 0, verifier_cpu_seconds = 0;
  double worker_peak_bytes = 0, verifier_peak_bytes = 0;
};

// Makes `path`, or takes it if it is an empty folder. Code "out_exists": finished work is never
// overwritten.
Status prepare_run_folder(const std::filesystem::path& path);
// The folder of a run that is to go on: exists, and no verifier writes to it any more (one whose
// starter was killed is still suspending: waits for it, about `patience_ms`). Codes "not_a_folder",
// "run_in_use".
Status take_run_folder(const std::filesystem::path& path, int patience_ms);
Status write_run_record(const std::filesystem::path& folder, const RunRecord& record);

}  // namespace ginn::cli
