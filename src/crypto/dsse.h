#pragma once

#include <string>

#include "crypto/signature.h"

namespace ginn::crypto {

// DSSE envelope, v1: https://github.com/secure-systems-lab/dsse. Signs PAE(payloadType, payload) =
// "DSSEv1" SP len(type) SP type SP len(payload) SP payload. Exactly one signature.
struct Envelope {
  std::string payload_type;
  Bytes payload;
  std::string key_id;
  Signature signature;
};

std::string sign_envelope(const SigningKey& key, std::string_view payload_type, ByteView payload);
// Form only, no signature check. Codes: parse_json's, "json_field", "bad_base64",
// "bad_signature_form".
Result<Envelope> parse_envelope(std::string_view text, size_t limit);
// False, too, when the envelope names another key than `key`.
bool verify_envelope(const Envelope& envelope, const PublicKey& key);

}  // namespace ginn::crypto
