#include "attack/png.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace ginn::attack {
namespace {

// Made of zlib.crc32 and zlib.adler32 by hand (Python).
TEST(Png, ASmallOneByteByByte) {
  const Bytes gray = {0, 255, 128, 7, 8, 9};
  EXPECT_EQ(to_hex(png(gray, 2, 3, 1)),
            "89504e470d0a1a0a0000000d4948445200000003000000020800000000b81f39c600000013494441"
            "547801010800f7ff0000ff800007080908b0019895c3dbda0000000049454e44ae426082");
  const Bytes colour = {255, 0, 1, 2, 3, 4};
  EXPECT_EQ(to_hex(png(colour, 1, 2, 3)),
            "89504e470d0a1a0a0000000d49484452000000020000000108020000007b40e8dd00000012494441"
            "547801010700f8ff00ff00010203040615010ad8f5b8ff0000000049454e44ae426082");
}

// Larger than one stored block.
TEST(Png, EveryBlockIsThere) {
  const uint32_t side = 300;
  const Bytes pixels(size_t{side} * side, 3);
  const Bytes file = png(pixels, side, side, 1);
  const size_t rows = size_t{side} * (side + 1);
  EXPECT_EQ(file.size(), 8 + 25 + 12 + (2 + 2 * 5 + rows + 4) + 12);
}

// Two channels: the first, as gray.
TEST(Png, OtherChannelsAreLeftOut) {
  const Bytes two = {1, 9, 2, 9}, one = {1, 2};
  EXPECT_EQ(png(two, 1, 2, 2), png(one, 1, 2, 1));
}

}  // namespace
}  // namespace ginn::attack
