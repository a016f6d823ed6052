#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/thread_pool.h"
#include "certificate/check/bundle.h"
#include "certificate/check/statement.h"
#include "data/dataset.h"
#include "protocol/transcript.h"
#include "training/training.h"

namespace ginn::audit {

// The contribution of a signed rejection, computed again.
struct RejectionAudit {
  uint64_t step = 0;
  uint32_t microbatch = 0;
  crypto::Digest received{}, expected{};  // as the rejection says
  crypto::Digest computed{};              // as the records and weights give
  // The worker's contribution is not what its records and weights give, as the verifier said.
  bool confirmed() const { return computed == expected && computed != received; }
};

// `bundle`: of the run's folder, checked by the caller (certificate::check_bundle); `evidence`: the
// bytes of rejection-evidence.safetensors. Uses nothing else: the records are in it, and are held
// against the root of the job's data. That the weights are the run's, the verifier's signature
// says. Codes: statement_payload's, parse_rejection_statement's, job::parse's, parse_safetensors's,
// "audit_not_a_deviation" (nothing to compute again), "audit_evidence" (another file than the one
// signed, a tensor missing or of another shape, records that are not those of the microbatch or not
// in the data), "audit_no_records" (the verifier could not put them in), Training::contribution's.
Result<RejectionAudit> audit_rejection(const certificate::Bundle& bundle,
                                       ByteView evidence,
                                       device::Level level);

// Steps [from, to) of an accepted run.
struct Stretch {
  uint64_t from = 0, to = 0;

  bool operator==(const Stretch&) const = default;
};
struct ComputedStretch {
  uint64_t states = 0;  // of the transcript that were compared, all equal
  bool model = false;   // the model's bytes, too: it is the run's last stretch
};

// An accepted run, computed again from the auditor's records in stretches, each from the start or
// from a kept state (worker/kept_state.h) that is the transcript's.
class RunAudit {
 public:
  // `bundle`: of the run's folder, checked by the caller; `records` must outlive this; `weights`:
  // for a job that starts from a file, otherwise it may be null. Codes: as above, "audit_data" (not
  // the job's records), "audit_weights" (a file is needed), replay_transcript's,
  // Training::create's.
  static Result<std::unique_ptr<RunAudit>> create(const certificate::Bundle& bundle,
                                                  const data::RecordSource& records,
                                                  const training::WeightsReader& weights,
                                                  device::Level level);
  const training::Training& training() const { return *training_; }
  // Of the transcript's states, ascending; the last one is the job's number of steps.
  const std::vector<protocol::TranscriptEntry>& entries() const { return entries_; }

  // Whether a stretch can be judged: it ends at a state of the transcript, and begins at one or at
  // 0. Code "audit_steps".
  Status check(const Stretch& stretch) const;
  // Trains `stretch` again, which must pass check(); compares every state of the transcript on the
  // way, and at the run's end the model's digest. `kept`: the file of the state that it begins
  // with, not read for the start. Codes: "audit_kept_state" (not the transcript's),
  // read_kept_state's, "audit_state" (naming the steps: since the state before, the run is not the
  // job's), "audit_model", worker::train's. `progress` is told of every step done; its error ends
  // the audit.
  Result<ComputedStretch> compute(const Stretch& stretch,
                                  ByteView kept,
                                  ThreadPool& pool,
                                  const std::function<Status()>& progress) const;

 private:
  RunAudit(certificate::CertificateStatement statement, const data::RecordSource& records)
      : statement_(std::move(statement)), records_(records) {}
  Result<std::unique_ptr<training::State>> begin(uint64_t step, ByteView kept) const;
  Status check_model(const training::State& state, ThreadPool& pool) const;

  const certificate::CertificateStatement statement_;
  const data::RecordSource& records_;
  std::unique_ptr<training::Training> training_;
  std::vector<protocol::TranscriptEntry> entries_;
};

// The run cut at the kept states that its transcript has: what it can be computed again in, from
// each of them on its own. `kept`: steps, in any order.
std::vector<Stretch> stretches_between(const RunAudit& audit, std::vector<uint64_t> kept);

}  // namespace ginn::audit
