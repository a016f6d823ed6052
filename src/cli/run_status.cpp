#include "cli/run_status.h"

#include <algorithm>
#include <cmath>

#include "base/folder.h"
#include "base/text.h"
#include "certificate/issue/format.h"
#include "crypto/json.h"
#include "job/job.h"
#include "verifier/session.h"

namespace ginn::cli {
namespace {

namespace fs = std::filesystem;
using verifier::Phase;

constexpr uint64_t kMaxStatusBytes = uint64_t{1} << 16;
constexpr double kLastTime = 253'402'300'799.0;  // of the year 9999

struct Count {
  std::string_view key;
  uint64_t StatusFile::*member;
  uint64_t most;
};
// 2^24 steps of 2^16 contributions.
constexpr uint64_t kMaxContributions = job::kStepsMax << 16;
constexpr Count kIntegers[] = {
    {"beganWith", &StatusFile::began_with, kMaxContributions},
    {"taken", &StatusFile::taken, kMaxContributions},
    {"contributions", &StatusFile::contributions, kMaxContributions},
    {"steps", &StatusFile::steps, job::kStepsMax},
    {"replaysDone", &StatusFile::replays_done, kMaxContributions},
    {"replaysQueued", &StatusFile::replays_queued, kMaxContributions},
};
constexpr Count kNumbers[] = {
    {"connections", &StatusFile::connections, verifier::kMaxConnections},
    {"life", &StatusFile::life, verifier::kMaxLives},
    {"lives", &StatusFile::lives, verifier::kMaxLives},
};

Error bad(std::string_view key, std::string_view what) {
  return input_error("status_form", concat(verifier::kStatusFile, ": key \"", key, "\": ", what));
}

Status read_counts(const crypto::Json& json, StatusFile& out) {
  for (const Count& count : kIntegers) {
    GINN_ASSIGN(out.*count.member, crypto::integer_field(json, count.key));
    if (out.*count.member > count.most) return bad(count.key, "out of range");
  }
  for (const Count& count : kNumbers) {
    GINN_ASSIGN(const double value, crypto::number_field(json, count.key));
    const bool good = value >= 0 && value <= static_cast<double>(count.most);
    if (!good || value != std::floor(value)) return bad(count.key, "out of range");
    out.*count.member = static_cast<uint64_t>(value);
  }
  const bool whole = out.steps == 0
                         ? out.contributions == 0
                         : out.contributions >= out.steps && out.contributions % out.steps == 0;
  if (!whole) return bad("contributions", "no multiple of the steps");
  if (out.taken > out.contributions || out.began_with > out.taken) {
    return bad("taken", "out of range");
  }
  return ok_status();
}

Status read_times(const crypto::Json& json, StatusFile& out) {
  GINN_ASSIGN(out.updated, crypto::number_field(json, "updated"));
  GINN_ASSIGN(out.began, crypto::number_field(json, "began"));
  for (const double time : {out.updated, out.began}) {
    if (!(time >= 0 && time <= kLastTime)) return bad("updated", "no time of this era");
  }
  return ok_status();
}

bool is_phase(std::string_view word) {
  for (auto phase = Phase::kWaiting;; phase = static_cast<Phase>(static_cast<int>(phase) + 1)) {
    if (verifier::phase_name(phase) == word) return true;
    if (phase == Phase::kFailed) return false;
  }
}

// The state that a verifier's last word means; running for a word that is none.
RunState state_of(std::string_view phase) {
  if (phase == verifier::phase_name(Phase::kSuspended)) return RunState::kSuspended;
  if (phase == verifier::phase_name(Phase::kAccepted)) return RunState::kAccepted;
  if (phase == verifier::phase_name(Phase::kRejected)) return RunState::kRejected;
  if (phase == verifier::phase_name(Phase::kFailed)) return RunState::kFailed;
  return RunState::kRunning;
}

// What a run of that state leaves; empty: nothing.
std::string_view file_of(RunState state) {
  switch (state) {
    case RunState::kAccepted:
      return certificate::kCertificateFile;
    case RunState::kRejected:
      return certificate::kRejectionFile;
    case RunState::kSuspended:
      return verifier::kCheckpointFile;
    case RunState::kRunning:
    case RunState::kFailed:
    case RunState::kBrokenOff:
      break;
  }
  return "";
}

bool has(const fs::path& dir, std::string_view name) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(dir / name, ignored));
}

