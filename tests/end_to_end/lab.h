#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "protocol/socket.h"
#include "tests/support/synthetic.h"
#include "tests/support/temporary_folder.h"
#include "verifier/session.h"
#include "worker/client.h"
#include "worker/loop.h"

// One process that holds both sides of a run, so that a test can be the worker, the disk and the
// coin.
namespace ginn::test {

Bytes contents(const std::filesystem::path& path);
void write(const std::filesystem::path& path, ByteView bytes);
// Flips one bit of the byte at `at`, in place.
void flip(const std::filesystem::path& path, size_t at);

// A job, its data and the honest run of it, step by step.
struct Honest {
  std::unique_ptr<data::MemoryRecords> records;
  job::Job job;
  std::unique_ptr<training::Training> training;
  std::vector<Bytes> payloads;              // of the contribution frames, in order
  std::vector<std::vector<float>> weights;  // before each step
  Bytes model;                              // model.safetensors

  uint64_t index(uint64_t t, uint32_t j) const { return t * job.microbatches() + j; }
};
// Whether the job replays every contribution or leaves it to the coin.
enum class Coverage { kAll, kSample };
// On 64 images of 12 x 12: 8 steps of 2 contributions an epoch.
Honest honest_run(Coverage coverage, const std::string& model = "lenet", uint32_t epochs = 1);
// The same of a job for these records; `weights`: what it starts from, where it names a file.
Honest honest_run_of(const job::Job& job,
                     std::unique_ptr<data::MemoryRecords> records,
                     const training::WeightsReader& weights = nullptr);
// The final model file of the job, trained on `threads` threads without a verifier.
Bytes train_alone(const job::Job& job,
                  const data::RecordSource& records,
                  size_t threads,
                  device::Level level);
device::Level best_level();

training::Contribution decoded(const Honest& honest, ByteView payload);
Bytes encoded(const Honest& honest,
              uint64_t t,
              uint32_t j,
              const training::Contribution& contribution);

// Coins: never replays (unless a job replays all), or always.
inline uint64_t never() { return ~uint64_t{0}; }
inline uint64_t always() { return 0; }

// For VerifierOptions::reading: a replay takes longer than anything that a worker sends.
inline void slowly() { std::this_thread::sleep_for(std::chrono::milliseconds(30)); }

// Gives the streams that a test made, then says that nobody comes any more ("cannot_listen").
class ListedStreams final : public protocol::Acceptor {
 public:
  explicit ListedStreams(std::vector<int> descriptors) : left_(std::move(descriptors)) {}
  Result<std::unique_ptr<protocol::Stream>> accept(const protocol::Idle& idle) override;

 private:
  std::vector<int> left_;
};

// What a verifier of a test stands on, beside the coin.
struct VerifierOptions {
  std::filesystem::path records, out;
  std::function<uint64_t()> coin;
  size_t threads = 1;
  std::shared_ptr<protocol::Acceptor> acceptor;
  std::function<bool()> stop = [] { return false; };
  verifier::RunOptions run;
  std::function<void()> reading;  // before every record that is read
  bool counter_fails = false;     // the TEE's cannot be advanced
  Log log;
  std::function<Status(std::string_view)> publish;  // status.json
  std::function<double()> seconds = nullptr;        // instead of the machine's clock
  training::WeightsReader weights;
};

// A verifier's session on a thread of its own.
class VerifierThread {
 public:
  using Coin = std::function<uint64_t()>;
  explicit VerifierThread(VerifierOptions options);
  ~VerifierThread();
  // Its verdict's code, or that of the error it ended with.
  std::string code();
  const Result<verifier::Outcome>& outcome();

 private:
  std::optional<Result<verifier::Outcome>> outcome_;
  std::thread thread_;
};

// A worker that sends whatever a test wants, over a socket pair.
class RawWorker {
 public:
  RawWorker(const Honest& honest,
            const std::filesystem::path& records,
            const std::filesystem::path& out,
            VerifierThread::Coin coin,
            size_t threads = 1,
            std::function<void()> reading = nullptr);
  // `options` without an acceptor: this worker is the only one that comes.
  RawWorker(const Honest& honest, VerifierOptions options);
  ~RawWorker();

  void bytes(ByteView bytes);
  void frame(protocol::FrameType type, ByteView payload);
  // A header and payload whose sequence and checksums are right, whatever else is wrong.
  Bytes framed(protocol::FrameType type, ByteView payload);
  Bytes framed(protocol::FrameHeader header, ByteView payload);
  void hello(uint16_t version = protocol::kVersion, uint16_t flags = 0);
  void job(std::string_view text);
  // Reads the start frame; empty when something else came.
  std::optional<certificate::StartStatement> start();
  void grant(const certificate::StartStatement& start);
  bool ready();
  // All of the above, honestly.
  bool shake_hands();
  void contribution(uint64_t index) {
    frame(protocol::FrameType::kContribution, honest_.payloads[index]);
  }
  void contributions(uint64_t begin, uint64_t end);
  void end() { frame(protocol::FrameType::kEnd, {}); }
  void finish_sending();
  // Ends this side's stream, then the verifier's code.
  std::string code();
  const Result<verifier::Outcome>& outcome() { return verifier_->outcome(); }
  // The largest queue that status frames told of, and the code of the verdict frame and whether it
  // blames the verifier's environment; after code().
  uint64_t most_queued() const { return most_queued_; }
  const std::string& verdict() const { return verdict_; }
  bool environment() const { return environment_; }
  // For runs that end before they are ready: reads on until the verdict frame or the end.
  void listen();

 private:
  const Honest& honest_;
  int descriptor_ = -1;
  std::unique_ptr<protocol::Connection> connection_;
  std::unique_ptr<VerifierThread> verifier_;
  uint32_t sequence_ = 0;
  std::thread reader_;
  uint64_t most_queued_ = 0;
  std::string verdict_;
  bool environment_ = false;
};

std::filesystem::path write_records(const Honest& honest, const TemporaryFolder& folder);
Result<std::string> sign_grant(const certificate::StartStatement& start);

// A worker::Client against a session over a unix socket below `folder`; the run's files are in
// folder/run. `tamper` may change what the worker computed, and the worker believes it. Returns the
// verifier's code.
using Tamper = std::function<void(uint64_t t, uint32_t j, training::Contribution&)>;
std::string verified_run(const Honest& honest,
                         const TemporaryFolder& folder,
                         VerifierThread::Coin coin,
                         size_t worker_threads = 1,
                         size_t verifier_threads = 1,
                         const Tamper& tamper = nullptr);

}  // namespace ginn::test
