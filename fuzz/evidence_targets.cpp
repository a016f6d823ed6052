#include "fuzz/evidence_targets.h"

#include <algorithm>

#include "attest/verify/document.h"
#include "attest/verify/hardware/amd/snp_key.h"
#include "attest/verify/hardware/amd/snp_report.h"
#include "attest/verify/hardware/aws/nitro_document.h"
#include "attest/verify/hardware/certificates.h"
#include "attest/verify/hardware/intel/quote.h"
#include "attest/verify/hardware/intel/sgx_extension.h"
#include "attest/verify/hardware/intel/tcb_info.h"
#include "attest/verify/hardware/nvidia/spdm.h"
#include "attest/verify/hardware/tpm/hcl_report.h"
#include "attest/verify/hardware/tpm/tpm_quote.h"
#include "base/check.h"
#include "certificate/check/bundle.h"
#include "fuzz/evidence_seeds.h"
#include "import/toml_policy.h"

namespace ginn::fuzz {
namespace {

using namespace attest::verify;

bool run_snp_report(ByteView input) {
  const auto report = parse_snp_report(input);
  if (!report.ok()) return false;
  GINN_CHECK(input.size() == kSnpReportBytes && report->vmpl <= 3);
  GINN_CHECK(report->product.has_value() == (report->version >= 3));
  for (const auto product : {SnpProduct::kMilan, SnpProduct::kTurin}) {
    (void)decode_tcb(product, report->reported_tcb).ok();
  }
  return true;
}

bool run_nitro_document(ByteView input) {
  const auto document = parse_nitro_document(input);
  if (!document.ok()) return false;
  GINN_CHECK(document->pcrs.size() <= kNitroPcrMax + 1 && !document->certificate.empty());
  GINN_CHECK(document->cabundle.size() <= kNitroBundleMax);
  (void)document->debug();
  return true;
}

bool run_tpm_quote(ByteView input) {
  const auto quote = parse_tpm_quote(input);
  if (!quote.ok()) return false;
  static const Bytes values(kTpmPcrCount * 32);
  (void)selected_pcr_digest(*quote, values).ok();
  return true;
}

bool run_tpm_signature(ByteView input) {
  const auto signature = parse_tpm_signature(input);
  if (!signature.ok()) return false;
  GINN_CHECK(signature->signature.size() >= 64 && signature->signature.size() <= 512);
  return true;
}

bool run_hcl_report(ByteView input) {
  const auto report = parse_hcl_report(input);
  if (!report.ok()) return false;
  (void)hcl_attestation_key(report->json).ok();
  (void)parse_tdreport_struct(report->hardware_report).ok();
  return true;
}

bool run_spdm(ByteView input) {
  const auto evidence = parse_spdm_measurements(input);
  if (!evidence.ok()) return false;
  GINN_CHECK(evidence->signed_bytes.size() + 96 + evidence->trailing_bytes == input.size());
  return true;
}

// The certificates' extensions, too.
bool run_certificate_chain(ByteView input) {
  const auto chain = parse_chain(input);
  if (!chain.ok()) return false;
  GINN_CHECK(!chain->empty() && chain->size() <= kMaxCertificates);
  for (const Certificate& certificate : *chain) {
    (void)certificate.subject();
    (void)certificate.public_key().ok();
    (void)parse_snp_key(certificate).ok();
    (void)parse_sgx_extension(certificate).ok();
  }
  return true;
}

bool run_revocation_list(ByteView input) { return RevocationList::from_der(input).ok(); }

bool run_intel_quote(ByteView input) {
  const auto quote = parse_quote(input);
  if (!quote.ok()) return false;
  GINN_CHECK(quote->signed_bytes.size() < input.size() && quote->trailing_bytes < input.size());
  return true;
}

bool run_tcb_info(ByteView input) { return parse_tcb_info(input).ok(); }
bool run_qe_identity(ByteView input) { return parse_qe_identity(input).ok(); }

// What is accepted is canonical: written again it is the same.
bool run_evidence_document(ByteView input) {
  const auto document = parse_evidence_document(as_text(input));
  if (!document.ok()) return false;
  GINN_CHECK(evidence_document(*document) == as_text(input));
  return true;
}

bool run_collateral_document(ByteView input) {
  const auto collateral = parse_collateral_document(as_text(input));
  if (!collateral.ok()) return false;
  GINN_CHECK(collateral_document(*collateral) == as_text(input));
  return true;
}

bool run_bundle(ByteView input) {
  const auto bundle = certificate::parse_bundle(input);
  if (!bundle.ok()) return false;
  GINN_CHECK(bundle->files.size() <= 5);
  return true;
}

// Not a hostile file, but one that people write by hand: no fault in it may crash.
bool run_policy_file(ByteView input) {
  return import::parse_policy_file(as_text(input), "policy.toml").ok();
}

constexpr Target kTargets[] = {
    {"evidence_document", run_evidence_document, seeds_evidence_document},
    {"collateral_document", run_collateral_document, seeds_collateral_document},
    {"bundle", run_bundle, seeds_bundle},
    {"policy_file", run_policy_file, seeds_policy_file},
    {"snp_report", run_snp_report, seeds_snp_report},
    {"nitro_document", run_nitro_document, seeds_nitro_document},
    {"tpm_quote", run_tpm_quote, seeds_tpm_quote},
    {"tpm_signature", run_tpm_signature, seeds_tpm_signature},
    {"hcl_report", run_hcl_report, seeds_hcl_report},
    {"spdm", run_spdm, seeds_spdm},
    {"certificate_chain", run_certificate_chain, seeds_certificate_chain},
    {"revocation_list", run_revocation_list, seeds_revocation_list},
    {"intel_quote", run_intel_quote, seeds_intel_quote},
    {"tcb_info", run_tcb_info, seeds_tcb_info},
    {"qe_identity", run_qe_identity, seeds_qe_identity},
};

}  // namespace

std::span<const Target> evidence_targets() { return kTargets; }

}  // namespace ginn::fuzz
