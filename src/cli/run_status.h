#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace ginn::cli {

// status.json as a verifier wrote it (verifier/journal.h). The verifier's host can write anything
// there: it says how a run goes, and vouches for nothing.
struct StatusFile {
  std::string version, phase, job, code, message;
  double updated = 0;  // seconds since 1970
  double began = 0;    // of this process's part of the run; 0: not yet
  uint64_t began_with = 0;
  uint64_t taken = 0, contributions = 0, steps = 0;  // 0: no job yet
  uint64_t replays_done = 0, replays_queued = 0;
  uint64_t connections = 0, life = 0, lives = 0;
  bool simulated = true;

  // Steps whose contributions are all taken.
  uint64_t step() const { return contributions == 0 ? 0 : taken / (contributions / steps); }
};

// From hostile text. Codes: parse_json's, "json_field", "status_version", "status_form".
Result<StatusFile> parse_status_file(std::string_view text);

enum class RunState {
  kRunning,    // a verifier serves the folder now
  kSuspended,  // it can be resumed as the same life
  kAccepted,
  kRejected,
  kFailed,     // the verifier's machine failed, or no peer brought a job
  kBrokenOff,  // no verifier serves it and none said how it ended: killed, or its machine went down
};
inline constexpr std::string_view kRunStates[] = {
    "running", "suspended", "accepted", "rejected", "failed", "broken_off"};
inline std::string_view state_name(RunState state) {
  return kRunStates[static_cast<size_t>(state)];
}

struct RunView {
  RunState state = RunState::kBrokenOff;
  bool has_file = false;  // false: a verifier that has only just started, or one without the file
  StatusFile file;
  double age_seconds = 0;   // since the file was written
  double per_second = 0;    // contributions, of this process; 0: not known
  double seconds_left = 0;  // at that rate, for what is not taken yet; 0: not known
  std::string missing;      // a file that the state should have left, and is not there
};

// What DIR shows, whatever process serves it or none: the folder's lock decides, not the file's
// age. Codes: "not_a_folder", read_file's, parse_status_file's, "no_status".
Result<RunView> look_at_run(const std::filesystem::path& dir, double unix_seconds);

// For people, for programs, for Prometheus (text format 0.0.4; `dir` becomes a label).
std::string status_text(const std::string& dir, const RunView& view);
std::string status_json(const std::string& dir, const RunView& view);
std::string status_metrics(const std::string& dir, const RunView& view);

}  // namespace ginn::cli
