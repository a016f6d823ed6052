#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "attest/produce/attester.h"
#include "certificate/issue/statement.h"
#include "protocol/connection.h"
#include "protocol/transcript.h"
#include "verifier/replay.h"

namespace ginn::verifier {

inline constexpr std::string_view kVersion = "0.1.0";
// A state digest joins the transcript every so many steps, and after the last one.
inline constexpr uint64_t kTranscriptSteps = 64;
// Lives that this version grants: a killed run starts over.
inline constexpr uint32_t kLife = 1;

struct Options {
  std::filesystem::path records;  // raw records, on an untrusted disk
  std::filesystem::path out;      // where the run's files go
  size_t threads = 1;             // that replay
  crypto::Digest measurement{};   // of the running program, for evidence
  device::Level level = device::Level::kPortable;
  std::function<uint64_t()> coin;  // 64 fresh random bits; the system's generator in ginn-verifier
};

struct Outcome {
  bool accepted = false;
  std::string code;  // "accepted", or what went wrong
  std::string message;
  bool simulated = true;  // what vouches for it is no TEE
};

// Before a run: `out` exists, can be written to, and holds none of the files that a session leaves,
// so that no run is trained in vain and no two runs' files mix. Codes "not_a_folder", "out_exists",
// "write_failed".
Status check_out_folder(const std::filesystem::path& out);

// One run of the trusted side over a connection to an untrusted worker: handshake, intake with
// replays behind it, and the files it leaves: job.json, transcript.jsonl and either
// model.safetensors with certificate.json, or rejection.json (with rejection-evidence.safetensors
// for a deviation).
class Session {
 public:
  Session(Options options, protocol::Connection connection);
  ~Session();

  // Ends with a verdict, sent to the worker and written to the folder. An error is one that left no
  // rejection, which would accuse the run: the environment's (this machine's disk or memory, say),
  // or a peer that never named a job. The worker is told of it in a verdict frame, too.
  Result<Outcome> run();

 private:
  Status run_to_the_end();
  void send_verdict(const Status& status);
  Status send(protocol::FrameType type, ByteView payload);
  Status handshake();
  Status open_records(const data::DatasetFacts& facts);
  Status take_all();
  Status take_one();
  Result<protocol::FrameType> receive_next();
  Status finish();
  Status note_step();
  Status watch();  // while waiting: status frames, failures of replays
  Status write_accepted();
  Status write_rejected(const Error& error);
  Result<crypto::Digest> write_evidence(const Deviation& deviation);
  certificate::VerifierIdentity identity() const;
  std::string sentence(const Deviation& deviation) const;

  Options options_;
  protocol::Connection connection_;
  Bytes payload_;
  std::string job_text_;
  crypto::Digest job_digest_{};
  std::unique_ptr<crypto::SigningKey> key_;
  std::string evidence_;
  bool simulated_ = true;
  std::string grant_;
  std::unique_ptr<training::Training> training_;
  std::unique_ptr<data::FileRecords> records_;
  std::unique_ptr<Intake> intake_;
  std::unique_ptr<ReplayQueue> replays_;
  std::unique_ptr<protocol::Transcript> transcript_;
  std::string transcript_lines_;
  training::RunningStatistics statistics_;
};

}  // namespace ginn::verifier
