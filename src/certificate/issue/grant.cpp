#include "certificate/issue/grant.h"

#include <algorithm>
#include <limits>

#include "base/text.h"
#include "base/version.h"
#include "certificate/issue/format.h"
#include "crypto/dsse.h"
#include "crypto/json.h"

namespace ginn::certificate {
namespace {

using crypto::Json;
constexpr size_t kMaxNonceBytes = 64;
constexpr uint32_t kStartVersion = 1;

Error grant_form(std::string_view what) {
  return input_error("grant_form", concat("grant: ", what));
}

Json::Object start_fields(const StartStatement& start) {
  Json::Object json;
  json["nonce"] = start.nonce;
  json["jobDigest"] = crypto::tagged(start.job_digest);
  json["verifierKey"] = key_text(start.verifier_key);
  json["life"] = Json::integer(start.life);
  json["checkpoint"] = start.checkpoint ? crypto::tagged(*start.checkpoint) : std::string();
  return json;
}

Result<StartStatement> parse_start(const Json& json) {
  StartStatement start;
  GINN_ASSIGN(const std::string job, crypto::string_field(json, "jobDigest"));
  GINN_ASSIGN(start.job_digest, crypto::parse_tagged(job));
  GINN_ASSIGN(const std::string verifier, crypto::string_field(json, "verifierKey"));
  GINN_ASSIGN(start.verifier_key, parse_key(verifier));
  GINN_ASSIGN(const std::string checkpoint, crypto::string_field(json, "checkpoint"));
  if (!checkpoint.empty()) {
    GINN_ASSIGN(start.checkpoint, crypto::parse_tagged(checkpoint));
  }
  GINN_ASSIGN(const uint64_t life, crypto::integer_field(json, "life"));
  if (life < 1 || life > std::numeric_limits<uint32_t>::max()) {
    return grant_form(concat("life is ", life, "; the first life is 1"));
  }
  start.life = static_cast<uint32_t>(life);
  GINN_ASSIGN(start.nonce, crypto::string_field(json, "nonce"));
  const auto is_printable = [](char c) { return c >= 0x20 && c <= 0x7e; };
  if (start.nonce.size() > kMaxNonceBytes ||
      !std::all_of(start.nonce.begin(), start.nonce.end(), is_printable)) {
    return grant_form("nonce is not 0 to 64 printable ASCII characters");
  }
  return start;
}

Result<Grant> parse_grant(std::string_view payload) {
  GINN_ASSIGN(const Json json, crypto::parse_json(payload, {.bytes = kMaxGrantBytes, .depth = 2}));
  GINN_TRY(crypto::exact_fields(
      json, {"checkpoint", "jobDigest", "life", "local", "nonce", "ownerKey", "verifierKey"}));
  Grant grant;
  GINN_ASSIGN(grant.start, parse_start(json));
  GINN_ASSIGN(const std::string owner, crypto::string_field(json, "ownerKey"));
  GINN_ASSIGN(grant.owner, parse_key(owner));
  GINN_ASSIGN(grant.local, crypto::bool_field(json, "local"));
  if (crypto::canonical_json(json) != payload) return grant_form("not in canonical form");
  return grant;
}

}  // namespace

std::string write_request(const StartRequest& request) {
  Json::Object json = start_fields(request.start);
  json["ginn"] = crypto::format_text("start", kStartVersion);
  json["needsGrant"] = request.needs_grant;
  json["evidence"] = request.evidence;
  return crypto::canonical_json(std::move(json));
}

Result<StartRequest> parse_request(std::string_view text) {
  GINN_ASSIGN(const Json json, crypto::parse_json(text, {.bytes = kMaxRequestBytes, .depth = 2}));
  GINN_TRY(crypto::check_format(json, "start", kStartVersion, "start_version"));
  GINN_TRY(crypto::exact_fields(json,
                                {"checkpoint",
                                 "evidence",
                                 "ginn",
                                 "jobDigest",
                                 "life",
                                 "needsGrant",
                                 "nonce",
                                 "verifierKey"}));
  StartRequest request;
  GINN_ASSIGN(request.start, parse_start(json));
  GINN_ASSIGN(request.needs_grant, crypto::bool_field(json, "needsGrant"));
  GINN_ASSIGN(request.evidence, crypto::string_field(json, "evidence"));
  return request;
}

std::string issue_grant(const crypto::SigningKey& owner, const StartStatement& start, bool local) {
  Json::Object json = start_fields(start);
  json["ownerKey"] = key_text(owner.public_key());
  json["local"] = local;
  const std::string payload = crypto::canonical_json(std::move(json));
  return crypto::sign_envelope(owner, kGrantPayloadType, as_bytes(payload));
}

Result<Grant> check_grant(std::string_view text) {
  GINN_ASSIGN(const crypto::Envelope envelope, crypto::parse_envelope(text, kMaxGrantBytes));
  GINN_TRY(refuse_newer_type("grant_version", "grant", envelope.payload_type, kGrantPayloadType));
  if (envelope.payload_type != kGrantPayloadType) {
    return input_error("grant_type",
                       concat("grant: payload type \"",
                              printable(envelope.payload_type),
                              "\"; expected ",
                              kGrantPayloadType));
  }
  GINN_ASSIGN(const Grant grant, parse_grant(as_text(envelope.payload)));
  if (!crypto::verify_envelope(envelope, grant.owner)) {
    return refused("grant_signature", "grant: the signature is not by the owner key it names");
  }
  return grant;
}

Result<Grant> check_grant_for(std::string_view text, const StartStatement& start) {
  GINN_ASSIGN(const Grant grant, check_grant(text));
  if (grant.start == start) return grant;
  return refused("grant_mismatch",
                 concat("grant: for life ",
                        grant.start.life,
                        " of ",
                        key_text(grant.start.verifier_key),
                        " on job ",
                        crypto::tagged(grant.start.job_digest),
                        "; this start is life ",
                        start.life,
                        " of ",
                        key_text(start.verifier_key),
                        " on job ",
                        crypto::tagged(start.job_digest),
                        " (nonce and checkpoint must agree too); ask the owner for a new grant"));
}

}  // namespace ginn::certificate
