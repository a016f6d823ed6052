#include "crypto/signature.h"

#include <gtest/gtest.h>

#include <bit>
#include <set>

#include "base/text.h"
#include "crypto/sha256.h"

namespace ginn::crypto {
namespace {

struct Vector {
  std::string_view seed, public_key, message, signature;
};
// RFC 8032, section 7.1, tests 1 to 3.
constexpr Vector kVectors[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
     "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b"
     "46bd25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
     "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11"
     "d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
     "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc"
     "6594a7c15e9716ed28dc027beceea1ec40a"}};

TEST(Signature, KnownAnswers) {
  for (const Vector& vector : kVectors) {
    auto key = SigningKey::from_seed(from_hex(vector.seed).value());
    ASSERT_TRUE(key.ok());
    EXPECT_EQ(to_hex(key->public_key()), vector.public_key);
    const Bytes message = from_hex(vector.message).value();
    const Signature signature = key->sign(message);
    EXPECT_EQ(to_hex(signature), vector.signature);
    EXPECT_TRUE(verify_signature(key->public_key(), message, signature));
  }
}

TEST(Signature, AnyChangedBitIsRefused) {
  auto key = SigningKey::from_seed(from_hex(kVectors[2].seed).value());
  ASSERT_TRUE(key.ok());
  const Bytes message = from_hex(kVectors[2].message).value();
  const Signature signature = key->sign(message);
  for (size_t i = 0; i < 8 * signature.size(); ++i) {
    Signature changed = signature;
    changed[i / 8] = static_cast<uint8_t>(changed[i / 8] ^ 1u << i % 8);
    EXPECT_FALSE(verify_signature(key->public_key(), message, changed)) << i;
  }
  for (size_t i = 0; i < 8 * message.size(); ++i) {
    Bytes changed = message;
    changed[i / 8] = static_cast<uint8_t>(changed[i / 8] ^ 1u << i % 8);
    EXPECT_FALSE(verify_signature(key->public_key(), changed, signature)) << i;
  }
  for (size_t i = 0; i < 8 * sizeof(PublicKey); ++i) {
    PublicKey changed = key->public_key();
    changed[i / 8] = static_cast<uint8_t>(changed[i / 8] ^ 1u << i % 8);
    EXPECT_FALSE(verify_signature(changed, message, signature)) << i;
  }
  EXPECT_FALSE(verify_signature(key->public_key(), ByteView(message).first(1), signature));
}

TEST(Signature, SeedsHave32Bytes) {
  for (const size_t size : {0, 31, 33, 64}) {
    auto key = SigningKey::from_seed(Bytes(size));
    ASSERT_FALSE(key.ok()) << size;
    EXPECT_STREQ(key.error().code, "bad_key_seed");
  }
}

TEST(Signature, GeneratedKeysDifferAndWork) {
  auto a = SigningKey::generate();
  auto b = SigningKey::generate();
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_NE(a->public_key(), b->public_key());
  const Signature signature = a->sign(as_bytes("message"));
  EXPECT_TRUE(verify_signature(a->public_key(), as_bytes("message"), signature));
  EXPECT_FALSE(verify_signature(b->public_key(), as_bytes("message"), signature));
}

TEST(Signature, KeysMove) {
  SigningKey first = SigningKey::from_seed(from_hex(kVectors[0].seed).value()).value();
  SigningKey second = SigningKey::from_seed(from_hex(kVectors[1].seed).value()).value();
  SigningKey moved = std::move(first);
  EXPECT_EQ(to_hex(moved.sign({})), kVectors[0].signature);
  moved = std::move(second);
  EXPECT_EQ(to_hex(moved.public_key()), kVectors[1].public_key);
  EXPECT_EQ(to_hex(moved.sign(from_hex("72").value())), kVectors[1].signature);
}

TEST(Signature, KeyIdIsTheDigestOfTheKey) {
  auto key = SigningKey::from_seed(Bytes(32));
  ASSERT_TRUE(key.ok());
  EXPECT_EQ(key_id(key->public_key()), hex(sha256(key->public_key())));
}

TEST(RandomGenerator, TwoInstancesDiffer) {
  auto a = RandomGenerator::create();
  auto b = RandomGenerator::create();
  ASSERT_TRUE(a.ok() && b.ok());
  std::set<uint64_t> seen;
  for (int i = 0; i < 1000; ++i) {
    seen.insert(a->next());
    seen.insert(b->next());
  }
  EXPECT_EQ(seen.size(), 2000u);  // a repeat of 64 bits has a chance of 1e-13
}

TEST(RandomGenerator, EachBitIsSetHalfOfTheTime) {
  auto generator = RandomGenerator::create();
  ASSERT_TRUE(generator.ok());
  constexpr int kCount = 10000;
  std::array<int, 64> ones{};
  for (int i = 0; i < kCount; ++i) {
    const uint64_t value = generator->next();
    for (size_t bit = 0; bit < 64; ++bit) ones[bit] += static_cast<int>(value >> bit & 1);
  }
  for (const int count : ones) EXPECT_NEAR(count, kCount / 2, 400);  // 8 standard deviations
}

TEST(RandomGenerator, AMovedOneGoesOn) {
  RandomGenerator generator = RandomGenerator::create().value();
  const uint64_t first = generator.next();
  RandomGenerator moved = std::move(generator);
  const uint64_t second = moved.next();
  generator = std::move(moved);
  EXPECT_NE(first, second);
  EXPECT_NE(generator.next(), second);
}

TEST(RandomGeneratorDeathTest, NumbersAreNeverGivenTwice) {
  static_assert(!std::is_copy_constructible_v<RandomGenerator>);
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        RandomGenerator generator = RandomGenerator::create().value();
        RandomGenerator moved = std::move(generator);
        generator.next();
      },
      "broken invariant");
}

}  // namespace
}  // namespace ginn::crypto
