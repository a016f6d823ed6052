#include "import/gzip.h"

#include <gtest/gtest.h>

#include "import/import_test_files.h"

namespace ginn::import {
namespace {

using testing::counting;
using testing::gzip;
using testing::joined;

std::string code_of(const Result<Bytes>& result) {
  return result.ok() ? "ok" : result.error().code;
}
std::string gunzip_code(const Bytes& bytes, uint64_t limit = 1 << 20) {
  return code_of(gunzip(bytes, limit, "file"));
}

TEST(Gzip, GivesTheContent) {
  for (size_t size : {0u, 1u, 1000u, 65535u, 65536u, 65537u, 300000u}) {
    const Bytes content = counting(size);
    const auto result = gunzip(gzip(content), size, "file");
    ASSERT_TRUE(result.ok()) << result.error().message;
    EXPECT_EQ(*result, content);
  }
}

TEST(Gzip, IsKnownByItsMagic) {
  EXPECT_TRUE(is_gzip(gzip({})));
  EXPECT_FALSE(is_gzip(Bytes{0x1f}));
  EXPECT_FALSE(is_gzip(Bytes{0x1f, 0x8c}));
  EXPECT_FALSE(is_gzip({}));
}

TEST(Gzip, JoinsMembers) {
  const Bytes both = joined(joined(gzip(counting(10)), gzip({})), gzip(counting(20)));
  const auto result = gunzip(both, 30, "file");
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(*result, joined(counting(10), counting(20)));
  EXPECT_EQ(gunzip_code(both, 29), "gzip_too_large");
}

TEST(Gzip, LimitIsExact) {
  for (size_t size : {1u, 1000u, 65536u, 200000u}) {
    EXPECT_EQ(gunzip_code(gzip(counting(size)), size), "ok");
    EXPECT_EQ(gunzip_code(gzip(counting(size)), size - 1), "gzip_too_large");
  }
}

TEST(Gzip, AHighlyCompressedFileStopsAtTheLimit) {
  const Bytes bomb = gzip(Bytes(size_t{64} << 20));
  ASSERT_LT(bomb.size(), 100000u);
  EXPECT_EQ(gunzip_code(bomb, 1000), "gzip_too_large");
}

TEST(Gzip, EveryTruncationIsRefused) {
  const Bytes whole = joined(gzip(counting(500)), gzip(counting(700)));
  const size_t first_member = gzip(counting(500)).size();
  for (size_t size = 0; size < whole.size(); ++size) {
    const Bytes part(whole.begin(), whole.begin() + static_cast<long>(size));
    std::string expected = "gzip_truncated";
    if (size == first_member) expected = "ok";
    if (size == first_member + 1) expected = "gzip_trailing_garbage";
    EXPECT_EQ(gunzip_code(part), expected) << "size " << size;
  }
}

TEST(Gzip, TrailingGarbageIsRefused) {
  for (const Bytes& tail : {Bytes{0}, Bytes{0x1f}, Bytes(512), Bytes{'a', 'b'}}) {
    EXPECT_EQ(gunzip_code(joined(gzip(counting(50)), tail)), "gzip_trailing_garbage");
  }
  EXPECT_EQ(gunzip_code(joined(gzip(counting(50)), {0x1f, 0x8b, 7, 0})), "gzip_corrupt");
}

TEST(Gzip, ChecksumAndLengthAreChecked) {
  const Bytes good = gzip(counting(5000));
  for (size_t from_end = 1; from_end <= 8; ++from_end) {
    Bytes bad = good;
    bad[bad.size() - from_end] ^= 1;
    EXPECT_EQ(gunzip_code(bad), "gzip_corrupt") << from_end << " bytes before the end";
  }
  Bytes bad = good;
  bad[good.size() / 2] ^= 0x10;
  EXPECT_NE(gunzip_code(bad), "ok");
  EXPECT_EQ(gunzip_code({'n', 'o', 't', ' ', 'g', 'z', 'i', 'p'}), "gzip_corrupt");
}

TEST(Gzip, PrefixIsTheBeginning) {
  const Bytes file = gzip(counting(1000));
  const auto first = gunzip_prefix(file, 20, "file");
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(*first, counting(20));
  const auto all = gunzip_prefix(gzip(counting(7)), 20, "file");
  ASSERT_TRUE(all.ok());
  EXPECT_EQ(*all, counting(7));
  EXPECT_EQ(code_of(gunzip_prefix(ByteView(file).first(12), 20, "file")), "gzip_truncated");
}

TEST(Gzip, MessagesNameTheFileAndTheOffset) {
  const Bytes whole = gzip(counting(500));
  const auto result = gunzip(ByteView(whole).first(100), 1000, "train.gz");
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message.find("train.gz"), std::string::npos);
  EXPECT_NE(result.error().message.find("offset 100"), std::string::npos);
}

}  // namespace
}  // namespace ginn::import
