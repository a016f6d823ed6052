#include "attest/verify/hardware/nvidia/check_measurements.h"

#include <openssl/evp.h>

#include <algorithm>

#include "attest/verify/hardware/certificates.h"
#include "attest/verify/hardware/nvidia/spdm.h"
#include "base/check.h"
#include "base/text.h"

namespace ginn::attest::verify {
namespace {

constexpr ChainRules kRules = {.signatures = SignatureAlgorithm::kEcdsaSha384,
                               .issuer_keys = KeyType::kP384,
                               .leaf_key = KeyType::kP384,
                               .certificates_min = 3,
                               .certificates_max = kMaxCertificates,
                               .leaf_needs_key_usage = true,
                               .needs_crls = false};

Bytes digest_of_all(const SpdmMeasurements& evidence) {
  constexpr size_t kSha384Bytes = 48;
  Bytes all;
  for (const auto& [index, value] : evidence.measurements) {
    all.insert(all.end(), value.begin(), value.end());
  }
  Bytes digest(kSha384Bytes);
  GINN_CHECK(EVP_Digest(all.data(), all.size(), digest.data(), nullptr, EVP_sha384(), nullptr) ==
             1);
  return digest;
}

std::vector<NamedField> evidence_fields(const SpdmMeasurements& evidence) {
  std::vector<NamedField> fields = {
      {"driver_version", evidence.driver_version},
      {"vbios_version_raw", to_hex(evidence.vbios_version)},
      {"blocks", concat(evidence.measurements.size())},
      {"response_nonce", to_hex(evidence.response_nonce)},
      {"trailing_bytes", concat(evidence.trailing_bytes)},
  };
  for (const auto& [index, value] : evidence.measurements) {
    fields.emplace_back(concat("measurement_", unsigned{index}), to_hex(value));
  }
  return fields;
}

Status check_signature(const SpdmMeasurements& evidence, const Certificate& leaf) {
  GINN_ASSIGN(const VerifyKey key, leaf.public_key());
  if (key.verify_ecdsa(evidence.signed_bytes, evidence.signature)) return ok_status();
  return refused("signature_invalid",
                 concat("request and response were not signed by the key of ", leaf.subject()));
}

Status add_certificate_checks(const SpdmMeasurements& evidence,
                              const CheckContext& context,
                              CheckList& checks,
                              EvidenceVerdict& verdict) {
  GINN_ASSIGN(const Chain chain, parse_chain(*context.collateral.chain));
  const ChainVerdict judged =
      verify_chain(chain, context.roots.nvidia_device, {}, context.at, kRules);
  const bool trusted =
      checks.add("certificate chain", judged.trust, concat("ends in ", chain.back().subject()));
  checks.add("certificate validity", judged.time, utc_time_text(context.at));
  if (trusted) {
    checks.add("measurements signature", check_signature(evidence, chain.front()), "ECDSA P-384");
  } else {
    checks.not_made("measurements signature", "the signing key is not trusted");
  }
  verdict.fields.emplace_back("device", printable(chain.front().subject_attribute("CN")));
  verdict.fields.emplace_back("device_serial",
                              printable(chain.front().subject_attribute("serialNumber")));
  return ok_status();
}

}  // namespace

bool looks_like_nvidia_measurements(ByteView evidence) {
  constexpr uint8_t kStart[] = {0x11, 0xe0};
  return evidence.size() >= sizeof kStart &&
         std::equal(std::begin(kStart), std::end(kStart), evidence.begin());
}

Result<EvidenceVerdict> check_nvidia_measurements(ByteView evidence, const CheckContext& context) {
  GINN_ASSIGN(const SpdmMeasurements parsed, parse_spdm_measurements(evidence));
  EvidenceVerdict verdict;
  verdict.kind = EvidenceKind::kNvidia;
  verdict.isolation = isolation_of(verdict.kind);
  verdict.measurement = digest_of_all(parsed);
  verdict.report_data.assign(parsed.request_nonce.begin(), parsed.request_nonce.end());
  verdict.fields = evidence_fields(parsed);
  CheckList checks(verdict);
  if (context.collateral.chain) {
    GINN_TRY(add_certificate_checks(parsed, context, checks, verdict));
  } else {
    checks.add("certificate chain", refused("collateral_missing", "no certificates of the device"));
    for (const std::string_view name : {"certificate validity", "measurements signature"}) {
      checks.not_made(name, "there are no certificates");
    }
  }
  checks.conclude();
  return verdict;
}

}  // namespace ginn::attest::verify
