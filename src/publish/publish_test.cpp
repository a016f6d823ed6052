#include <gtest/gtest.h>

#include "publish/statements.h"

// What other tools make of the files is tested with those tools (tests/end_to_end).
namespace ginn::publish {
namespace {

// Made with: openssl ecparam -name prime256v1 -genkey -noout
constexpr std::string_view kKey = R"(-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIL9CjmG8gnVFfGQEs+YbbIVwhlKUGi+2zg1WsW4avrZZoAoGCCqGSM49
AwEHoUQDQgAEMtSDzmWGt71XgaanTnWTCJe6G17ibVPvccV62ptUvwq/ONeCJY9j
ftcZyEhutHD+mWlMbPUnMPjhohXKuctqGQ==
-----END EC PRIVATE KEY-----)";

std::string code_of(std::string_view pem) {
  const auto key = EcdsaKey::from_pem(as_bytes(pem));
  return key.ok() ? "ok" : key.error().code;
}

TEST(EcdsaKey, OnlyAPlainP256Key) {
  EXPECT_EQ(code_of(kKey), "ok");
  EXPECT_EQ(code_of(""), "bad_key");
  EXPECT_EQ(code_of(kKey.substr(0, kKey.size() / 2)), "bad_key");
  EXPECT_EQ(code_of(std::string(20000, '-')), "bad_key");
  EXPECT_EQ(code_of(R"(-----BEGIN EC PRIVATE KEY-----
MIGkAgEBBDBkutqixMni7hc+UKsgF+l8dSpiRpw2nrVEtFltnKnx5TkMsFVGlQ+w
e8z/R+mOY52gBwYFK4EEACKhZANiAATY3l0+HPiQvtoqawseejh8CILq17Qn6vnt
QP2D4zk0U73IoH8CezR6oW5R/wb6Vb91wnvJVwYw4Dm+is38wGe/5TIKLqtL5mJn
Ek3tRBI3DWPABsG8Wmk7+04xzR8MkZA=
-----END EC PRIVATE KEY-----)"),
            "bad_key");
  EXPECT_EQ(code_of(R"(-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIOb4JsBYTL0zoTP9VjNF/N2yU6imFTRBtYN1ycH5aDjw
-----END PRIVATE KEY-----)"),
            "bad_key");
}

TEST(EcdsaKey, SignsAndTellsItsPublicKey) {
  const auto key = EcdsaKey::from_pem(as_bytes(kKey));
  ASSERT_TRUE(key.ok());
  EXPECT_TRUE(key->public_pem().starts_with("-----BEGIN PUBLIC KEY-----\n"));
  const Bytes signature = key->sign(as_bytes("text"));
  EXPECT_GE(signature.size(), 68u);
  EXPECT_EQ(signature[0], 0x30);
  EXPECT_NE(key->sign(as_bytes("text")), Bytes{});
}

TEST(Statements, NothingIsSignedWithoutACertificate) {
  const auto key = EcdsaKey::from_pem(as_bytes(kKey));
  EXPECT_STREQ(model_signature({}, *key).error().code, "not_found");
  EXPECT_STREQ(slsa_provenance({}, *key).error().code, "not_found");
  certificate::Bundle bad;
  bad.files["certificate.json"] = "{}";
  EXPECT_STREQ(model_signature(bad, *key).error().code, "json_field");
}

}  // namespace
}  // namespace ginn::publish
