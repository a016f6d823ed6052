#pragma once

#include "attest/verify/hardware/context.h"

namespace ginn::attest::verify {

// Whether bytes start as a recorded SPDM 1.1 GET_MEASUREMENTS does: cheap, and no promise that they
// parse.
bool looks_like_nvidia_measurements(ByteView evidence);

// SPDM measurements of an NVIDIA GPU or switch: recorded to say which device worked, and not
// trusted. Whether the measured firmware is good needs NVIDIA's reference manifests, which are not
// read here, and revocation needs their lists. Collateral: `chain` (the device's, NVIDIA's root
// last). Report data is the request's nonce; the measurement is ours: SHA-384 over all measurement
// values in the order of their indices.
//
// Checks, in this order: "certificate chain" (verify_chain's codes, "collateral_missing"),
// "certificate validity", "measurements signature" ("signature_invalid").
//
// Errors: parse_spdm_measurements', "bad_certificate".
Result<EvidenceVerdict> check_nvidia_measurements(ByteView evidence, const CheckContext& context);

}  // namespace ginn::attest::verify
