#include "tests/evidence/recorded.h"

#include "attest/verify/hardware/amd/check_report.h"
#include "attest/verify/hardware/aws/check_document.h"
#include "attest/verify/hardware/certificates.h"
#include "attest/verify/hardware/intel/check_quote.h"
#include "attest/verify/hardware/nvidia/check_measurements.h"
#include "attest/verify/hardware/tpm/check_quote.h"
#include "base/check.h"
#include "tests/support/recorded_evidence.h"
#include "tests/support/test_authority.h"

namespace ginn::test {
namespace {

using attest::verify::EvidenceKind;

constexpr attest::verify::UnixSeconds kAnyTime = 1750000000;  // where nothing is dated

std::string text_of(const crypto::Json& entry, std::string_view key) {
  const crypto::Json* value = entry.find(key);
  return value != nullptr && value->as_string() != nullptr ? *value->as_string() : "";
}

// Certificates of several files, DER or PEM, as one PEM chain.
Bytes joined_chain(const std::vector<std::string>& names) {
  std::string pem;
  for (const std::string& name : names) {
    const auto chain = attest::verify::parse_chain(recorded_evidence(name));
    GINN_CHECK(chain.ok());
    for (const auto& certificate : *chain) pem += certificate_pem(certificate.der());
  }
  const ByteView bytes = as_bytes(pem);
  return Bytes(bytes.begin(), bytes.end());
}

void read_vtpm(const std::string& folder, attest::verify::Collateral& collateral) {
  collateral.hcl_report = recorded_evidence(folder + "/hcl_report.bin");
  collateral.tpm_quote = recorded_evidence(folder + "/tpm_quote.msg");
  collateral.tpm_signature = recorded_evidence(folder + "/tpm_quote.sig");
  collateral.tpm_pcrs = recorded_evidence(folder + "/pcrs_sha256.bin");
  collateral.ak_public = recorded_evidence(folder + "/ak_pub.pem");
}

void read_intel(const std::string& folder, attest::verify::Collateral& collateral) {
  collateral.tcb_info = recorded_evidence(folder + "/tcb_info.json");
  collateral.tcb_info_issuer_chain = recorded_evidence(folder + "/tcb_info_issuer_chain.pem");
  collateral.qe_identity = recorded_evidence(folder + "/qe_identity.json");
  collateral.qe_identity_issuer_chain = recorded_evidence(folder + "/qe_identity_issuer_chain.pem");
  collateral.pck_crl = recorded_evidence(folder + "/pck_crl.der");
  collateral.pck_crl_issuer_chain = recorded_evidence(folder + "/pck_crl_issuer_chain.pem");
  collateral.root_ca_crl = recorded_evidence(folder + "/root_ca_crl.der");
}

void read_collateral(RecordedCase& one) {
  const std::string vek = text_of(one.entry, "vek"), certs = text_of(one.entry, "certs");
  if (!vek.empty()) {
    one.collateral.chain =
        joined_chain({vek, text_of(one.entry, "ask"), text_of(one.entry, "ark")});
  }
  if (!certs.empty()) one.collateral.chain = recorded_evidence(certs);
  if (one.type == "tpm2-quote") {
    one.collateral.tpm_signature = recorded_evidence(text_of(one.entry, "signature"));
    one.collateral.ak_public = recorded_evidence(text_of(one.entry, "ak"));
    one.collateral.tpm_pcrs = recorded_evidence(text_of(*one.entry.find("fields"), "pcrs"));
  }
  if (const crypto::Json* tpm = one.entry.find("tpm")) {
    read_vtpm(text_of(*tpm, "dir"), one.collateral);
  }
  const std::string intel = text_of(one.entry, "collateral");
  if (!intel.empty()) read_intel(intel, one.collateral);
}

}  // namespace

Result<attest::verify::EvidenceVerdict> RecordedCase::check(
    ByteView changed,
    const attest::verify::Collateral& with,
    attest::verify::UnixSeconds when) const {
  const attest::verify::Policy policy;
  const attest::verify::CheckContext context{with, attest::verify::pinned_roots(), policy, when};
  if (type.starts_with("tdx") || type.starts_with("sgx")) {
    return check_intel_quote(changed, context);
  }
  if (type == "snp-report") return check_snp_report(changed, context);
  if (type == "nitro-cose-sign1") return check_nitro_document(changed, context);
  if (type == "tpm2-quote") return check_tpm_quote(changed, context);
  if (type == "nvidia-spdm-measurements") return check_nvidia_measurements(changed, context);
  return check_azure_vtpm(
      type == "azure-snp-vtpm" ? EvidenceKind::kAzureSnp : EvidenceKind::kAzureTdx,
      changed,
      context);
}

bool RecordedCase::allows(const std::string& code) const {
  if (code == text_of(entry, "expected")) return true;
  for (const crypto::Json& reason : *entry.find("reasons")->as_array()) {
    if (*reason.as_string() == code) return true;
  }
  return false;
}

namespace {

bool is_intel(std::string_view type) { return type.starts_with("tdx") || type.starts_with("sgx"); }

std::vector<RecordedCase> cases_of(bool intel) {
  const auto document = crypto::parse_json(as_text(recorded_evidence("vectors.json")));
  GINN_CHECK(document.ok());
  std::vector<RecordedCase> cases;
  for (const crypto::Json& entry : *document->find("vectors")->as_array()) {
    RecordedCase one;
    one.type = text_of(entry, "type");
    if (is_intel(one.type) != intel) continue;
    one.id = text_of(entry, "id");
    one.entry = entry;
    one.evidence = recorded_evidence(text_of(entry, "file"));
    const std::string at = text_of(entry, "valid_at");
    one.at = at.empty() ? kAnyTime : attest::verify::parse_utc_time(at).value();
    read_collateral(one);
    cases.push_back(std::move(one));
  }
  return cases;
}

}  // namespace

std::vector<RecordedCase> recorded_cases() { return cases_of(false); }
std::vector<RecordedCase> intel_cases() { return cases_of(true); }

RecordedCase recorded_case(std::string_view id) {
  for (RecordedCase& one : recorded_cases()) {
    if (one.id == id) return std::move(one);
  }
  GINN_CHECK(false && "no such case");
  std::abort();
}

}  // namespace ginn::test
