#pragma once

#include "attest/verify/hardware/context.h"

namespace ginn::attest::verify {

// Whether bytes start as a TPM's attestation does: cheap, and no promise that they parse.
bool looks_like_tpm_quote(ByteView evidence);

// TPM 2.0 quotes by themselves, of class "no memory isolation". Collateral: `tpm_signature`,
// `tpm_pcrs`, and the attestation key as `ak_public` or as the first certificate of `chain`. There
// is no root for TPMs here: an attestation key given by itself is trusted because the caller names
// it, and a `chain` is refused with "root_not_pinned".
//
// Checks, in this order: "attestation key" ("collateral_missing"), with a `chain` also "certificate
// chain" (verify_chain's codes), "certificate validity" and "attestation key's certificate"
// ("ak_mismatch"), then "quote signature" ("signature_invalid"), "PCR values" ("pcr_mismatch",
// selected_pcr_digest's codes).
//
// Errors: parse_tpm_quote's, parse_tpm_signature's, "bad_certificate", "bad_key".
Result<EvidenceVerdict> check_tpm_quote(ByteView evidence, const CheckContext& context);

// Azure's confidential machines: hardware evidence -> SHA-256 of the HCL report's JSON -> HCLAkPub
// -> the vTPM's quote -> PCR values. `evidence` is the SNP report (kAzureSnp) or the TDX quote
// (kAzureTdx), which is checked in full with its own collateral. Collateral besides that:
// `hcl_report`, `tpm_quote`, `tpm_signature`, `tpm_pcrs`; `ak_public`, if it is given, must be
// HCLAkPub. The caller's nonce is the quote's extraData (field "tpm_extra_data"), not report data.
//
// Checks: the hardware's, then "HCL report" ("collateral_missing", "hcl_hardware_mismatch": it is
// not about this hardware evidence), "HCL binding" ("hcl_binding_mismatch": report data is not the
// JSON's SHA-256 and 32 zero bytes), "attestation key" ("ak_mismatch"), "vTPM quote"
// ("tpm_signature_invalid"), "PCR values" ("pcr_mismatch", selected_pcr_digest's codes).
//
// Errors: those of the hardware's evidence, parse_hcl_report's, hcl_attestation_key's,
// "tdreport_form", parse_tpm_quote's, parse_tpm_signature's, "bad_key".
Result<EvidenceVerdict> check_azure_vtpm(EvidenceKind kind,
                                         ByteView evidence,
                                         const CheckContext& context);

}  // namespace ginn::attest::verify
