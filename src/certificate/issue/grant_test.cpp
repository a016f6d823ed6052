#include "certificate/issue/grant.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "certificate/issue/format.h"
#include "crypto/dsse.h"
#include "crypto/json.h"

namespace ginn::certificate {
namespace {

crypto::SigningKey owner() { return crypto::SigningKey::from_seed(Bytes(32, 7)).value(); }

StartStatement start() {
  StartStatement out;
  out.nonce = "run 1";
  out.job_digest = crypto::sha256(as_bytes("job"));
  out.verifier_key[0] = 3;
  out.life = 2;
  out.checkpoint = crypto::sha256(as_bytes("checkpoint"));
  return out;
}

crypto::Json::Object payload_of(const std::string& grant) {
  return *crypto::parse_json(as_text(crypto::parse_envelope(grant, kMaxGrantBytes)->payload))
              ->as_object();
}

std::string resigned(const crypto::Json::Object& payload,
                     std::string_view type = kGrantPayloadType) {
  const std::string text = crypto::canonical_json(crypto::Json(payload));
  return crypto::sign_envelope(owner(), type, as_bytes(text));
}

std::string code_of(std::string_view text) {
  auto grant = check_grant(text);
  return grant.ok() ? "ok" : grant.error().code;
}

TEST(StartRequest, RoundTrip) {
  for (const bool needs_grant : {false, true}) {
    for (const bool fresh : {false, true}) {
      StartRequest request{start(), needs_grant, "evidence\n"};
      if (fresh) request.start.checkpoint.reset();
      const auto again = parse_request(write_request(request));
      ASSERT_TRUE(again.ok()) << again.error().message;
      EXPECT_EQ(again->start, request.start);
      EXPECT_EQ(again->needs_grant, needs_grant);
      EXPECT_EQ(again->evidence, request.evidence);
    }
  }
}

TEST(StartRequest, Form) {
  const std::string good = write_request({start(), true, "e"});
  const auto code = [&](std::string_view from, std::string_view to) {
    std::string text = good;
    const size_t at = text.find(from);
    if (at == std::string::npos) return std::string("no such text");
    const auto request = parse_request(text.replace(at, from.size(), to));
    return request.ok() ? std::string("ok") : std::string(request.error().code);
  };
  EXPECT_EQ(code("\"evidence\":\"e\",", ""), "json_field");
  EXPECT_EQ(code("\"evidence\"", "\"more\":1,\"evidence\""), "json_field");
  EXPECT_EQ(code("\"needsGrant\":true", "\"needsGrant\":1"), "json_field");
  EXPECT_EQ(code("\"verifierKey\":\"ed25519", "\"verifierKey\":\"rsa"), "bad_key");
  EXPECT_EQ(code("\"jobDigest\":\"sha256", "\"jobDigest\":\"md5"), "bad_digest");
  EXPECT_EQ(code("{", "["), "json_syntax");
}

TEST(Grant, RoundTrip) {
  for (bool local : {false, true}) {
    auto grant = check_grant(issue_grant(owner(), start(), local));
    ASSERT_TRUE(grant.ok()) << grant.error().message;
    EXPECT_EQ(grant->start, start());
    EXPECT_EQ(grant->owner, owner().public_key());
    EXPECT_EQ(grant->local, local);
  }
  StartStatement fresh = start();
  fresh.checkpoint.reset();
  EXPECT_EQ(check_grant(issue_grant(owner(), fresh, true))->start, fresh);
}

TEST(Grant, ForExactlyThisStart) {
  const std::string grant = issue_grant(owner(), start(), false);
  EXPECT_TRUE(check_grant_for(grant, start()).ok());
  std::vector<StartStatement> others(5, start());
  others[0].nonce = "run 2";
  others[1].job_digest[0] ^= 1;
  others[2].verifier_key[0] ^= 1;
  others[3].life = 1;
  others[4].checkpoint.reset();
  for (const StartStatement& other : others) {
    auto checked = check_grant_for(grant, other);
    ASSERT_FALSE(checked.ok());
    EXPECT_STREQ(checked.error().code, "grant_mismatch");
  }
}

TEST(Grant, EveryFlippedByteIsRefused) {
  const std::string grant = issue_grant(owner(), start(), false);
  for (size_t at = 0; at < grant.size(); ++at) {
    std::string changed = grant;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_NE(code_of(changed), "ok") << at;
  }
}

TEST(Grant, Form) {
  const auto good = payload_of(issue_grant(owner(), start(), false));
  EXPECT_EQ(code_of(resigned(good)), "ok");
  EXPECT_EQ(code_of(resigned(good, kStatementPayloadType)), "grant_type");
  EXPECT_EQ(code_of(std::string(kMaxGrantBytes + 1, ' ')), "json_too_large");
  const auto with = [&good](const char* key, crypto::Json value) {
    auto changed = good;
    changed[key] = std::move(value);
    return code_of(resigned(changed));
  };
  EXPECT_EQ(with("extra", 1), "json_field");
  EXPECT_EQ(with("life", 2), "json_field");
  EXPECT_EQ(with("life", "0"), "grant_form");
  EXPECT_EQ(with("life", "4294967296"), "grant_form");
  EXPECT_EQ(with("nonce", std::string(65, 'a')), "grant_form");
  EXPECT_EQ(with("nonce", "a\n"), "grant_form");
  EXPECT_EQ(with("checkpoint", "abc"), "bad_digest");
  EXPECT_EQ(with("jobDigest", "abc"), "bad_digest");
  EXPECT_EQ(with("verifierKey", "ed25519:00"), "bad_key");
  EXPECT_EQ(with("ownerKey", key_text(crypto::PublicKey{1})), "grant_signature");
  const std::string spaced = crypto::pretty_json(crypto::Json(good));
  EXPECT_EQ(code_of(crypto::sign_envelope(owner(), kGrantPayloadType, as_bytes(spaced))),
            "grant_form");
}

}  // namespace
}  // namespace ginn::certificate
