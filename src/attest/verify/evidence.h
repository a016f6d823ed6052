#pragma once

#include <string_view>

#include "attest/report_data.h"
#include "crypto/dsse.h"

namespace ginn::attest {

inline constexpr size_t kMaxEvidenceBytes = size_t{1} << 18;

// The form of a document that claims to be evidence; nothing in it has been verified.
struct ClaimedEvidence {
  crypto::Envelope envelope;
  ReportData report_data{};
  crypto::Digest measurement{};
};

// Codes: parse_envelope's, "evidence_type" (payload type of no known TEE), then for the payload
// parse_json's, "json_field", "bad_hex", "evidence_form".
Result<ClaimedEvidence> parse_evidence(std::string_view text);

struct VerifiedEvidence {
  bool simulated = true;  // signed by the simulated root, whose key everybody has
  ReportData report_data{};
  crypto::Digest measurement{};
};

// parse_evidence's codes, then "evidence_signature" when no known root signed it.
Result<VerifiedEvidence> verify_evidence(std::string_view text);

}  // namespace ginn::attest
