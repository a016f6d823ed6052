#include "crypto/aead.h"

#include <gtest/gtest.h>

#include <string>

namespace ginn::crypto {
namespace {

const Digest kKey = sha256(as_bytes("key"));

TEST(Aead, WhatWasSealedComesBack) {
  for (size_t size : {size_t{0}, size_t{1}, size_t{16}, size_t{1000}}) {
    const Bytes plain(size, 7);
    const auto sealed = seal(kKey, plain, as_bytes("context"));
    ASSERT_TRUE(sealed.ok());
    EXPECT_EQ(sealed->size(), size + kSealBytes);
    const auto again = unseal(kKey, *sealed, as_bytes("context"));
    ASSERT_TRUE(again.ok());
    EXPECT_EQ(*again, plain);
  }
}

TEST(Aead, NoTwoAreAlike) {
  EXPECT_NE(*seal(kKey, as_bytes("plain"), {}), *seal(kKey, as_bytes("plain"), {}));
}

TEST(Aead, AnyChangeIsRefused) {
  const Bytes sealed = *seal(kKey, as_bytes("plain"), as_bytes("context"));
  const auto code = [](const Result<Bytes>& result) {
    return result.ok() ? "" : std::string(result.error().code);
  };
  for (size_t bit = 0; bit < 8 * sealed.size(); ++bit) {
    Bytes changed = sealed;
    changed[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
    EXPECT_EQ(code(unseal(kKey, changed, as_bytes("context"))), "seal_broken") << bit;
  }
  for (size_t size = 0; size < sealed.size(); ++size) {
    EXPECT_EQ(code(unseal(kKey, ByteView(sealed).first(size), as_bytes("context"))), "seal_broken");
  }
  EXPECT_EQ(code(unseal(kKey, sealed, as_bytes("another"))), "seal_broken");
  EXPECT_EQ(code(unseal(sha256(as_bytes("other")), sealed, as_bytes("context"))), "seal_broken");
}

// NIST's GCM test case 16 (AES-256, with additional data).
TEST(Aead, PublishedValue) {
  const auto bytes = [](std::string_view hex) {
    Bytes out;
    for (size_t i = 0; i < hex.size(); i += 2) {
      out.push_back(static_cast<uint8_t>(std::stoul(std::string(hex.substr(i, 2)), nullptr, 16)));
    }
    return out;
  };
  const Bytes key_bytes = bytes("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
  Digest key;
  std::copy(key_bytes.begin(), key_bytes.end(), key.begin());
  const Bytes sealed = bytes(
      "cafebabefacedbaddecaf888"
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
      "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
      "76fc6ece0f4e1768cddf8853bb2d551b");
  const auto plain = unseal(key, sealed, bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2"));
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(*plain,
            bytes("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                  "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"));
}

}  // namespace
}  // namespace ginn::crypto
