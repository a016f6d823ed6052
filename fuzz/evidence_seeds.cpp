#include "fuzz/evidence_seeds.h"

#include <string>

#include "attest/verify/document.h"
#include "base/text.h"
#include "certificate/check/bundle.h"
#include "import/toml_policy.h"
#include "tests/support/evidence_samples.h"
#include "tests/support/recorded_evidence.h"
#include "tests/support/test_authority.h"

namespace ginn::fuzz {
namespace {

Bytes bytes_of(std::string_view text) {
  const ByteView view = as_bytes(text);
  return Bytes(view.begin(), view.end());
}

std::vector<Bytes> with_recorded(std::vector<Bytes> seeds,
                                 std::initializer_list<std::string_view> names) {
  if (!test::has_recorded_evidence()) return seeds;
  for (const std::string_view name : names) seeds.push_back(test::recorded_evidence(name));
  return seeds;
}

// The same keys in every process would not matter: only their form is looked at.
Bytes made_up_certificate() {
  const test::TestKey key = test::TestKey::p256();
  const test::CertificateSpec spec = {.subject = "SEV-VCEK",
                                      .issuer = "Test",
                                      .key_usage = "digitalSignature",
                                      .extensions = {{"1.3.6.1.4.1.3704.1.3.1", {2, 1, 4}}},
                                      .signature = test::CertificateSignature::kEcdsaSha256};
  return test::make_certificate(spec, key, key);
}

// An SGX quote of version 3 whose certificates are three letters.
Bytes made_up_quote() {
  ByteWriter quote;
  quote.u16(3);
  quote.u16(2);
  quote.bytes(Bytes(8));
  quote.bytes(*from_hex("939a7233f79c4ca9940a0db3957f0607"));
  quote.bytes(Bytes(20));
  quote.bytes(Bytes(384));
  constexpr std::string_view kPem = "PEM";
  quote.u32(64 + 64 + 384 + 64 + 2 + 2 + 4 + kPem.size());
  quote.bytes(Bytes(64 + 64 + 384 + 64));
  quote.u16(0);
  quote.u16(5);
  quote.u32(kPem.size());
  quote.text(kPem);
  return quote.finish();
}

std::string svns() {
  std::string list;
  for (int i = 0; i < 16; ++i) list += i == 0 ? "{\"svn\":1}" : ",{\"svn\":0}";
  return "[" + list + "]";
}

std::string signed_member(std::string_view member, std::string_view value) {
  return concat("{\"", member, "\":", value, ",\"signature\":\"", std::string(128, '1'), "\"}");
}

std::string made_up_tcb_info() {
  return signed_member(
      "tcbInfo",
      "{\"id\":\"SGX\",\"version\":3,\"issueDate\":\"2025-06-19T10:32:27Z\",\"nextUpdate\":"
      "\"2025-07-19T10:32:27Z\",\"fmspc\":\"00A067110000\",\"pceId\":\"0000\",\"tcbType\":0,"
      "\"tcbEvaluationDataNumber\":17,\"tcbLevels\":[{\"tcb\":{\"sgxtcbcomponents\":" +
          svns() +
          ",\"pcesvn\":11},\"tcbDate\":\"2023-08-09T00:00:00Z\",\"tcbStatus\":\"UpToDate\"}]}");
}

std::string made_up_qe_identity() {
  return signed_member(
      "enclaveIdentity",
      concat("{\"id\":\"QE\",\"version\":2,\"issueDate\":\"2025-06-19T10:32:27Z\",\"nextUpdate\":"
             "\"2025-07-19T10:32:27Z\",\"tcbEvaluationDataNumber\":17,\"miscselect\":\"00000000\","
             "\"miscselectMask\":\"FFFFFFFF\",\"attributes\":\"",
             std::string(32, '0'),
             "\",\"attributesMask\":\"",
             std::string(32, 'F'),
             "\",\"mrsigner\":\"",
             std::string(64, 'A'),
             "\",\"isvprodid\":1,\"tcbLevels\":[{\"tcb\":{\"isvsvn\":8},\"tcbDate\":"
             "\"2023-08-09T00:00:00Z\",\"tcbStatus\":\"UpToDate\"}]}"));
}

}  // namespace

std::vector<Bytes> seeds_evidence_document() {
  using attest::verify::EvidenceKind;
  return {bytes_of(attest::verify::evidence_document({EvidenceKind::kTdx, made_up_quote()})),
          bytes_of(attest::verify::evidence_document(
              {EvidenceKind::kSnp, test::sample_snp_report(3, false)}))};
}

std::vector<Bytes> seeds_collateral_document() {
  attest::verify::Collateral collateral;
  collateral.tcb_info = bytes_of(made_up_tcb_info());
  collateral.qe_identity = bytes_of(made_up_qe_identity());
  collateral.chain = made_up_certificate();
  return {bytes_of(attest::verify::collateral_document(collateral)),
          bytes_of(attest::verify::collateral_document({}))};
}

std::vector<Bytes> seeds_bundle() {
  return {bytes_of(concat(R"({"files":{"certificate.json":"{\"a\":1}","job.json":"{}",)",
                          R"("transcript.jsonl":"x\ny\n"},"type":")",
                          certificate::kBundleType,
                          "\"}"))};
}

