#pragma once

#include <string>
#include <string_view>

#include "crypto/signature.h"

namespace ginn::certificate {

// Names fixed by the format (docs/certificate.md). One payload type per use, so that a signature
// made for one is never one for another.
inline constexpr std::string_view kStatementPayloadType = "application/vnd.in-toto+json";
inline constexpr std::string_view kGrantPayloadType = "application/vnd.ginn.grant.v1+json";
inline constexpr std::string_view kStatementType = "https://in-toto.io/Statement/v1";
inline constexpr std::string_view kTrainingPredicate = "urn:ginn:predicate:verified-training:v1";
inline constexpr std::string_view kRejectionPredicate = "urn:ginn:predicate:training-rejection:v1";
inline constexpr std::string_view kVerifierProgram = "ginn-verifier";
inline constexpr std::string_view kArithmeticVersion = "1";

inline constexpr std::string_view kCertificateFile = "certificate.json";
inline constexpr std::string_view kRejectionFile = "rejection.json";
inline constexpr std::string_view kJobFile = "job.json";
inline constexpr std::string_view kTranscriptFile = "transcript.jsonl";
inline constexpr std::string_view kCollateralFile = "collateral.json";
inline constexpr std::string_view kModelFile = "model.safetensors";
inline constexpr std::string_view kRejectionEvidenceFile = "rejection-evidence.safetensors";

// "ed25519:" and 64 hex digits.
std::string key_text(const crypto::PublicKey& key);
Result<crypto::PublicKey> parse_key(std::string_view text);  // code "bad_key"

}  // namespace ginn::certificate
