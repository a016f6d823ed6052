#include "cli/run_folder.h"

#include <system_error>
#include <thread>

#include "base/folder.h"
#include "base/text.h"
#include "crypto/json.h"

namespace ginn::cli {

Status prepare_run_folder(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::exists(path, error)) {
    if (!std::filesystem::is_directory(path, error) || !std::filesystem::is_empty(path, error)) {
      return input_error("out_exists",
                         concat(path.string(),
                                " exists and is not an empty folder; name another "
                                "--out, or remove it"));
    }
    return ok_status();
  }
  std::filesystem::create_directories(path, error);
  if (error) {
    return environment_error("write_failed",
                             concat("making the folder ", path.string(), ": ", error.message()));
  }
  return ok_status();
}

Status take_run_folder(const std::filesystem::path& path, int patience_ms) {
  constexpr int kEachMs = 50;
  for (int waited = 0;; waited += kEachMs) {
    const Result<FolderLock> lock = FolderLock::take(path);
    if (lock.ok()) return ok_status();
    const bool in_use = std::string_view(lock.error().code) == "run_in_use";
    if (!in_use || waited >= patience_ms) return lock.error();
    std::this_thread::sleep_for(std::chrono::milliseconds(kEachMs));
  }
}

Status write_run_record(const std::filesystem::path& folder, const RunRecord& record) {
  crypto::Json::Object json;
  json["ginn"] = crypto::format_text("run", kRunRecordVersion);
  json["mode"] = record.mode;
  json["job_file"] = record.job_file;
  json["train"] = record.train;
  json["test"] = record.test;
  json["wall_seconds"] = record.wall_seconds;
  json["worker_cpu_seconds"] = record.worker_cpu_seconds;
  json["verifier_cpu_seconds"] = record.verifier_cpu_seconds;
  json["worker_peak_bytes"] = record.worker_peak_bytes;
  json["verifier_peak_bytes"] = record.verifier_peak_bytes;
  return write_file_atomic(folder / "run.json", as_bytes(crypto::pretty_json(json)));
}

}  // namespace ginn::cli
