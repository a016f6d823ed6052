#pragma once

#include <string>
#include <string_view>

#include "attest/verify/hardware/collateral.h"
#include "attest/verify/hardware/kind.h"

namespace ginn::attest::verify {

// How evidence of hardware stands in a certificate, and its collateral beside one. Both are
// canonical JSON (RFC 8785), bytes in base64; docs/certificate.md has the formats.

// {"evidence": .., "kind": "tdx", "type": kEvidenceType}. The kind is a claim.
struct EvidenceDocument {
  EvidenceKind kind = EvidenceKind::kSgx;
  Bytes evidence;  // at most kMaxQuoteBytes
};
inline constexpr std::string_view kEvidenceType = "application/vnd.ginn.evidence.v1+json";

// Whether a text is meant to be an evidence document: a JSON object with a member "type".
bool is_evidence_document(std::string_view text);
// Codes: parse_json's, "json_field", "evidence_type", "evidence_kind" (no known name),
// "bad_base64", "evidence_too_large", "evidence_form" (not canonical).
Result<EvidenceDocument> parse_evidence_document(std::string_view text);
std::string evidence_document(const EvidenceDocument& document);

// {"items": {name: ..}, "type": kCollateralType}; names are those of a collateral folder, and
// "chain.pem" for Collateral::chain. It is signed by those who issued its parts, and by nobody
// else: whoever checks may replace it by a newer one.
inline constexpr std::string_view kCollateralType = "application/vnd.ginn.collateral.v1+json";
inline constexpr size_t kMaxCollateralDocumentBytes = size_t{1} << 22;

// Codes: parse_json's, "json_field", "collateral_type", "collateral_item" (unknown name),
// "bad_base64", "collateral_too_large", "collateral_form" (not canonical).
Result<Collateral> parse_collateral_document(std::string_view text);
std::string collateral_document(const Collateral& collateral);

}  // namespace ginn::attest::verify
