#include "attest/verify/hardware/intel/check_quote.h"

#include <algorithm>

#include "attest/verify/hardware/intel/intel_certificates.h"
#include "attest/verify/hardware/intel/judge_quote.h"
#include "attest/verify/hardware/intel/quote_signatures.h"
#include "base/text.h"

namespace ginn::attest::verify {
namespace {

constexpr uint32_t kTeeTdx = 0x81;

// The first eight bytes of a header: version, key type, TEE type.
struct Start {
  uint16_t version = 0;
  uint32_t tee = 0;
};
std::optional<Start> start_of(ByteView evidence) {
  ByteReader reader(evidence);
  const auto version = reader.u16(), key_type = reader.u16();
  const auto tee = reader.u32();
  if (!version.ok() || !key_type.ok() || !tee.ok() || evidence.size() < 48) return std::nullopt;
  if (*version < 3 || *version > 5 || *key_type > 3) return std::nullopt;
  // Without it an SEV-SNP report of version 3 would pass for a quote.
  if (!std::equal(kIntelQeVendor.begin(), kIntelQeVendor.end(), evidence.begin() + 12)) {
    return std::nullopt;
  }
  return Start{*version, *tee};
}

void add_field(EvidenceVerdict& verdict, std::string_view name, ByteView value) {
  verdict.fields.emplace_back(name, to_hex(value));
}

void describe(const EnclaveReport& report, EvidenceVerdict& verdict) {
  verdict.kind = EvidenceKind::kSgx;
  verdict.measurement.assign(report.mrenclave.begin(), report.mrenclave.end());
  verdict.report_data.assign(report.report_data.begin(), report.report_data.end());
  add_field(verdict, "mrenclave", report.mrenclave);
  add_field(verdict, "mrsigner", report.mrsigner);
  add_field(verdict, "attributes", report.attributes);
  add_field(verdict, "cpusvn", report.cpusvn);
  add_field(verdict, "configid", report.configid);
  verdict.fields.emplace_back("isvprodid", concat(report.isvprodid));
  verdict.fields.emplace_back("isvsvn", concat(report.isvsvn));
  verdict.fields.emplace_back("configsvn", concat(report.configsvn));
}

void describe(const TdReport& report, EvidenceVerdict& verdict) {
  verdict.kind = EvidenceKind::kTdx;
  verdict.measurement.assign(report.mrtd.begin(), report.mrtd.end());
  verdict.report_data.assign(report.report_data.begin(), report.report_data.end());
  add_field(verdict, "mrtd", report.mrtd);
  for (size_t i = 0; i < report.rtmr.size(); ++i) {
    add_field(verdict, concat("rtmr", i), report.rtmr[i]);
  }
  add_field(verdict, "mrconfigid", report.mrconfigid);
  add_field(verdict, "mrowner", report.mrowner);
  add_field(verdict, "mrownerconfig", report.mrownerconfig);
  add_field(verdict, "tee_tcb_svn", report.tee_tcb_svn);
  add_field(verdict, "td_attributes", report.td_attributes);
  add_field(verdict, "xfam", report.xfam);
  add_field(verdict, "mrseam", report.mrseam);
  add_field(verdict, "mrsignerseam", report.mrsignerseam);
  if (report.tee_tcb_svn2) add_field(verdict, "tee_tcb_svn2", *report.tee_tcb_svn2);
  if (report.mrservicetd) add_field(verdict, "mrservicetd", *report.mrservicetd);
}

// Whether each of the signed parts may be believed.
IntelTrust check_signatures(const IntelParts& parts, IntelTrust trust, CheckList& checks) {
  constexpr std::string_view kNoChain = "the chain is not trusted";
  const auto document = [&](bool trusted,
                            std::string_view name,
                            const Chain& chain,
                            const IntelDocument& signed_document,
                            const char* code) {
    if (!trusted) {
      checks.not_made(name, kNoChain);
      return false;
    }
    return checks.add(name,
                      signed_by(chain.front(),
                                signed_document.signed_text,
                                signed_document.signature,
                                code,
                                "the document"));
  };
  trust.tcb_info = document(trust.tcb_info,
                            "TCB info signature",
                            parts.tcb_info_chain,
                            parts.tcb_info.document,
                            "tcb_info_signature_invalid");
  trust.qe_identity = document(trust.qe_identity,
                               "QE identity signature",
                               parts.qe_identity_chain,
                               parts.qe_identity.document,
                               "qe_identity_signature_invalid");
  if (trust.pck) {
    trust.pck =
        checks.add("QE report signature", check_qe_signature(parts.quote, parts.pck_chain.front()));
  } else {
    checks.not_made("QE report signature", kNoChain);
  }
  const bool bound = checks.add("attestation key binding", check_binding(parts.quote));
  const bool quoted = checks.add("quote signature", check_quote_signature(parts.quote));
  trust.pck = trust.pck && bound && quoted;
  return trust;
}

}  // namespace

bool looks_like_sgx_quote(ByteView evidence) {
  const auto start = start_of(evidence);
  return start && start->tee == 0;
}

bool looks_like_tdx_quote(ByteView evidence) {
  const auto start = start_of(evidence);
  return start && start->tee == kTeeTdx;
}

Result<EvidenceVerdict> check_intel_quote(ByteView evidence, const CheckContext& context) {
  GINN_ASSIGN(Quote quote, parse_quote(evidence));
  EvidenceVerdict verdict;
  std::visit([&](const auto& report) { describe(report, verdict); }, quote.report);
  verdict.isolation = isolation_of(verdict.kind);
  CheckList checks(verdict);
  const std::string missing = missing_collateral(context.collateral);
  if (!checks.add("collateral",
                  missing.empty(),
                  "collateral_missing",
                  missing.empty() ? "complete" : concat("missing: ", missing))) {
    checks.conclude();
    return verdict;
  }
  GINN_ASSIGN(const IntelParts parts, parse_intel_parts(std::move(quote), context.collateral));
  add_field(verdict, "fmspc", parts.pck.fmspc);
  IntelTrust trust = check_intel_chains(parts, context, checks);
  trust = check_signatures(parts, trust, checks);
  judge_quote(parts, trust, context.policy, verdict, checks);
  checks.conclude();
  return verdict;
}

}  // namespace ginn::attest::verify
