#include "attest/verify/hardware/amd/check_report.h"

#include <algorithm>

#include "attest/verify/hardware/amd/snp_key.h"
#include "attest/verify/hardware/amd/snp_report.h"
#include "attest/verify/hardware/certificates.h"
#include "base/text.h"

namespace ginn::attest::verify {
namespace {

// Certificates of AMD carry no key usage in the leaf; nobody publishes them with a path of another
// length.
constexpr ChainRules kRules = {.signatures = SignatureAlgorithm::kRsaPssSha384,
                               .issuer_keys = KeyType::kRsa4096,
                               .leaf_key = KeyType::kP384,
                               .certificates_min = 3,
                               .certificates_max = 3,
                               .leaf_needs_key_usage = false,
                               .needs_crls = false};

std::string hex_number(uint64_t value) {
  std::string text = "0x";
  bool leading = true;
  for (int shift = 60; shift >= 0; shift -= 4) {
    const uint64_t digit = value >> shift & 15;
    leading = leading && digit == 0 && shift != 0;
    if (!leading) text += "0123456789abcdef"[digit];
  }
  return text;
}

std::string_view key_name(SnpSigningKey key) {
  return key == SnpSigningKey::kVcek ? "VCEK" : "VLEK";
}

std::vector<NamedField> report_fields(const SnpReport& report) {
  std::vector<NamedField> fields = {{"version", concat(report.version)},
                                    {"guest_svn", concat(report.guest_svn)},
                                    {"policy", hex_number(report.policy)},
                                    {"vmpl", concat(report.vmpl)},
                                    {"family_id", to_hex(report.family_id)},
                                    {"image_id", to_hex(report.image_id)},
                                    {"host_data", to_hex(report.host_data)},
                                    {"id_key_digest", to_hex(report.id_key_digest)},
                                    {"author_key_digest", to_hex(report.author_key_digest)},
                                    {"report_id", to_hex(report.report_id)},
                                    {"report_id_ma", to_hex(report.report_id_ma)},
                                    {"chip_id", to_hex(report.chip_id)},
                                    {"current_tcb", to_hex(report.current_tcb)},
                                    {"committed_tcb", to_hex(report.committed_tcb)},
                                    {"launch_tcb", to_hex(report.launch_tcb)},
                                    {"reported_tcb", to_hex(report.reported_tcb)},
                                    {"platform_info", hex_number(report.platform_info)},
                                    {"signing_key", std::string(key_name(report.signing_key))}};
  if (report.product) fields.emplace_back("cpuid_fam_mod_step", to_hex(report.cpuid));
  return fields;
}

// The product line whose root a chain ends in.
std::optional<SnpProduct> product_of_root(const Fingerprint& root, const RootSet& roots) {
  const auto among = [&root](const std::vector<Fingerprint>& pinned) {
    return std::find(pinned.begin(), pinned.end(), root) != pinned.end();
  };
  if (among(roots.amd_milan)) return SnpProduct::kMilan;
  if (among(roots.amd_genoa)) return SnpProduct::kGenoa;
  if (among(roots.amd_turin)) return SnpProduct::kTurin;
  return std::nullopt;
}

std::vector<Fingerprint> amd_roots(const RootSet& roots) {
  std::vector<Fingerprint> all;
  for (const auto* line : {&roots.amd_milan, &roots.amd_genoa, &roots.amd_turin}) {
    all.insert(all.end(), line->begin(), line->end());
  }
  return all;
}

Status check_signature(const Certificate& leaf, ByteView evidence, const SnpReport& report) {
  GINN_ASSIGN(const VerifyKey key, leaf.public_key());
  if (key.verify_ecdsa(evidence.first(kSnpSignedBytes), report.signature)) return ok_status();
  return refused("signature_invalid",
                 concat("the report was not signed by the key of ", leaf.subject()));
}

Status check_product(const SnpReport& report, const SnpKey& key, std::optional<SnpProduct> root) {
  const SnpProduct by_cpu = report.product.value_or(key.product);
  if (root && by_cpu == key.product && *root == key.product) return ok_status();
  return refused("product_mismatch",
                 concat("CPU ",
                        report.product ? product_name(by_cpu) : "not stated",
                        ", certificate for ",
                        product_name(key.product),
                        ", root of ",
                        root ? product_name(*root) : "no product"));
}

// CHIP_ID holds the HWID, then zeros.
Status check_chip(const SnpReport& report, const Bytes& hwid) {
  std::array<uint8_t, 64> expected{};
  std::copy(hwid.begin(), hwid.end(), expected.begin());
  if (report.chip_id == expected) return ok_status();
  return refused(
      "hwid_mismatch",
      concat(
          "the report is of chip ", to_hex(report.chip_id), ", the certificate of ", to_hex(hwid)));
}

Status check_tcb(const SnpReport& report, const SnpKey& key) {
  GINN_ASSIGN(const SnpTcb reported, decode_tcb(key.product, report.reported_tcb));
  for (const SnpTcbBytes* other :
       {&report.current_tcb, &report.committed_tcb, &report.launch_tcb}) {
    GINN_TRY(decode_tcb(key.product, *other));
  }
  if (reported == key.tcb) return ok_status();
  return refused("tcb_mismatch",
                 concat("the report's TCB is ",
                        tcb_text(reported),
                        "; the signing key was issued for ",
                        tcb_text(key.tcb)));
}

// Whether certificate and report belong to each other.
void check_identity(const SnpReport& report,
                    const Chain& chain,
                    const RootSet& roots,
                    CheckList& checks,
                    EvidenceVerdict& verdict) {
  const auto key = parse_snp_key(chain.front());
  if (!key.ok()) {
    checks.add("signing key's certificate", key.error());
    for (const std::string_view name : {"signing key", "product", "chip", "TCB"}) {
      checks.not_made(name, "the signing key's certificate cannot be read");
    }
    return;
  }
  checks.add("signing key's certificate", ok_status(), key_name(key->kind));
  checks.add("signing key",
             key->kind == report.signing_key,
             "vek_mismatch",
             concat("the report names a ",
                    key_name(report.signing_key),
                    ", the certificate is of a ",
                    key_name(key->kind)));
  checks.add("product",
             check_product(report, *key, product_of_root(chain.back().fingerprint(), roots)),
             product_name(key->product));
  if (key->hwid) {
    checks.add("chip", check_chip(report, *key->hwid), "CHIP_ID is the certificate's HWID");
  }
  checks.add("TCB", check_tcb(report, *key), tcb_text(key->tcb));
  verdict.fields.emplace_back("product", std::string(product_name(key->product)));
  verdict.fields.emplace_back("tcb", tcb_text(key->tcb));
  if (!key->csp_id.empty()) verdict.fields.emplace_back("csp_id", key->csp_id);
}

Status check_certificates(ByteView evidence,
                          const SnpReport& report,
                          const CheckContext& context,
                          CheckList& checks,
                          EvidenceVerdict& verdict) {
  GINN_ASSIGN(const Chain chain, parse_chain(*context.collateral.chain));
  const ChainVerdict judged = verify_chain(chain, amd_roots(context.roots), {}, context.at, kRules);
  const bool trusted =
      checks.add("certificate chain", judged.trust, concat("ends in ", chain.back().subject()));
  checks.add("certificate validity", judged.time, utc_time_text(context.at));
  if (trusted) {
    checks.add("report signature",
               check_signature(chain.front(), evidence, report),
               "ECDSA P-384 over bytes 0 to 671");
  } else {
    checks.not_made("report signature", "the signing key is not trusted");
  }
  check_identity(report, chain, context.roots, checks, verdict);
  return ok_status();
}

}  // namespace

bool looks_like_snp_report(ByteView evidence) {
  return evidence.size() == kSnpReportBytes && evidence[0] >= 2 && evidence[0] <= 5 &&
         evidence[1] == 0 && evidence[2] == 0 && evidence[3] == 0;
}

Result<EvidenceVerdict> check_snp_report(ByteView evidence, const CheckContext& context) {
  GINN_ASSIGN(const SnpReport report, parse_snp_report(evidence));
  EvidenceVerdict verdict;
  verdict.kind = EvidenceKind::kSnp;
  verdict.isolation = isolation_of(verdict.kind);
  verdict.measurement.assign(report.measurement.begin(), report.measurement.end());
  verdict.report_data.assign(report.report_data.begin(), report.report_data.end());
  verdict.fields = report_fields(report);
  CheckList checks(verdict);
  if (context.collateral.chain) {
    GINN_TRY(check_certificates(evidence, report, context, checks, verdict));
  } else {
    checks.add("certificate chain",
               refused("collateral_missing",
                       "no certificates; give those of the VCEK or VLEK, ASK or ASVK, and ARK"));
    for (const std::string_view name :
         {"certificate validity", "report signature", "signing key", "product", "chip", "TCB"}) {
      checks.not_made(name, "there are no certificates");
    }
  }
  checks.add("debug",
             !report.debug(),
             "debug_enabled",
             report.debug() ? "POLICY bit 19 lets the host read the guest's memory"
                            : "POLICY bit 19 is zero");
  checks.conclude();
  return verdict;
}

}  // namespace ginn::attest::verify
