#include "attest/verify/hardware/intel/intel_certificates.h"

#include "base/text.h"

namespace ginn::attest::verify {
namespace {

constexpr char kPckSubject[] = "Intel SGX PCK Certificate";
constexpr char kPlatformSubject[] = "Intel SGX PCK Platform CA";
constexpr char kProcessorSubject[] = "Intel SGX PCK Processor CA";
constexpr char kSigningSubject[] = "Intel SGX TCB Signing";

Result<Chain> chain_of(ByteView bytes, std::string_view what) {
  auto chain = parse_chain(bytes);
  if (chain.ok()) return chain;
  return input_error(chain.error().code, concat(what, ": ", chain.error().message));
}

Status has_role(const Certificate& certificate, std::initializer_list<std::string_view> roles) {
  const std::string found = certificate.subject_attribute("CN");
  for (const std::string_view role : roles) {
    if (found == role) return ok_status();
  }
  return refused(
      "cert_role",
      concat("certificate of \"", printable(found), "\"; expected \"", *roles.begin(), '"'));
}

ChainVerdict check_pck_chain(const IntelParts& parts, const CheckContext& context) {
  const ChainRules rules{.certificates_min = 3, .certificates_max = 3, .needs_crls = true};
  ChainVerdict verdict =
      verify_chain(parts.pck_chain, context.roots.intel_sgx, parts.crls, context.at, rules);
  if (!verdict.trust.ok()) return verdict;
  verdict.trust = has_role(parts.pck_chain[0], {kPckSubject});
  if (!verdict.trust.ok()) return verdict;
  verdict.trust = has_role(parts.pck_chain[1], {kPlatformSubject, kProcessorSubject});
  return verdict;
}

ChainVerdict check_signing_chain(const Chain& chain,
                                 const IntelParts& parts,
                                 const CheckContext& context) {
  const ChainRules rules{.certificates_min = 2, .certificates_max = 2, .needs_crls = true};
  ChainVerdict verdict =
      verify_chain(chain, context.roots.intel_sgx, parts.crls, context.at, rules);
  if (verdict.trust.ok()) verdict.trust = has_role(chain[0], {kSigningSubject});
  return verdict;
}

// The list itself is verified with the quote's own authority: the chain served beside it must name
// the same one.
Status check_crl_issuer(const IntelParts& parts) {
  if (!parts.crl_issuer_chain || parts.pck_chain.size() < 2) return ok_status();
  GINN_ASSIGN(const VerifyKey found, parts.crl_issuer_chain->front().public_key());
  GINN_ASSIGN(const VerifyKey expected, parts.pck_chain[1].public_key());
  if (found == expected) return ok_status();
  return refused("crl_issuer_mismatch",
                 concat("pck_crl_issuer_chain is of ",
                        parts.crl_issuer_chain->front().subject(),
                        "; the PCK was issued by ",
                        parts.pck_chain[1].subject()));
}

void add_time(CheckList& checks, std::string_view name, const ChainVerdict& verdict) {
  if (verdict.trust.ok()) {
    checks.add(name, verdict.time);
  } else {
    checks.not_made(name, "the chain is not trusted");
  }
}

void add_dates(CheckList& checks,
               std::string_view name,
               const IntelDocument& document,
               UnixSeconds at) {
  const std::string detail = concat("issued ",
                                    utc_time_text(document.issued),
                                    ", next update ",
                                    utc_time_text(document.next_update),
                                    ", judged at ",
                                    utc_time_text(at));
  const bool early = at < document.issued;
  checks.add(name,
             !early && at <= document.next_update,
             early ? "not_yet_valid" : "collateral_expired",
             detail);
}

}  // namespace

std::string missing_collateral(const Collateral& collateral) {
  const struct {
    const std::optional<Bytes>& part;
    std::string_view name;
  } needed[] = {{collateral.tcb_info, "tcb_info.json"},
                {collateral.tcb_info_issuer_chain, "tcb_info_issuer_chain.pem"},
                {collateral.qe_identity, "qe_identity.json"},
                {collateral.qe_identity_issuer_chain, "qe_identity_issuer_chain.pem"},
                {collateral.pck_crl, "pck_crl.der"},
                {collateral.root_ca_crl, "root_ca_crl.der"}};
  std::string names;
  for (const auto& [part, name] : needed) {
    if (!part) names += concat(names.empty() ? "" : ", ", name);
  }
  return names;
}

Result<IntelParts> parse_intel_parts(Quote quote, const Collateral& collateral) {
  IntelParts parts;
  GINN_ASSIGN(parts.pck_chain, chain_of(quote.pck_chain, "certification data of the quote"));
  parts.quote = std::move(quote);
  GINN_ASSIGN(parts.pck, parse_sgx_extension(parts.pck_chain.front()));
  GINN_ASSIGN(parts.tcb_info, parse_tcb_info(*collateral.tcb_info));
  GINN_ASSIGN(parts.tcb_info_chain,
              chain_of(*collateral.tcb_info_issuer_chain, "tcb_info_issuer_chain"));
  GINN_ASSIGN(parts.qe_identity, parse_qe_identity(*collateral.qe_identity));
  GINN_ASSIGN(parts.qe_identity_chain,
              chain_of(*collateral.qe_identity_issuer_chain, "qe_identity_issuer_chain"));
  if (collateral.pck_crl_issuer_chain) {
    GINN_ASSIGN(parts.crl_issuer_chain,
                chain_of(*collateral.pck_crl_issuer_chain, "pck_crl_issuer_chain"));
  }
  for (const auto* crl : {&collateral.pck_crl, &collateral.root_ca_crl}) {
    GINN_ASSIGN(RevocationList list, RevocationList::from_der(**crl));
    parts.crls.push_back(std::move(list));
  }
  return parts;
}

IntelTrust check_intel_chains(const IntelParts& parts,
                              const CheckContext& context,
                              CheckList& checks) {
  const ChainVerdict pck = check_pck_chain(parts, context);
  const ChainVerdict tcb_info = check_signing_chain(parts.tcb_info_chain, parts, context);
  const ChainVerdict qe = check_signing_chain(parts.qe_identity_chain, parts, context);
  IntelTrust trust;
  trust.pck = checks.add("PCK chain", pck.trust, parts.pck_chain.front().subject());
  checks.add("PCK CRL issuer", check_crl_issuer(parts));
  trust.tcb_info =
      checks.add("TCB info chain", tcb_info.trust, parts.tcb_info_chain.front().subject());
  trust.qe_identity =
      checks.add("QE identity chain", qe.trust, parts.qe_identity_chain.front().subject());
  add_time(checks, "PCK chain and CRLs in time", pck);
  add_time(checks, "TCB info chain in time", tcb_info);
  add_time(checks, "QE identity chain in time", qe);
  add_dates(checks, "TCB info in time", parts.tcb_info.document, context.at);
  add_dates(checks, "QE identity in time", parts.qe_identity.document, context.at);
  return trust;
}

}  // namespace ginn::attest::verify
