#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "certificate/issue/grant.h"
#include "protocol/connection.h"
#include "training/training.h"

namespace ginn::worker {

struct Verdict {
  bool accepted = false;
  std::string code;
  std::string message;
};

// The worker's end of a run: handshake, contributions, verdict. One thread of its own reads what
// the verifier says, so that neither side waits for the other to read; another one sends from a
// bounded queue, so that training goes on while a frame waits for the verifier to be scheduled.
class Client {
 public:
  // Signs the owner's grant for a verifier's start statement; returns the envelope's text.
  using Grantor = std::function<Result<std::string>(const certificate::StartStatement&)>;

  // Connects to `address`, retrying for `patience_ms` while nobody listens there, and runs the
  // handshake. Codes: connect's, "verifier_refused" (with its verdict), "verifier_mismatch", the
  // grantor's.
  static Result<std::unique_ptr<Client>> create(const std::string& address,
                                                const training::Training& training,
                                                const Grantor& grantor,
                                                int patience_ms);
  ~Client();

  // Waits only when the queue is full: when the verifier does not keep up. Code "verifier_stopped"
  // once it has given a verdict or is gone.
  Status send(uint64_t t, uint32_t j, const training::Contribution& contribution);
  // After the last contribution: waits for the verdict. Code "verifier_gone".
  Result<Verdict> finish();
  // The verdict that ended the run early, if there is one.
  std::optional<Verdict> early_verdict();
  protocol::RunStatus status() const;

 private:
  Client(const training::Training& training, protocol::Connection connection);
  Status handshake(const Grantor& grantor);
  void read();
  void send_queued();
  size_t queue_limit() const;  // frames: at most 256 MiB, between 2 and 64
  Result<Verdict> wait_verdict();

  const training::Training& training_;
  protocol::Connection connection_;
  const size_t payload_bytes_;
  std::thread reader_, sender_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  protocol::RunStatus status_;
  std::optional<Verdict> verdict_;
  std::deque<Bytes> queue_;   // the first one stays until it is sent
  std::vector<Bytes> spare_;  // payloads to be used again
  bool gone_ = false;         // the verifier has given its verdict, or no longer reads
  bool read_done_ = false;
  bool stop_ = false;
};

}  // namespace ginn::worker
