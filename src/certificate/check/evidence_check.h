#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "attest/report_data.h"
#include "certificate/check/run_check.h"
#include "policy/evaluate.h"

namespace ginn::certificate {

// The evidence of a certificate, verified; whether it is for this run's key, job and life is not
// yet said.
struct CheckedEvidence {
  bool simulated = true;
  Bytes report_data;
  policy::TeeFacts facts;
};

// What a failed check of hardware evidence says: codes of docs/evidence.md are no literals here.
struct EvidenceFailure {
  std::string code;
  std::string message;
};

// `text`: the certificate's member. `collateral`: the text of the document beside it, if there is
// one. Codes: those of verify_evidence for the simulated TEE; for hardware those of
// attest/verify/document.h, those of docs/evidence.md, "collateral_missing".
std::optional<EvidenceFailure> check_evidence_text(std::string_view text,
                                                   std::optional<std::string_view> collateral,
                                                   const RelyingParty& relying_party,
                                                   CheckedEvidence& out);

// What a policy judges of hardware evidence that verified with this collateral.
policy::TeeFacts facts_of(const attest::verify::EvidenceVerdict& verdict,
                          const attest::verify::Collateral& collateral,
                          attest::verify::UnixSeconds at);

// Whether evidence signs the report data of this key, job and life.
bool binds(const CheckedEvidence& evidence, const attest::ReportData& expected);

}  // namespace ginn::certificate
