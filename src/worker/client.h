#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "certificate/issue/grant.h"
#include "protocol/connection.h"
#include "training/training.h"
#include "worker/loop.h"

namespace ginn::worker {

struct Verdict {
  bool accepted = false;
  bool environment =
      false;  // not the run's fault: the verifier's machine failed (a full disk, say)
  std::string code;
  std::string message;
};

// The worker's end of a run: handshake, contributions, verdict. One thread of its own reads what
// the verifier says, so that neither side waits for the other to read; another one sends from a
// bounded queue, so that training goes on while a frame waits for the verifier to be scheduled.
class Client {
 public:
  // Signs the owner's grant for a verifier's start; returns the envelope's text.
  using Grantor = std::function<Result<std::string>(const certificate::StartRequest&)>;

  // How long to wait for a verifier that does not answer. The functions may be empty; an error from
  // one ends the wait with it.
  struct Patience {
    int connect_ms = 0;           // retries so long while nobody listens
    protocol::Idle connecting{};  // before every further try
    protocol::Idle waiting{};     // about five times a second in any later wait
  };

  // Connects to `address` and runs the handshake. Codes: connect's, "verifier_gone" (it ended
  // without a verdict), of its verdict "verifier_refused" and "verifier_failed" (its environment),
  // "verifier_mismatch", the grantor's, those of `patience`. Where the run has begun before, the
  // verifier hands over its state.
  static Result<std::unique_ptr<Client>> create(const std::string& address,
                                                const training::Training& training,
                                                const Grantor& grantor,
                                                Patience patience);
  ~Client();

  // Where the verifier wants the run to go on; once, after create().
  Start take_start() { return std::move(start_); }
  uint64_t start_step() const { return start_step_; }

  // Waits only when the queue is full: when the verifier does not keep up. Code "verifier_stopped"
  // once it has given a verdict or is gone; caught()'s, when a thread of this side failed.
  Status send(uint64_t t, uint32_t j, const training::Contribution& contribution);
  // After the last contribution: waits for the verdict. Code "verifier_gone".
  Result<Verdict> finish();
  // After "verifier_stopped": the verdict that ended the run early. Code "verifier_gone".
  Result<Verdict> early_verdict() { return wait_verdict(); }
  protocol::RunStatus status() const;
  // The TEE's evidence that the verifier showed at the start; not checked here.
  const std::string& evidence() const { return evidence_; }

 private:
  Client(const training::Training& training, protocol::Connection connection, Patience patience);
  Status handshake(const Grantor& grantor);
  Result<certificate::StartRequest> receive_request();
  Status receive_position();
  Status expect(protocol::FrameType due, Bytes& payload);
  void read();
  void note_frame(const Result<protocol::FrameType>& type, ByteView payload);
  void send_queued();
  size_t queue_limit() const;  // frames: at most 256 MiB, between 2 and 64
  Status wait(std::unique_lock<std::mutex>& lock, const std::function<bool()>& ready);
  void fail(const Error& error);
  Result<Verdict> wait_verdict();

  const training::Training& training_;
  protocol::Connection connection_;
  const Patience patience_;
  const size_t payload_bytes_;
  std::string evidence_;
  Start start_;
  uint64_t start_step_ = 0;
  std::thread reader_, sender_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  protocol::RunStatus status_;
  std::optional<Verdict> verdict_;
  std::optional<Error> failure_;  // of one of the two threads
  std::deque<Bytes> queue_;       // the first one stays until it is sent
  std::vector<Bytes> spare_;      // payloads to be used again
  bool ending_ = false;           // no further contribution: the end frame follows the queue
  bool gone_ = false;             // the verifier has given its verdict, or no longer reads
  bool read_done_ = false;
  bool sender_done_ = false;
  bool stop_ = false;
};

}  // namespace ginn::worker
