#pragma once

#include <optional>

#include "attest/verify/hardware/context.h"

namespace ginn::attest::verify {

// Which kind the bytes have the form of; Azure's, when the collateral brings a report around the
// hardware's. Code "evidence_unknown".
Result<EvidenceKind> detect_kind(ByteView evidence, const Collateral& collateral);

// Parses, verifies and judges one piece of evidence, offline. With `claimed`, evidence of another
// kind is refused with "evidence_kind". Errors as context.h says, and "evidence_unknown",
// "evidence_too_large".
Result<EvidenceVerdict> check_evidence(ByteView evidence,
                                       std::optional<EvidenceKind> claimed,
                                       const CheckContext& context);

}  // namespace ginn::attest::verify
