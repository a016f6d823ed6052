#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "crypto/sha256.h"
#include "crypto/signature.h"

namespace ginn::certificate {

// What a starting verifier asks leave for.
struct StartStatement {
  std::string nonce;  // the job's: 0 to 64 printable ASCII characters
  crypto::Digest job_digest{};
  crypto::PublicKey verifier_key{};
  uint32_t life = 1;                         // 1 is the first
  std::optional<crypto::Digest> checkpoint;  // none for a start from nothing

  bool operator==(const StartStatement&) const = default;
};

// An owner's permission for one start. `local`: signed by the host that runs the training, which
// limits nothing.
struct Grant {
  StartStatement start;
  crypto::PublicKey owner{};
  bool local = false;
};

// A start statement as it travels: in the start frame, and in the file that goes to an owner.
struct StartRequest {
  StartStatement start;
  bool needs_grant = true;  // a suspended run that goes on as the same life has its leave
  std::string evidence;     // of the TEE, over the key and the job; not checked here
};
// Canonical JSON.
std::string write_request(const StartRequest& request);
// From hostile text. Codes: parse_json's, "json_field", "start_version", "bad_key", "bad_digest",
// "grant_form".
Result<StartRequest> parse_request(std::string_view text);
inline constexpr size_t kMaxRequestBytes = size_t{1} << 16;

inline constexpr size_t kMaxGrantBytes = size_t{1} << 13;

std::string issue_grant(const crypto::SigningKey& owner, const StartStatement& start, bool local);

// Form, and the signature by the owner key that the grant names; whose key that is, the caller must
// know. Codes: parse_envelope's, "grant_version", "grant_type", parse_json's, "json_field",
// "bad_key", "bad_digest", "grant_form", "grant_signature".
Result<Grant> check_grant(std::string_view text);

// For a starting verifier: check_grant, then "grant_mismatch" unless it is for exactly `start`.
Result<Grant> check_grant_for(std::string_view text, const StartStatement& start);

}  // namespace ginn::certificate
