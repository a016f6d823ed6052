#include "crypto/aead.h"

#include <gtest/gtest.h>

#include <span>
#include <string>

namespace ginn::crypto {
namespace {

const Digest kKey = sha256(as_bytes("key"));

Bytes bytes_of(std::string_view text) {
  const ByteView view = as_bytes(text);
  return Bytes(view.begin(), view.end());
}

// "context" and the sealed parts behind it.
constexpr size_t kContext = 7;
Bytes file_of(std::span<const ByteView> parts) {
  Bytes file = bytes_of("context");
  EXPECT_TRUE(seal(kKey, parts, file).ok());
  return file;
}
Bytes file_of(ByteView plain) { return file_of(std::span<const ByteView>(&plain, 1)); }

// What is in `file`, or the error's code.
std::string opened(Bytes file, size_t context = kContext, const Digest& key = kKey) {
  const auto plain = unseal(key, file, context);
  if (plain.ok()) return std::string(as_text(*plain));
  EXPECT_TRUE(file.empty());  // nothing that was not verified is left to be used
  return plain.error().code;
}

TEST(Aead, WhatWasSealedComesBack) {
  for (size_t size : {size_t{0}, size_t{1}, size_t{16}, size_t{1000}}) {
    const std::string plain(size, 'p');
    const Bytes file = file_of(as_bytes(plain));
    EXPECT_EQ(file.size(), kContext + size + kSealBytes);
    EXPECT_EQ(opened(file), plain);
  }
}

TEST(Aead, PartsAreOneText) {
  const ByteView parts[] = {as_bytes("seventeen letters"), {}, as_bytes("and"), as_bytes(" more")};
  EXPECT_EQ(opened(file_of(parts)), "seventeen lettersand more");
  EXPECT_EQ(opened(file_of(std::span<const ByteView>())), "");
}

TEST(Aead, NoTwoAreAlike) { EXPECT_NE(file_of(as_bytes("plain")), file_of(as_bytes("plain"))); }

TEST(Aead, AnyChangeIsRefused) {
  const Bytes file = file_of(as_bytes("plain"));
  for (size_t bit = 0; bit < 8 * file.size(); ++bit) {
    Bytes changed = file;
    changed[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
    EXPECT_EQ(opened(changed), "seal_broken") << bit;
  }
  for (size_t size = 0; size < file.size(); ++size) {
    EXPECT_EQ(opened(Bytes(file.begin(), file.begin() + static_cast<ptrdiff_t>(size))),
              "seal_broken");
  }
  EXPECT_EQ(opened(file, kContext - 1), "seal_broken");
  EXPECT_EQ(opened(file, kContext + 1), "seal_broken");
  EXPECT_EQ(opened(file, kContext, sha256(as_bytes("other"))), "seal_broken");
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
  Bytes file = bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  const size_t context = file.size();
  const Bytes sealed = bytes(
      "cafebabefacedbaddecaf888"
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
      "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
      "76fc6ece0f4e1768cddf8853bb2d551b");
  file.insert(file.end(), sealed.begin(), sealed.end());
  const auto plain = unseal(key, file, context);
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(Bytes(plain->begin(), plain->end()),
            bytes("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                  "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"));
}

}  // namespace
}  // namespace ginn::crypto