std::vector<Bytes> seeds_policy_file() {
  job::Job job;  // of which the text takes digest, root and numbers alone
  job.lives = 1;
  return {bytes_of(import::policy_text(job, {})),
          bytes_of(import::policy_text(job, {{"tdx", "snp"}, {Bytes(48, 1)}, {{}}}))};
}

std::vector<Bytes> seeds_snp_report() {
  return with_recorded({test::sample_snp_report(2, false),
                        test::sample_snp_report(3, false),
                        test::sample_snp_report(5, true)},
                       {"snp/milan_v3_vlek_aws.report.bin", "snp/turin_v5_ms.report.bin"});
}

std::vector<Bytes> seeds_nitro_document() {
  return with_recorded({test::sample_nitro_document()}, {"nitro/nsm_qvl.cose"});
}

std::vector<Bytes> seeds_tpm_quote() {
  return with_recorded({test::sample_tpm_quote()}, {"tpm/trustee.msg", "azure/tdx/tpm_quote.msg"});
}

std::vector<Bytes> seeds_tpm_signature() {
  return with_recorded({test::sample_tpm_signature()},
                       {"tpm/trustee.tpmt_signature", "azure/tdx/tpm_quote.sig"});
}

std::vector<Bytes> seeds_hcl_report() {
  return with_recorded({test::sample_hcl_report()},
                       {"azure/snp_genoa/hcl_report.bin", "azure/tdx/hcl_report.bin"});
}

std::vector<Bytes> seeds_spdm() {
  return with_recorded({test::sample_spdm_measurements()},
                       {"nvidia/h100_coco.evidence.bin", "nvidia/switch_ls10.evidence.bin"});
}

std::vector<Bytes> seeds_certificate_chain() {
  const Bytes der = made_up_certificate();
  return with_recorded({der, bytes_of(test::certificate_pem(der))},
                       {"snp/milan_v2_virtee.vcek.der",
                        "snp/turin_v5_ms.vcek.pem",
                        "collateral/tdx-b0c06f-2025-06/tcb_info_issuer_chain.pem"});
}

std::vector<Bytes> seeds_revocation_list() {
  return with_recorded({test::make_empty_crl(test::TestKey::p256(), "Test")},
                       {"collateral/tdx-b0c06f-2025-06/root_ca_crl.der",
                        "collateral/tdx-b0c06f-2025-06/pck_crl.der"});
}

std::vector<Bytes> seeds_intel_quote() {
  return with_recorded({made_up_quote()},
                       {"sgx/v3_dcapqvl.bin", "tdx/v4_dcapqvl.bin", "tdx/v5_gotdx.bin"});
}

std::vector<Bytes> seeds_tcb_info() {
  return with_recorded({bytes_of(made_up_tcb_info())},
                       {"collateral/tdx-b0c06f-2025-06/tcb_info.json"});
}

std::vector<Bytes> seeds_qe_identity() {
  return with_recorded({bytes_of(made_up_qe_identity())},
                       {"collateral/tdx-b0c06f-2025-06/qe_identity.json"});
}

}  // namespace ginn::fuzz