// Of a verifier that writes no status.json.
Result<RunState> state_by_files(const fs::path& dir) {
  for (const RunState state : {RunState::kAccepted, RunState::kRejected}) {
    if (has(dir, file_of(state))) return state;
  }
  return input_error("no_status",
                     concat(printable(dir.native(), 400),
                            ": no verifier serves this folder, and it has no ",
                            verifier::kStatusFile,
                            "; name the folder that a verifier was given as --out (that of the "
                            "worker has none, nor has a baseline's)"));
}

void estimate(RunView& view, double unix_seconds) {
  const StatusFile& file = view.file;
  view.age_seconds = std::max(0.0, unix_seconds - file.updated);
  const double seconds = file.updated - file.began;
  if (file.began <= 0 || seconds <= 0 || file.taken <= file.began_with) return;
  view.per_second = static_cast<double>(file.taken - file.began_with) / seconds;
  const bool takes = file.phase == verifier::phase_name(Phase::kTraining);
  if (view.state != RunState::kRunning || !takes) return;
  view.seconds_left = static_cast<double>(file.contributions - file.taken) / view.per_second;
}

}  // namespace

Result<StatusFile> parse_status_file(std::string_view text) {
  GINN_ASSIGN(const crypto::Json json,
              crypto::parse_json(text, {.bytes = kMaxStatusBytes, .depth = 2}));
  GINN_TRY(crypto::check_format(json, "status", verifier::kStatusVersion, "status_version"));
  GINN_TRY(crypto::exact_fields(json,
                                {"began",
                                 "beganWith",
                                 "code",
                                 "connections",
                                 "contributions",
                                 "ginn",
                                 "job",
                                 "life",
                                 "lives",
                                 "message",
                                 "phase",
                                 "replaysDone",
                                 "replaysQueued",
                                 "simulated",
                                 "steps",
                                 "taken",
                                 "updated",
                                 "version"}));
  StatusFile out;
  GINN_ASSIGN(out.version, crypto::string_field(json, "version"));
  GINN_ASSIGN(out.phase, crypto::string_field(json, "phase"));
  if (!is_phase(out.phase)) return bad("phase", "no such phase");
  GINN_ASSIGN(out.job, crypto::string_field(json, "job"));
  if (!out.job.empty()) GINN_TRY(crypto::parse_tagged(out.job));
  GINN_ASSIGN(out.code, crypto::string_field(json, "code"));
  GINN_ASSIGN(out.message, crypto::string_field(json, "message"));
  GINN_ASSIGN(out.simulated, crypto::bool_field(json, "simulated"));
  GINN_TRY(read_times(json, out));
  GINN_TRY(read_counts(json, out));
  return out;
}

Result<RunView> look_at_run(const fs::path& dir, double unix_seconds) {
  GINN_ASSIGN(const bool before, FolderLock::held(dir));
  const auto bytes = read_file(dir / verifier::kStatusFile, kMaxStatusBytes, false);
  GINN_ASSIGN(const bool after, FolderLock::held(dir));
  const bool held = before || after;  // one that ends or starts now has the benefit of the doubt
  RunView view;
  if (!bytes.ok()) {
    if (std::string_view(bytes.error().code) != "not_found") return bytes.error();
    view.state = RunState::kRunning;
    if (!held) {
      GINN_ASSIGN(view.state, state_by_files(dir));
    }
    return view;
  }
  GINN_ASSIGN(view.file, parse_status_file(as_text(*bytes)));
  view.has_file = true;
  view.state = RunState::kRunning;
  if (!held) {
    view.state = state_of(view.file.phase);
    if (view.state == RunState::kRunning) view.state = RunState::kBrokenOff;
  }
  const std::string_view left = file_of(view.state);
  if (!left.empty() && !has(dir, left)) view.missing = left;
  estimate(view, unix_seconds);
  return view;
}

}  // namespace ginn::cli
