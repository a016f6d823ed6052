#pragma once

#include <memory>
#include <optional>
#include <string>

#include "protocol/connection.h"
#include "verifier/journal.h"

namespace ginn::verifier {

// Connections that one session takes: a peer that only ever hangs up ends at this.
inline constexpr uint32_t kMaxConnections = 1000;

struct Outcome {
  enum class Kind { kAccepted, kRejected, kSuspended };
  Kind kind = Kind::kRejected;
  std::string code;  // "accepted", or why not
  std::string message;
  bool simulated = true;  // what vouches for it is no TEE

  bool accepted() const { return kind == Kind::kAccepted; }
};

// Before a run: `out` exists, can be written to, and holds none of the files that a session leaves
// (but a checkpoint and what stood beside it, for one that goes on), so that no run is trained in
// vain and no two runs' files mix. Codes "not_a_folder", "out_exists", "write_failed".
Status check_out_folder(const std::filesystem::path& out, bool resume);

// One run of the trusted side with an untrusted worker: connections, frames and their order. A
// connection that breaks costs nothing: the next one goes on at the run's next contribution. Leaves
// job.json, transcript.jsonl and either model.safetensors with certificate.json, or rejection.json
// (with rejection-evidence.safetensors for a deviation), or checkpoint.sealed.
class Session {
 public:
  Session(Host host, RunOptions options);
  ~Session();

  // Ends with a verdict, sent to the worker and written to the folder. An error is one that left no
  // rejection, which would accuse the run: the environment's (this machine's disk or memory, say),
  // or a peer that never named a job. The worker is told of it in a verdict frame, too.
  Result<Outcome> run();

 private:
  Status run_to_the_end();
  Status serve();  // one connection: ok once the worker has ended its run
  Status handshake();
  Status offer_grant();
  Status take_all();
  Status receive_end();
  Status send_state(uint16_t flags);
  Status await_worker();
  protocol::JobBytes job_bytes() const;
  Result<protocol::FrameType> receive();
  void send_verdict(const Error* error);
  protocol::Idle watch();  // while waiting for bytes: status frames, failures of replays
  Status look_around();
  Result<Outcome> run_and_judge();
  Result<Outcome> conclude(const Error& error);
  Result<Outcome> suspend(const Error& reason);
  Result<Outcome> judge(const Error& error);
  std::string progress() const;
  Error gone() const;

  const Host host_;
  const RunOptions options_;
  Run run_;
  Journal journal_;
  std::unique_ptr<protocol::Connection> connection_;
  std::optional<Error> fault_;  // that ended the connection before
  Bytes payload_;
};

}  // namespace ginn::verifier
