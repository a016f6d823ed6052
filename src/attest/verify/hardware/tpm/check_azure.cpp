#include <algorithm>

#include "attest/verify/hardware/amd/check_report.h"
#include "attest/verify/hardware/intel/check_quote.h"
#include "attest/verify/hardware/tpm/check_quote.h"
#include "attest/verify/hardware/tpm/hcl_report.h"
#include "attest/verify/hardware/tpm/quote_checks.h"
#include "base/text.h"
#include "crypto/sha256.h"

namespace ginn::attest::verify {
namespace {

constexpr std::string_view kBindingChecks[] = {
    "HCL binding", "attestation key", "vTPM quote", "PCR values"};

// Whether the HCL report is about this hardware evidence: the same SNP report, or a TDREPORT whose
// report data and MRTD the quote repeats.
Result<Status> same_hardware(const HclReport& hcl,
                             EvidenceKind kind,
                             ByteView evidence,
                             const EvidenceVerdict& hardware) {
  const bool is_snp = hcl.hardware == HclHardware::kSnp;
  if (is_snp != (kind == EvidenceKind::kAzureSnp)) {
    return Status(refused("hcl_hardware_mismatch",
                          concat("the HCL report is of ",
                                 is_snp ? "SEV-SNP" : "TDX",
                                 ", the evidence of kind ",
                                 kind_name(kind))));
  }
  bool same = false;
  if (is_snp) {
    same = std::equal(
        hcl.hardware_report.begin(), hcl.hardware_report.end(), evidence.begin(), evidence.end());
  } else {
    GINN_ASSIGN(const TdReportSummary report, parse_tdreport_struct(hcl.hardware_report));
    same = std::equal(report.report_data.begin(),
                      report.report_data.end(),
                      hardware.report_data.begin(),
                      hardware.report_data.end()) &&
           std::equal(report.mrtd.begin(),
                      report.mrtd.end(),
                      hardware.measurement.begin(),
                      hardware.measurement.end());
  }
  if (same) return ok_status();
  return Status(
      refused("hcl_hardware_mismatch",
              "the HCL report holds a hardware report that this evidence does not repeat"));
}

Status check_binding(const HclReport& hcl, const EvidenceVerdict& hardware) {
  std::array<uint8_t, 64> expected{};
  const crypto::Digest digest = crypto::sha256(as_bytes(hcl.json));
  std::copy(digest.begin(), digest.end(), expected.begin());
  if (std::equal(expected.begin(),
                 expected.end(),
                 hardware.report_data.begin(),
                 hardware.report_data.end())) {
    return ok_status();
  }
  return refused("hcl_binding_mismatch",
                 concat("report data is ",
                        to_hex(hardware.report_data),
                        "; expected ",
                        to_hex(expected),
                        ", SHA-256 of the JSON and zeros"));
}

Status add_attestation_key_check(const VerifyKey& key,
                                 const Collateral& collateral,
                                 CheckList& checks) {
  if (!collateral.ak_public) {
    checks.add("attestation key", ok_status(), "HCLAkPub of the JSON");
    return ok_status();
  }
  GINN_ASSIGN(const VerifyKey given, VerifyKey::from_spki(*collateral.ak_public));
  checks.add("attestation key",
             given == key,
             "ak_mismatch",
             "HCLAkPub of the JSON and the attestation key given");
  return ok_status();
}

Status add_quote_checks(const VerifyKey& key,
                        const Collateral& collateral,
                        CheckList& checks,
                        EvidenceVerdict& verdict) {
  if (!collateral.tpm_quote) {
    checks.add("vTPM quote", missing_part("quote of the vTPM (tpm_quote.msg)"));
    checks.not_made("PCR values", "there is no quote");
    return ok_status();
  }
  GINN_ASSIGN(const TpmQuote quote, parse_tpm_quote(*collateral.tpm_quote));
  add_quote_fields(quote, "tpm_", verdict);
  GINN_TRY(add_signature_check(
      "vTPM quote", "tpm_signature_invalid", key, *collateral.tpm_quote, collateral, checks));
  add_pcr_check(quote, collateral, checks);
  return ok_status();
}

Status add_vtpm_checks(EvidenceKind kind,
                       ByteView evidence,
                       const Collateral& collateral,
                       CheckList& checks,
                       EvidenceVerdict& verdict) {
  if (!collateral.hcl_report) {
    checks.add("HCL report", missing_part("report of the paravisor (hcl_report.bin)"));
    for (const std::string_view name : kBindingChecks) {
      checks.not_made(name, "there is no HCL report");
    }
    return ok_status();
  }
  GINN_ASSIGN(const HclReport hcl, parse_hcl_report(*collateral.hcl_report));
  GINN_ASSIGN(const VerifyKey key, hcl_attestation_key(hcl.json));
  GINN_ASSIGN(const Status hardware, same_hardware(hcl, kind, evidence, verdict));
  checks.add("HCL report", hardware, "it holds this hardware evidence");
  checks.add("HCL binding", check_binding(hcl, verdict), "report data is SHA-256 of the JSON");
  GINN_TRY(add_attestation_key_check(key, collateral, checks));
  return add_quote_checks(key, collateral, checks, verdict);
}

}  // namespace

Result<EvidenceVerdict> check_azure_vtpm(EvidenceKind kind,
                                         ByteView evidence,
                                         const CheckContext& context) {
  GINN_CHECK(kind == EvidenceKind::kAzureSnp || kind == EvidenceKind::kAzureTdx);
  GINN_ASSIGN(EvidenceVerdict verdict,
              kind == EvidenceKind::kAzureSnp ? check_snp_report(evidence, context)
                                              : check_intel_quote(evidence, context));
  CheckList checks(verdict);
  const bool right_tee = kind == EvidenceKind::kAzureSnp ? verdict.kind == EvidenceKind::kSnp
                                                         : verdict.kind == EvidenceKind::kTdx;
  verdict.kind = kind;
  verdict.isolation = isolation_of(kind);
  if (!right_tee) {
    checks.add("hardware", refused("evidence_kind", "the hardware's evidence is of another TEE"));
  }
  GINN_TRY(add_vtpm_checks(kind, evidence, context.collateral, checks, verdict));
  checks.conclude();
  return verdict;
}

}  // namespace ginn::attest::verify
