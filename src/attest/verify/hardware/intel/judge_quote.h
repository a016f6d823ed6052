#pragma once

#include "attest/verify/hardware/intel/intel_certificates.h"

namespace ginn::attest::verify {

// Checks of identity (is this collateral of this platform?), then of policy, after chains and
// signatures; `trust` says which parts may be believed. Fills tcb_status and advisories.
void judge_quote(const IntelParts& parts,
                 const IntelTrust& trust,
                 const Policy& policy,
                 EvidenceVerdict& verdict,
                 CheckList& checks);

}  // namespace ginn::attest::verify
