#include "attest/verify/hardware/intel/judge_quote.h"

#include <algorithm>
#include <set>

#include "attest/verify/hardware/intel/tcb_level.h"
#include "base/text.h"

namespace ginn::attest::verify {
namespace {

uint64_t word(ByteView bytes) {
  uint64_t value = 0;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

bool same(ByteView a, ByteView b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }

bool same_under_mask(ByteView found, ByteView expected, ByteView mask) {
  for (size_t i = 0; i < mask.size(); ++i) {
    if (((found[i] ^ expected[i]) & mask[i]) != 0) return false;
  }
  return true;
}

Status check_qe(const EnclaveReport& qe, const QeIdentity& identity, bool tdx) {
  const char* wrong = nullptr;
  if (identity.tdx != tdx) wrong = "id";
  if (!same(qe.mrsigner, identity.mrsigner)) wrong = "mrsigner";
  if (qe.isvprodid != identity.isvprodid) wrong = "isvprodid";
  if (((qe.miscselect ^ identity.miscselect) & identity.miscselect_mask) != 0) wrong = "miscselect";
  if (!same_under_mask(qe.attributes, identity.attributes, identity.attributes_mask)) {
    wrong = "attributes";
  }
  if (wrong == nullptr) return ok_status();
  return refused("qe_identity_mismatch",
                 concat("the quoting enclave differs from its identity in ", wrong));
}

// Identity of the module that runs the TD, for the module's own version.
Status check_module(const TcbInfo& info, const TdReport& td) {
  const TdxModule* module = find_module(info, td);
  if (module == nullptr) {
    return refused("tdx_module_unknown",
                   concat("the TCB info has no identity ", module_id(td), " of a TDX module"));
  }
  if (!same(td.mrsignerseam, module->mrsigner) ||
      !same_under_mask(td.seam_attributes, module->attributes, module->attributes_mask)) {
    return refused("tdx_module_mismatch",
                   concat("signer or attributes of the TDX module are not those of ",
                          module->id.empty() ? "tdxModule" : module->id));
  }
  return ok_status();
}

const char* status_code(TcbStatus status) {
  switch (status) {
    case TcbStatus::kOutOfDate:
      return "tcb_out_of_date";
    case TcbStatus::kOutOfDateConfigurationNeeded:
      return "tcb_out_of_date_configuration_needed";
    case TcbStatus::kRevoked:
      return "tcb_revoked";
    case TcbStatus::kNotSupported:
      return "tcb_not_supported";
    case TcbStatus::kUpToDate:
    case TcbStatus::kSwHardeningNeeded:
    case TcbStatus::kConfigurationNeeded:
    case TcbStatus::kConfigurationAndSwHardeningNeeded:
      break;
  }
  return "tcb_status_not_accepted";
}

// kNotSupported is no status that a policy could accept.
bool accepts(const Policy& policy, TcbStatus status) {
  return status != TcbStatus::kNotSupported &&
         std::find(policy.accepted_tcb.begin(), policy.accepted_tcb.end(), status) !=
             policy.accepted_tcb.end();
}

Status check_advisories(const Policy& policy, const std::vector<std::string>& open) {
  if (policy.advisories.any) return ok_status();
  const std::vector<std::string>& allowed = policy.advisories.allowed;
  for (const std::string& name : open) {
    if (std::find(allowed.begin(), allowed.end(), name) == allowed.end()) {
      return refused("advisory_not_allowed", concat(name, " is open on this platform"));
    }
  }
  return ok_status();
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += concat(text.empty() ? "" : ", ", name);
  return text.empty() ? "none" : text;
}

// Platform, TDX module and quoting enclave together.
void judge_tcb(const IntelParts& parts, EvidenceVerdict& verdict, CheckList& checks) {
  const auto* td = std::get_if<TdReport>(&parts.quote.report);
  const TcbJudgement platform = judge_platform(parts.tcb_info, parts.pck, td);
  TcbStatus status = platform.status;
  std::set<std::string> advisories(platform.advisories.begin(), platform.advisories.end());
  const auto add = [&](const TcbJudgement& part, const std::string& name) {
    status = converge(status, part.status);
    advisories.insert(part.advisories.begin(), part.advisories.end());
    verdict.fields.emplace_back(name, tcb_status_name(part.status));
  };
  if (td != nullptr && td->tee_tcb_svn[1] > 0) {
    verdict.fields.emplace_back("tdx_module_id", module_id(*td));
    // check_module has found it: this is reached only then.
    add(judge_svn(find_module(parts.tcb_info, *td)->levels, td->tee_tcb_svn[0]),
        "tdx_module_status");
  }
  add(judge_svn(parts.qe_identity.levels, parts.quote.qe_report.isvsvn), "qe_status");
  verdict.tcb_status = status;
  verdict.advisories.assign(advisories.begin(), advisories.end());
  checks.add(
      "TCB level",
      status != TcbStatus::kNotSupported,
      "tcb_not_supported",
      concat("platform ", tcb_status_name(platform.status), ", all ", tcb_status_name(status)));
}

bool check_identity(const IntelParts& parts, const IntelTrust& trust, CheckList& checks) {
  constexpr std::string_view kUntrusted = "the document is not trusted";
  bool all = trust.pck;
  const bool tdx = parts.quote.is_tdx();
  if (trust.qe_identity) {
    all &= checks.add("QE identity", check_qe(parts.quote.qe_report, parts.qe_identity, tdx));
  } else {
    checks.not_made("QE identity", kUntrusted);
    all = false;
  }
  if (!trust.tcb_info) {
    for (const std::string_view name : {"TCB info type", "FMSPC", "PCE"}) {
      checks.not_made(name, kUntrusted);
    }
    return false;
  }
  const TcbInfo& info = parts.tcb_info;
  all &= checks.add(
      "TCB info type",
      info.tdx == tdx,
      "tcb_info_type",
      concat("for ", info.tdx ? "TDX" : "SGX", ", the quote is of ", tdx ? "TDX" : "SGX"));
  all &= checks.add("FMSPC",
                    same(info.fmspc, parts.pck.fmspc),
                    "fmspc_mismatch",
                    concat("PCK ", to_hex(parts.pck.fmspc), ", TCB info ", to_hex(info.fmspc)));
  all &= checks.add("PCE",
                    same(info.pce_id, parts.pck.pce_id),
                    "pceid_mismatch",
                    concat("PCK ", to_hex(parts.pck.pce_id), ", TCB info ", to_hex(info.pce_id)));
  const auto* td = std::get_if<TdReport>(&parts.quote.report);
  if (td != nullptr && info.tdx) all &= checks.add("TDX module", check_module(info, *td));
  return all;
}

void check_policy(const IntelParts& parts,
                  const Policy& policy,
                  EvidenceVerdict& verdict,
                  CheckList& checks) {
  const uint64_t evaluation =
      std::min(parts.tcb_info.document.evaluation, parts.qe_identity.document.evaluation);
  checks.add("TCB evaluation number",
             evaluation >= policy.minimum_tcb_evaluation,
             "tcb_evaluation_too_old",
             concat(evaluation, ", at least ", policy.minimum_tcb_evaluation));
  checks.add("TCB status",
             accepts(policy, *verdict.tcb_status),
             status_code(*verdict.tcb_status),
             std::string(tcb_status_name(*verdict.tcb_status)));
  const Status advisories = check_advisories(policy, verdict.advisories);
  checks.add("advisories", advisories, joined(verdict.advisories));
}

// Intel TDX Module Base Architecture Specification, ATTRIBUTES: bits 0 to 7 are "TD under debug",
// and a TD with any of them is not trusted. Known above them: LASS, SEPT_VE_DISABLE, MIGRATABLE,
// PKS, KL (27 to 31), TPA (62), PERFMON (63).
Status check_attributes(const TdReport& td) {
  constexpr uint64_t kUnderDebug = 0xff, kKnown = 0xc0000000f8000000;
  const uint64_t attributes = word(td.td_attributes);
  if ((attributes & kUnderDebug) != 0) {
    return refused("debug_enabled", concat("TD attributes ", to_hex(td.td_attributes)));
  }
  if ((attributes & ~(kUnderDebug | kKnown)) != 0) {
    return refused("attributes_unknown",
                   concat("TD attributes ", to_hex(td.td_attributes), " have reserved bits"));
  }
  return ok_status();
}

// Intel SDM volume 3D, ATTRIBUTES: INIT (0), DEBUG (1), MODE64BIT, -, PROVISIONKEY, EINITTOKEN_KEY,
// CET, KSS (7), -, -, AEXNOTIFY (10).
Status check_attributes(const EnclaveReport& report) {
  constexpr uint64_t kInit = 1, kDebug = 2, kKnown = 0x4f7;
  const uint64_t flags = word(report.attributes.first(8));
  if ((flags & kDebug) != 0) {
    return refused("debug_enabled", concat("enclave attributes ", to_hex(report.attributes)));
  }
  if ((flags & kInit) == 0 || (flags & ~kKnown) != 0) {
    return refused("attributes_unknown",
                   concat("enclave attributes ",
                          to_hex(report.attributes),
                          " are not initialised or have reserved bits"));
  }
  return ok_status();
}

}  // namespace

void judge_quote(const IntelParts& parts,
                 const IntelTrust& trust,
                 const Policy& policy,
                 EvidenceVerdict& verdict,
                 CheckList& checks) {
  if (check_identity(parts, trust, checks)) {
    judge_tcb(parts, verdict, checks);
    check_policy(parts, policy, verdict, checks);
  } else {
    for (const std::string_view name :
         {"TCB level", "TCB evaluation number", "TCB status", "advisories"}) {
      checks.not_made(name, "the collateral is not this platform's or nothing vouches for it");
    }
  }
  std::visit(
      [&](const auto& report) {
        checks.add("debug mode and attributes", check_attributes(report));
      },
      parts.quote.report);
}

}  // namespace ginn::attest::verify
