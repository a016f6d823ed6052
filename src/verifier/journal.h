#pragma once

#include <optional>
#include <string>

#include "verifier/run.h"

namespace ginn::verifier {

// status.json, for `ginn status`: where a run is, as of the last second or the last event.
inline constexpr std::string_view kStatusFile = "status.json";
inline constexpr uint32_t kStatusVersion = 1;
inline constexpr double kStatusSeconds = 1.0;  // between two writes, but for a new phase

enum class Phase {
  kWaiting,     // for a worker
  kGranting,    // for the owner's leave
  kTraining,    // contributions are taken in
  kFinishing,   // the last replays, then the statistics
  kSuspending,  // the last replays, then the checkpoint
  kSuspended,
  kAccepted,
  kRejected,
  kFailed,  // neither a verdict nor a suspension: this machine's fault, or a peer without a job
};
std::string_view phase_name(Phase phase);  // "waiting", ...

struct Outcome;

// What a run tells whoever operates its machine: log lines and status.json. Both are read by the
// host, which is not trusted, so they hold only what it or the worker knows anyhow:
// - what the host itself decides or sees: connections, its signals, files, the frames that pass;
// - the counts of replays as the status frame told the worker of them, never later or finer. No
//   line is written, and no count is renewed, because a coin fell or a replay began or ended.
class Journal {
 public:
  Journal(const Host& host, const Run& run) : host_(host), run_(run) {}

  void enter(Phase phase);
  void connected(uint32_t connections, bool again);
  void connection_lost(const Error& error);
  void began();  // after the leave, or without it where a suspended run goes on
  void look();   // renews status.json, if it is time
  void told(const protocol::RunStatus& status);  // a status frame was due
  void ended(const Result<Outcome>& outcome);

 private:
  std::string status() const;
  void publish();

  const Host& host_;
  const Run& run_;
  Phase phase_ = Phase::kWaiting;
  uint32_t connections_ = 0;
  protocol::RunStatus told_;
  double began_ = 0;  // seconds since 1970; 0 before it has begun
  uint64_t began_with_ = 0;
  std::string code_, message_;  // of the last error, or how the run ended
  std::optional<double> published_;
  bool warned_ = false;
};

}  // namespace ginn::verifier
