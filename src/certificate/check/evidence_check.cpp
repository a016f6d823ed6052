#include "certificate/check/evidence_check.h"

#include <algorithm>

#include "attest/verify/document.h"
#include "attest/verify/evidence.h"
#include "attest/verify/hardware/check/check_evidence.h"
#include "base/text.h"

namespace ginn::certificate {
namespace {

using attest::verify::EvidenceKind;
namespace av = attest::verify;

EvidenceFailure failure(const Error& error) { return {error.code, error.message}; }

// A policy judges TCB and advisories check by check; without one the default applies.
av::Policy evidence_policy(const RelyingParty& relying_party) {
  av::Policy policy;
  if (!relying_party.policy) return policy;
  policy.accepted_tcb = {av::TcbStatus::kUpToDate,
                         av::TcbStatus::kSwHardeningNeeded,
                         av::TcbStatus::kConfigurationNeeded,
                         av::TcbStatus::kConfigurationAndSwHardeningNeeded,
                         av::TcbStatus::kOutOfDate,
                         av::TcbStatus::kOutOfDateConfigurationNeeded,
                         av::TcbStatus::kRevoked,
                         av::TcbStatus::kNotSupported};
  return policy;
}

std::optional<EvidenceFailure> check_hardware(std::string_view text,
                                              std::optional<std::string_view> collateral_text,
                                              const RelyingParty& relying_party,
                                              CheckedEvidence& out) {
  const auto document = av::parse_evidence_document(text);
  if (!document.ok()) return failure(document.error());
  if (av::isolation_of(document->kind) == av::Isolation::kDevice) {
    return EvidenceFailure{
        "evidence_device",
        concat("evidence of the kind \"",
               av::kind_name(document->kind),
               "\" tells which device worked; it says nothing about the verifier's program")};
  }
  av::Collateral collateral;
  if (collateral_text) {
    auto parsed = av::parse_collateral_document(*collateral_text);
    if (!parsed.ok()) return failure(parsed.error());
    collateral = std::move(*parsed);
  }
  const av::Policy policy = evidence_policy(relying_party);
  const av::CheckContext context{collateral, av::pinned_roots(), policy, relying_party.at};
  const auto verdict =
      relying_party.check_evidence
          ? relying_party.check_evidence(document->evidence, document->kind, context)
          : av::check_evidence(document->evidence, document->kind, context);
  if (!verdict.ok()) return failure(verdict.error());
  if (!verdict->ok) return EvidenceFailure{verdict->code, verdict->message};
  out.simulated = false;
  out.report_data = verdict->report_data;
  out.facts = facts_of(*verdict, collateral, relying_party.at);
  return std::nullopt;
}

}  // namespace

std::optional<EvidenceFailure> check_evidence_text(std::string_view text,
                                                   std::optional<std::string_view> collateral,
                                                   const RelyingParty& relying_party,
                                                   CheckedEvidence& out) {
  if (av::is_evidence_document(text)) return check_hardware(text, collateral, relying_party, out);
  const auto evidence = attest::verify_evidence(text);
  if (!evidence.ok()) return failure(evidence.error());
  out.simulated = evidence->simulated;
  out.report_data.assign(evidence->report_data.begin(), evidence->report_data.end());
  out.facts.kind = policy::kSimulatedTee;
  out.facts.measurement.assign(evidence->measurement.begin(), evidence->measurement.end());
  out.facts.at = relying_party.at;
  return std::nullopt;
}

bool binds(const CheckedEvidence& evidence, const attest::ReportData& expected) {
  if (std::equal(evidence.report_data.begin(),
                 evidence.report_data.end(),
                 expected.begin(),
                 expected.end())) {
    return true;
  }
  // A TPM's qualifying data is shorter than 64 bytes; what is cut off is zero in every report data.
  constexpr size_t kDigestBytes = 32;
  const std::string& kind = evidence.facts.kind;
  const bool short_data = kind == av::kind_name(EvidenceKind::kTpm) ||
                          kind == av::kind_name(EvidenceKind::kAzureSnp) ||
                          kind == av::kind_name(EvidenceKind::kAzureTdx);
  return short_data && evidence.report_data.size() == kDigestBytes &&
         std::equal(evidence.report_data.begin(), evidence.report_data.end(), expected.begin());
}

}  // namespace ginn::certificate
