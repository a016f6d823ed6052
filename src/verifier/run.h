#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "certificate/issue/grant.h"
#include "certificate/issue/statement.h"
#include "protocol/transcript.h"
#include "verifier/checkpoint.h"
#include "verifier/host.h"
#include "verifier/replay.h"

namespace ginn::verifier {

inline constexpr std::string_view kVersion = "0.1.0";

// The trusted side of one run, without the connection: from the job to the signed files. One thread
// calls it; replays run beside it.
class Run {
 public:
  Run(const Host& host, const RunOptions& options) : host_(host), options_(options) {}
  ~Run();

  // The job's text, from the worker: parses it, reads the weights that it starts from, opens the
  // records, makes the key or finds the checkpoint. Codes: job::parse's, "no_weights",
  // Training::create's, FileRecords::create's, "no_checkpoint", "checkpoint_form",
  // "checkpoint_job", "life_spent".
  Status begin(std::string_view job_text);
  bool begun() const { return training_ != nullptr; }
  const std::string& job_text() const { return job_text_; }
  const training::Training& training() const { return *training_; }
  bool simulated() const { return simulated_; }
  uint32_t life() const { return life_; }
  const crypto::Digest& job_digest() const { return job_digest_; }

  // What this life asks leave for, and the evidence beside it.
  certificate::StartStatement start() const;
  const std::string& evidence() const { return evidence_; }
  // A suspended run that goes on as the same life has the leave that it began with.
  // Nobody's leave is needed where nobody counts the attempts.
  bool needs_grant() const {
    return !running() && !same_life_ && !training_->job().unlimited_attempts;
  }
  // Begins, or goes on from the checkpoint, with the owner's leave where it is needed. Codes:
  // check_grant_for's, unseal_checkpoint's, State::restore's.
  Status go_on(std::string grant);
  bool running() const { return replays_ != nullptr; }

  // The next contribution, in private memory. Codes: Intake::take's.
  Status take(ByteView payload);
  const Intake& intake() const { return *intake_; }
  // An error once a replay failed: "deviation", or the replay's.
  Status replays_so_far() const;
  protocol::RunStatus status() const;

  // Every replay done, then the statistics; the signed files. Codes: replays_so_far's,
  // Training::running_statistics's, "write_failed".
  Status accept();
  // rejection.json, for what a worker did. Codes: "write_failed".
  Status reject(const Error& error);
  // Every replay done, then a checkpoint that goes on as the same life, once. Codes:
  // replays_so_far's, seal_checkpoint's, "write_failed".
  Status suspend();
  void stop();  // no further replay is started

 private:
  Status find_checkpoint(size_t parameters);
  Status unseal();
  Status make_key();
  Status restore();
  Status note_step();
  Status keep_checkpoint();
  void note_checkpoint(const Status& written) const;
  Checkpoint checkpoint() const;
  Status write_checkpoint(const Checkpoint& checkpoint, bool suspended);
  uint64_t replayed() const { return replayed_before_ + replays_->done(); }
  certificate::VerifierIdentity identity() const { return {std::string(kVersion), evidence_}; }
  Result<std::string> certificate(const Bytes& model) const;
  std::string sentence(const Deviation& deviation) const;
  Status add_deviation(const Deviation& deviation, certificate::RejectionClaim& claim);

  const Host& host_;
  const RunOptions options_;
  std::string job_text_;
  crypto::Digest job_digest_{};
  uint32_t life_ = 1;
  std::optional<CheckpointFile> file_;  // to go on from
  std::optional<Checkpoint> saved_;     // what is in it
  bool same_life_ = false;
  std::unique_ptr<crypto::SigningKey> key_;
  std::string evidence_;
  bool simulated_ = true;
  std::vector<std::string> grants_;  // of this run's lives; the last one is this life's
  std::unique_ptr<training::Training> training_;
  std::unique_ptr<data::RecordSource> records_;
  std::unique_ptr<Intake> intake_;
  std::unique_ptr<ReplayQueue> replays_;
  uint64_t replayed_before_ = 0;  // by earlier lives
  std::unique_ptr<protocol::Transcript> transcript_;
  std::string transcript_lines_;
  std::optional<Checkpoint> pending_;  // until every replay before it is done
  uint64_t pending_index_ = 0;
  double checkpointed_at_ = 0;
  double checkpoint_cost_ = 0;  // seconds that the latest one took, its copy included
  training::RunningStatistics statistics_;
};

}  // namespace ginn::verifier
