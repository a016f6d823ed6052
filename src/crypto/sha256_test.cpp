#include "crypto/sha256.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/text.h"

namespace ginn::crypto {
namespace {

constexpr std::string_view kEmpty =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr std::string_view kAbc =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST(Sha256, KnownAnswers) {
  // FIPS 180-4 examples.
  EXPECT_EQ(hex(sha256({})), kEmpty);
  EXPECT_EQ(hex(sha256(as_bytes("abc"))), kAbc);
  EXPECT_EQ(hex(sha256(as_bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hex(sha256(Bytes(1000000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, PiecesGiveTheSameAsTheWhole) {
  Bytes bytes(200);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i);
  const Digest whole = sha256(bytes);
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    Sha256 hasher;
    hasher.update(ByteView(bytes).first(cut)).update(ByteView(bytes).subspan(cut));
    EXPECT_EQ(hasher.finish(), whole);
  }
}

TEST(Sha256, FinishLeavesItReadyForANewMessage) {
  Sha256 hasher;
  EXPECT_EQ(hex(hasher.update(as_bytes("abc")).finish()), kAbc);
  EXPECT_EQ(hex(hasher.finish()), kEmpty);
  EXPECT_EQ(hex(hasher.update(as_bytes("a")).update(as_bytes("bc")).finish()), kAbc);
}

TEST(Sha256, ThreadsDoNotDisturbEachOther) {
  std::vector<std::thread> threads;
  std::array<int, 4> wrong{};
  for (size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([t, &wrong] {
      for (int i = 0; i < 2000; ++i) wrong[t] += hex(sha256(as_bytes("abc"))) != kAbc;
    });
  }
  for (auto& thread : threads) thread.join();
  for (const int count : wrong) EXPECT_EQ(count, 0);
}

TEST(Sha256, TaggedTextRoundTrips) {
  const Digest digest = sha256(as_bytes("abc"));
  EXPECT_EQ(tagged(digest), concat("sha256:", kAbc));
  auto back = parse_tagged(tagged(digest));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(*back, digest);
}

TEST(Sha256, OtherTextIsNoDigest) {
  const std::string good = tagged(sha256({}));
  std::string upper = good;
  upper[7] = 'E';
  std::string foreign = good;
  foreign[70] = 'g';
  for (const std::string& bad : {std::string(),
                                 good.substr(7),
                                 good + "0",
                                 good.substr(0, 70),
                                 "sha512:" + good.substr(7),
                                 "SHA256:" + good.substr(7),
                                 upper,
                                 foreign,
                                 " " + good,
                                 good + "\n"}) {
    auto result = parse_tagged(bad);
    ASSERT_FALSE(result.ok()) << bad;
    EXPECT_STREQ(result.error().code, "bad_digest");
  }
}

}  // namespace
}  // namespace ginn::crypto
