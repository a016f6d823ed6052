#include "crypto/dsse.h"

#include <algorithm>

#include "base/text.h"
#include "crypto/json.h"

namespace ginn::crypto {
namespace {

// Pre-authentication encoding: what is signed.
std::string encode(std::string_view payload_type, ByteView payload) {
  return concat("DSSEv1 ",
                payload_type.size(),
                " ",
                payload_type,
                " ",
                payload.size(),
                " ",
                as_text(payload));
}

}  // namespace

std::string sign_envelope(const SigningKey& key, std::string_view payload_type, ByteView payload) {
  const Signature signature = key.sign(as_bytes(encode(payload_type, payload)));
  Json::Object entry;
  entry["keyid"] = key_id(key.public_key());
  entry["sig"] = to_base64(signature);
  Json::Object envelope;
  envelope["payloadType"] = payload_type;
  envelope["payload"] = to_base64(payload);
  envelope["signatures"] = Json::Array{Json(std::move(entry))};
  return canonical_json(Json(std::move(envelope)));
}

Result<Envelope> parse_envelope(std::string_view text, size_t limit) {
  GINN_ASSIGN(const Json json, parse_json(text, JsonLimits{.bytes = limit}));
  GINN_TRY(exact_fields(json, {"payload", "payloadType", "signatures"}));
  Envelope envelope;
  GINN_ASSIGN(envelope.payload_type, string_field(json, "payloadType"));
  GINN_ASSIGN(const std::string payload, string_field(json, "payload"));
  GINN_ASSIGN(envelope.payload, from_base64(payload));
  const Json::Array* signatures = json.find("signatures")->as_array();
  if (signatures == nullptr) {
    return input_error("json_field", "key \"signatures\": expected an array");
  }
  if (signatures->size() != 1) {
    return input_error(
        "bad_signature_form",
        concat("envelope: found ", signatures->size(), " signatures; expected exactly one"));
  }
  const Json& entry = signatures->front();
  GINN_TRY(exact_fields(entry, {"keyid", "sig"}));
  GINN_ASSIGN(envelope.key_id, string_field(entry, "keyid"));
  GINN_ASSIGN(const std::string sig, string_field(entry, "sig"));
  GINN_ASSIGN(const Bytes signature, from_base64(sig));
  if (signature.size() != envelope.signature.size()) {
    return input_error("bad_signature_form",
                       concat("envelope: found a signature of ",
                              signature.size(),
                              " bytes; expected ",
                              envelope.signature.size(),
                              " (Ed25519)"));
  }
  std::copy(signature.begin(), signature.end(), envelope.signature.begin());
  return envelope;
}

bool verify_envelope(const Envelope& envelope, const PublicKey& key) {
  // The key's name is not signed. A wrong one is refused all the same, so that none is ever shown.
  if (envelope.key_id != key_id(key)) return false;
  const std::string signed_text = encode(envelope.payload_type, envelope.payload);
  return verify_signature(key, as_bytes(signed_text), envelope.signature);
}

}  // namespace ginn::crypto
