#include "attest/verify/hardware/aws/check_document.h"

#include <algorithm>

#include "attest/verify/hardware/aws/nitro_document.h"
#include "attest/verify/hardware/certificates.h"
#include "base/text.h"

namespace ginn::attest::verify {
namespace {

constexpr ChainRules kRules = {.signatures = SignatureAlgorithm::kEcdsaSha384,
                               .issuer_keys = KeyType::kP384,
                               .leaf_key = KeyType::kP384,
                               .certificates_min = 2,
                               .certificates_max = kMaxCertificates,
                               .leaf_needs_key_usage = true,
                               .needs_crls = false};

// The document has its root first and the leaf by itself.
Result<Chain> leaf_first(const NitroDocument& document) {
  Chain chain;
  GINN_ASSIGN(Certificate leaf, Certificate::from_der(document.certificate));
  chain.push_back(std::move(leaf));
  for (size_t i = document.cabundle.size(); i-- > 0;) {
    GINN_ASSIGN(Certificate issuer, Certificate::from_der(document.cabundle[i]));
    chain.push_back(std::move(issuer));
  }
  return chain;
}

std::vector<NamedField> document_fields(const NitroDocument& document) {
  const auto seconds = static_cast<UnixSeconds>(document.timestamp_ms / 1000);
  std::vector<NamedField> fields = {{"module_id", document.module_id},
                                    {"timestamp", utc_time_text(seconds)},
                                    {"timestamp_ms", concat(document.timestamp_ms)},
                                    {"digest", "SHA384"}};
  for (const auto& [index, value] : document.pcrs) {
    fields.emplace_back(concat("pcr", index), to_hex(value));
  }
  if (document.nonce) fields.emplace_back("nonce", to_hex(*document.nonce));
  if (document.public_key) fields.emplace_back("public_key", to_hex(*document.public_key));
  return fields;
}

Status check_signature(const NitroDocument& document, const Certificate& leaf) {
  GINN_ASSIGN(const VerifyKey key, leaf.public_key());
  if (key.verify_ecdsa(document.signed_bytes, document.signature)) return ok_status();
  return refused("signature_invalid",
                 concat("the document was not signed by the key of ", leaf.subject()));
}

}  // namespace

bool looks_like_nitro_document(ByteView evidence) {
  constexpr uint8_t kStart[] = {0x84, 0x44, 0xa1, 0x01, 0x38, 0x22};
  return evidence.size() >= sizeof kStart &&
         std::equal(std::begin(kStart), std::end(kStart), evidence.begin());
}

Result<EvidenceVerdict> check_nitro_document(ByteView evidence, const CheckContext& context) {
  GINN_ASSIGN(const NitroDocument document, parse_nitro_document(evidence));
  GINN_ASSIGN(const Chain chain, leaf_first(document));
  EvidenceVerdict verdict;
  verdict.kind = EvidenceKind::kNitro;
  verdict.isolation = isolation_of(verdict.kind);
  const auto& pcr0 = document.pcrs.at(0);
  verdict.measurement.assign(pcr0.begin(), pcr0.end());
  if (document.user_data) verdict.report_data = *document.user_data;
  verdict.fields = document_fields(document);
  CheckList checks(verdict);
  const ChainVerdict judged = verify_chain(chain, context.roots.aws_nitro, {}, context.at, kRules);
  const bool trusted =
      checks.add("certificate chain", judged.trust, concat("ends in ", chain.back().subject()));
  checks.add("certificate validity", judged.time, utc_time_text(context.at));
  const auto made = static_cast<UnixSeconds>(document.timestamp_ms / 1000);
  checks.add("document time",
             made <= context.at,
             "not_yet_valid",
             concat("made at ", utc_time_text(made), ", judged at ", utc_time_text(context.at)));
  if (trusted) {
    checks.add("document signature", check_signature(document, chain.front()), "ES384");
  } else {
    checks.not_made("document signature", "the signing key is not trusted");
  }
  checks.add("debug",
             !document.debug(),
             "debug_enabled",
             document.debug() ? "PCR0, PCR1 or PCR2 is all zeros: an enclave in debug mode"
                              : "PCR0, PCR1 and PCR2 are not zero");
  checks.conclude();
  return verdict;
}

}  // namespace ginn::attest::verify
