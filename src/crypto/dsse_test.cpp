#include "crypto/dsse.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "crypto/json.h"

namespace ginn::crypto {
namespace {

constexpr std::string_view kType = "http://example.com/HelloWorld";
constexpr std::string_view kPayload = "hello world";

class Dsse : public testing::Test {
 protected:
  static Json::Object document(std::string_view text) {
    return *parse_json(text).value().as_object();
  }
  static std::string code(std::string_view text, size_t limit = 10000) {
    auto envelope = parse_envelope(text, limit);
    return envelope.ok() ? "" : envelope.error().code;
  }

  SigningKey key_ = SigningKey::from_seed(Bytes(32, 7)).value();
  std::string text_ = sign_envelope(key_, kType, as_bytes(kPayload));
};

TEST_F(Dsse, SignedEnvelopeVerifies) {
  auto envelope = parse_envelope(text_, text_.size());
  ASSERT_TRUE(envelope.ok()) << envelope.error().message;
  EXPECT_EQ(envelope->payload_type, kType);
  EXPECT_EQ(as_text(envelope->payload), kPayload);
  EXPECT_EQ(envelope->key_id, key_id(key_.public_key()));
  EXPECT_TRUE(verify_envelope(*envelope, key_.public_key()));
}

TEST_F(Dsse, SignsThePreAuthenticationEncoding) {
  // The example of the DSSE specification.
  auto envelope = parse_envelope(text_, 10000);
  ASSERT_TRUE(envelope.ok());
  EXPECT_TRUE(verify_signature(key_.public_key(),
                               as_bytes("DSSEv1 29 http://example.com/HelloWorld 11 hello world"),
                               envelope->signature));
}

TEST_F(Dsse, TextIsCanonical) {
  EXPECT_EQ(canonical_json(parse_json(text_).value()), text_);
  EXPECT_TRUE(text_.starts_with(R"({"payload":"aGVsbG8gd29ybGQ=","payloadType":"http://)"));
}

TEST_F(Dsse, AnyChangeIsRefused) {
  const Envelope good = parse_envelope(text_, 10000).value();
  Envelope changed = good;
  changed.payload[0] ^= 1;
  EXPECT_FALSE(verify_envelope(changed, key_.public_key()));
  changed = good;
  changed.payload_type += "2";
  EXPECT_FALSE(verify_envelope(changed, key_.public_key()));
  changed = good;
  changed.signature[63] ^= 1;
  EXPECT_FALSE(verify_envelope(changed, key_.public_key()));
  changed = good;
  changed.key_id[0] = changed.key_id[0] == '0' ? '1' : '0';
  EXPECT_FALSE(verify_envelope(changed, key_.public_key()));
  const SigningKey other = SigningKey::from_seed(Bytes(32, 8)).value();
  EXPECT_FALSE(verify_envelope(good, other.public_key()));
  changed.key_id = key_id(other.public_key());
  EXPECT_FALSE(verify_envelope(changed, other.public_key()));
}

TEST_F(Dsse, TypeAndPayloadCannotBeShifted) {
  // The same characters, split elsewhere, are another message.
  Envelope shifted = parse_envelope(sign_envelope(key_, "a 1 b", as_bytes("c")), 10000).value();
  ASSERT_TRUE(verify_envelope(shifted, key_.public_key()));
  shifted.payload_type = "a";
  shifted.payload = {'b', ' ', '1', ' ', 'c'};
  EXPECT_FALSE(verify_envelope(shifted, key_.public_key()));
}

TEST_F(Dsse, EmptyPayload) {
  const Envelope envelope = parse_envelope(sign_envelope(key_, "", {}), 10000).value();
  EXPECT_TRUE(envelope.payload.empty());
  EXPECT_TRUE(verify_envelope(envelope, key_.public_key()));
}

TEST_F(Dsse, RefusesOtherForms) {
  EXPECT_EQ(code(text_, text_.size() - 1), "json_too_large");
  EXPECT_EQ(code(text_.substr(1)), "json_syntax");
  EXPECT_EQ(code("[]"), "json_field");

  auto json = document(text_);
  json["extra"] = 1;
  EXPECT_EQ(code(canonical_json(json)), "json_field");
  for (const char* key : {"payload", "payloadType", "signatures"}) {
    json = document(text_);
    json.erase(key);
    EXPECT_EQ(code(canonical_json(json)), "json_field") << key;
    json[key] = 1;
    EXPECT_EQ(code(canonical_json(json)), "json_field") << key;
  }
  json = document(text_);
  json["payload"] = "aGVsbG8gd29ybGR=";
  EXPECT_EQ(code(canonical_json(json)), "bad_base64");
}

TEST_F(Dsse, RefusesAnythingButOneSignature) {
  auto json = document(text_);
  const Json entry = json["signatures"].as_array()->front();
  json["signatures"] = Json::Array{};
  EXPECT_EQ(code(canonical_json(json)), "bad_signature_form");
  json["signatures"] = Json::Array{entry, entry};
  EXPECT_EQ(code(canonical_json(json)), "bad_signature_form");
  json["signatures"] = Json::Array{Json("text")};
  EXPECT_EQ(code(canonical_json(json)), "json_field");

  for (const size_t size : {0, 63, 65}) {
    Json::Object changed = *entry.as_object();
    changed["sig"] = to_base64(Bytes(size));
    json["signatures"] = Json::Array{Json(changed)};
    EXPECT_EQ(code(canonical_json(json)), "bad_signature_form") << size;
  }
  Json::Object changed = *entry.as_object();
  changed["sig"] = "%";
  json["signatures"] = Json::Array{Json(changed)};
  EXPECT_EQ(code(canonical_json(json)), "bad_base64");
  changed = *entry.as_object();
  changed.erase("keyid");
  json["signatures"] = Json::Array{Json(changed)};
  EXPECT_EQ(code(canonical_json(json)), "json_field");
}

}  // namespace
}  // namespace ginn::crypto
