#include "base/crc32c.h"

#include <gtest/gtest.h>

namespace ginn {
namespace {

// RFC 3720, appendix B.4.
TEST(Crc32c, PublishedValues) {
  EXPECT_EQ(crc32c({}), 0u);
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xe3069283u);
  EXPECT_EQ(crc32c(Bytes(32, 0)), 0x8a9136aau);
  EXPECT_EQ(crc32c(Bytes(32, 0xff)), 0x62a8ab43u);
  Bytes ascending(32);
  for (size_t i = 0; i < 32; ++i) ascending[i] = static_cast<uint8_t>(i);
  EXPECT_EQ(crc32c(ascending), 0x46dd794eu);
}

TEST(Crc32c, PartsGiveTheWhole) {
  Bytes bytes(100);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * 31 + 7);
  const ByteView all(bytes);
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    EXPECT_EQ(crc32c(all.subspan(cut), crc32c(all.first(cut))), crc32c(all)) << cut;
  }
}

// Long inputs are summed in three stretches at once, single bytes from a table.
TEST(Crc32c, LongInputsAreTheirBytesInARow) {
  Bytes bytes(3 * 3072 + 17);
  uint32_t word = 1;
  for (uint8_t& byte : bytes) {
    word = word * 1664525 + 1013904223;
    byte = static_cast<uint8_t>(word >> 24);
  }
  const ByteView all(bytes);
  uint32_t crc = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    crc = crc32c(all.subspan(i, 1), crc);
    const size_t rest = (i + 1) % 3072;
    if (rest < 2 || rest > 3070 || i + 1 == bytes.size()) {
      EXPECT_EQ(crc32c(all.first(i + 1)), crc) << i;
    }
  }
  EXPECT_EQ(crc32c(all.subspan(1), crc32c(all.first(1))), crc) << "unaligned";
}

TEST(Crc32c, EveryFlippedBitShows) {
  Bytes bytes(64, 0x5a);
  const uint32_t before = crc32c(bytes);
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    bytes[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
    EXPECT_NE(crc32c(bytes), before) << bit;
    bytes[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
  }
}

}  // namespace
}  // namespace ginn
