#pragma once

#include <functional>

#include "base/thread_pool.h"
#include "certificate/check/bundle.h"
#include "data/dataset.h"
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

struct RunAudit {
  uint64_t steps = 0;   // computed again
  uint64_t states = 0;  // of the transcript that were compared, all equal
  bool model = false;   // the model's bytes, too: every step was computed
};

// Trains the certificate's job again from the records, up to `steps`, and compares every state of
// the transcript on the way, and in the end the model's digest. Codes: as above, "audit_data" (not
// the job's records), "audit_steps" (more than the job has), "audit_state" (naming the step:
// somewhere since the state before it the run is not the job's), "audit_model", worker::train's.
// `progress` is told each step done; its error ends the audit.
Result<RunAudit> audit_run(const certificate::Bundle& bundle,
                           const data::RecordSource& records,
                           uint64_t steps,
                           device::Level level,
                           ThreadPool& pool,
                           const std::function<Status(uint64_t done)>& progress);

}  // namespace ginn::audit
