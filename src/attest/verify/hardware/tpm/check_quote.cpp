#include "attest/verify/hardware/tpm/check_quote.h"

#include <algorithm>
#include <optional>

#include "attest/verify/hardware/certificates.h"
#include "attest/verify/hardware/tpm/quote_checks.h"
#include "base/text.h"

namespace ginn::attest::verify {
namespace {

// What certificates of attestation keys look like is not looked at: no root is pinned for them.
constexpr ChainRules kRules = {.signatures = SignatureAlgorithm::kOther,
                               .issuer_keys = KeyType::kOther,
                               .leaf_key = KeyType::kOther,
                               .certificates_min = 1,
                               .certificates_max = kMaxCertificates,
                               .leaf_needs_key_usage = true,
                               .needs_crls = false};

// The attestation key, after the checks on where it comes from; absent when none is given.
Result<std::optional<VerifyKey>> attestation_key(const CheckContext& context, CheckList& checks) {
  const Collateral& collateral = context.collateral;
  std::optional<VerifyKey> key;
  if (collateral.ak_public) {
    GINN_ASSIGN(key, VerifyKey::from_spki(*collateral.ak_public));
    checks.add("attestation key", ok_status(), "given by the caller, who answers for it");
  }
  if (collateral.chain) {
    GINN_ASSIGN(const Chain chain, parse_chain(*collateral.chain));
    GINN_ASSIGN(const VerifyKey certified, chain.front().public_key());
    const ChainVerdict judged = verify_chain(chain, {}, {}, context.at, kRules);
    checks.add("certificate chain", judged.trust);
    checks.add("certificate validity", judged.time);
    checks.add("attestation key's certificate",
               !key || *key == certified,
               "ak_mismatch",
               "the certificate's key and the attestation key given");
    if (!key) key = certified;
  }
  if (!key) {
    checks.add("attestation key", missing_part("the attestation key (ak_pub.pem or ak_pub.der)"));
  }
  return key;
}

}  // namespace

Error missing_part(std::string_view what) {
  return refused("collateral_missing", concat("there is no ", what));
}

void add_quote_fields(const TpmQuote& quote, std::string_view prefix, EvidenceVerdict& verdict) {
  const auto add = [&](std::string_view name, std::string value) {
    verdict.fields.emplace_back(concat(prefix, name), std::move(value));
  };
  add("extra_data", to_hex(quote.extra_data));
  add("pcr_digest", to_hex(quote.pcr_digest));
  for (const TpmPcrSelection& selection : quote.selections) {
    std::string pcrs;
    for (const size_t pcr : selection.pcrs) pcrs += concat(pcrs.empty() ? "" : ",", pcr);
    add(selection.bank == kTpmAlgSha256 ? "pcrs_sha256" : concat("pcrs_bank_", selection.bank),
        std::move(pcrs));
  }
  add("qualified_signer", to_hex(quote.qualified_signer));
  add("clock_ms", concat(quote.clock_ms));
  add("reset_count", concat(quote.reset_count));
  add("restart_count", concat(quote.restart_count));
  add("clock_is_safe", concat(quote.clock_is_safe));
  add("firmware_version", concat(quote.firmware_version));
}

Status add_signature_check(std::string_view name,
                           const char* invalid_code,
                           const VerifyKey& key,
                           ByteView quote,
                           const Collateral& collateral,
                           CheckList& checks) {
  if (!collateral.tpm_signature) {
    checks.add(name, missing_part("signature of the quote (tpm_quote.sig)"));
    return ok_status();
  }
  GINN_ASSIGN(const TpmSignature signature, parse_tpm_signature(*collateral.tpm_signature));
  const bool ok = verify_tpm_signature(key, quote, signature);
  checks.add(name,
             ok,
             invalid_code,
             ok ? concat("by the attestation key, ", key_type_name(key.type()))
                : std::string("the attestation key did not sign this quote"));
  return ok_status();
}

void add_pcr_check(const TpmQuote& parsed, const Collateral& collateral, CheckList& checks) {
  constexpr std::string_view kName = "PCR values";
  if (!collateral.tpm_pcrs) {
    checks.add(kName, missing_part("list of PCR values (pcrs_sha256.bin)"));
    return;
  }
  const auto digest = selected_pcr_digest(parsed, *collateral.tpm_pcrs);
  if (!digest.ok()) {
    checks.add(kName, digest.error());
    return;
  }
  const bool same = std::equal(
      digest->begin(), digest->end(), parsed.pcr_digest.begin(), parsed.pcr_digest.end());
  checks.add(
      kName,
      same,
      "pcr_mismatch",
      concat(
          "the quote states ", to_hex(parsed.pcr_digest), ", the values have ", to_hex(*digest)));
}

bool looks_like_tpm_quote(ByteView evidence) {
  constexpr uint8_t kStart[] = {0xff, 0x54, 0x43, 0x47};
  return evidence.size() >= sizeof kStart &&
         std::equal(std::begin(kStart), std::end(kStart), evidence.begin());
}

Result<EvidenceVerdict> check_tpm_quote(ByteView evidence, const CheckContext& context) {
  GINN_ASSIGN(const TpmQuote quote, parse_tpm_quote(evidence));
  EvidenceVerdict verdict;
  verdict.kind = EvidenceKind::kTpm;
  verdict.isolation = isolation_of(verdict.kind);
  verdict.measurement = quote.pcr_digest;
  verdict.report_data = quote.extra_data;
  add_quote_fields(quote, "", verdict);
  CheckList checks(verdict);
  GINN_ASSIGN(const std::optional<VerifyKey> key, attestation_key(context, checks));
  constexpr std::string_view kSignature = "quote signature";
  if (key) {
    GINN_TRY(add_signature_check(
        kSignature, "signature_invalid", *key, evidence, context.collateral, checks));
  } else {
    checks.not_made(kSignature, "there is no attestation key");
  }
  add_pcr_check(quote, context.collateral, checks);
  checks.conclude();
  return verdict;
}

}  // namespace ginn::attest::verify
