#pragma once

#include "attest/verify/hardware/context.h"

namespace ginn::attest::verify {

// Whether bytes have the length and the version of an SEV-SNP report: cheap, and no promise that
// they parse.
bool looks_like_snp_report(ByteView evidence);

// AMD SEV-SNP reports. Collateral: `chain` (VCEK, ASK, ARK or VLEK, ASVK, ARK).
//
// Checks, in this order: "certificate chain" (verify_chain's codes, "collateral_missing"),
// "certificate validity", "report signature" ("signature_invalid"), "signing key's certificate"
// (parse_snp_key's), "signing key" ("vek_mismatch": a VLEK's certificate for a report signed by a
// VCEK, or the reverse), "product" ("product_mismatch": CPU, certificate and root disagree), "chip"
// ("hwid_mismatch"), "TCB" ("tcb_mismatch", "snp_tcb_reserved"), "debug" ("debug_enabled").
//
// Errors: parse_snp_report's, "bad_certificate".
Result<EvidenceVerdict> check_snp_report(ByteView evidence, const CheckContext& context);

}  // namespace ginn::attest::verify
