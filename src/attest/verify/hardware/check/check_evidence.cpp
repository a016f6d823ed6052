#include "attest/verify/hardware/check/check_evidence.h"

#include "attest/verify/hardware/amd/check_report.h"
#include "attest/verify/hardware/aws/check_document.h"
#include "attest/verify/hardware/intel/check_quote.h"
#include "attest/verify/hardware/nvidia/check_measurements.h"
#include "attest/verify/hardware/tpm/check_quote.h"
#include "base/text.h"

namespace ginn::attest::verify {
namespace {

Result<EvidenceVerdict> check_as(EvidenceKind kind,
                                 ByteView evidence,
                                 const CheckContext& context) {
  switch (kind) {
    case EvidenceKind::kSgx:
    case EvidenceKind::kTdx:
      return check_intel_quote(evidence, context);
    case EvidenceKind::kSnp:
      return check_snp_report(evidence, context);
    case EvidenceKind::kNitro:
      return check_nitro_document(evidence, context);
    case EvidenceKind::kTpm:
      return check_tpm_quote(evidence, context);
    case EvidenceKind::kAzureSnp:
    case EvidenceKind::kAzureTdx:
      return check_azure_vtpm(kind, evidence, context);
    case EvidenceKind::kNvidia:
      return check_nvidia_measurements(evidence, context);
  }
  return input_error("evidence_unknown", "no verifier for this kind of evidence");
}

// The kind of the hardware's evidence by itself.
std::optional<EvidenceKind> form_of(ByteView evidence) {
  if (looks_like_sgx_quote(evidence)) return EvidenceKind::kSgx;
  if (looks_like_tdx_quote(evidence)) return EvidenceKind::kTdx;
  if (looks_like_snp_report(evidence)) return EvidenceKind::kSnp;
  if (looks_like_nitro_document(evidence)) return EvidenceKind::kNitro;
  if (looks_like_tpm_quote(evidence)) return EvidenceKind::kTpm;
  if (looks_like_nvidia_measurements(evidence)) return EvidenceKind::kNvidia;
  return std::nullopt;
}

EvidenceKind bare_kind(EvidenceKind kind) {
  if (kind == EvidenceKind::kAzureSnp) return EvidenceKind::kSnp;
  return kind == EvidenceKind::kAzureTdx ? EvidenceKind::kTdx : kind;
}

EvidenceVerdict another_kind(EvidenceKind claimed, EvidenceKind found) {
  EvidenceVerdict verdict;
  verdict.kind = found;
  verdict.isolation = isolation_of(found);
  CheckList checks(verdict);
  checks.add("kind",
             false,
             "evidence_kind",
             concat("claimed to be ", kind_name(claimed), "; its form is ", kind_name(found)));
  checks.conclude();
  return verdict;
}

}  // namespace

Result<EvidenceKind> detect_kind(ByteView evidence, const Collateral& collateral) {
  const std::optional<EvidenceKind> form = form_of(evidence);
  if (!form) {
    return input_error("evidence_unknown",
                       concat("evidence of ",
                              evidence.size(),
                              " bytes has the form of no known kind: no Intel quote, SNP report, "
                              "Nitro document, TPM quote or SPDM measurements"));
  }
  if (!collateral.hcl_report) return *form;
  if (*form == EvidenceKind::kSnp) return EvidenceKind::kAzureSnp;
  if (*form == EvidenceKind::kTdx) return EvidenceKind::kAzureTdx;
  return *form;
}

Result<EvidenceVerdict> check_evidence(ByteView evidence,
                                       std::optional<EvidenceKind> claimed,
                                       const CheckContext& context) {
  if (evidence.size() > kMaxQuoteBytes) {
    return input_error("evidence_too_large",
                       concat("evidence of ", evidence.size(), " bytes; at most ", kMaxQuoteBytes));
  }
  GINN_ASSIGN(const EvidenceKind found, detect_kind(evidence, context.collateral));
  // Whoever claims the hardware's own kind, or Azure's around it, gets that kind's checks: each
  // needs what it needs.
  if (claimed && bare_kind(*claimed) != bare_kind(found)) return another_kind(*claimed, found);
  return check_as(claimed.value_or(found), evidence, context);
}

}  // namespace ginn::attest::verify
