#pragma once

#include "attest/verify/hardware/context.h"

namespace ginn::attest::verify {

// Whether bytes start as COSE_Sign1 with ES384 does: cheap, and no promise that they parse.
bool looks_like_nitro_document(ByteView evidence);

// AWS Nitro Enclaves attestation documents, which bring their certificates along. Leaf certificates
// live for three hours: judge a document at the time it was made.
//
// Checks, in this order: "certificate chain" (verify_chain's codes), "certificate validity",
// "document time" ("not_yet_valid": made after the time of the check), "document signature"
// ("signature_invalid"), "debug" ("debug_enabled": PCR0, PCR1 or PCR2 is all zeros).
//
// Errors: parse_nitro_document's, "bad_certificate".
Result<EvidenceVerdict> check_nitro_document(ByteView evidence, const CheckContext& context);

}  // namespace ginn::attest::verify
