#include "attack/png.h"

#include <gtest/gtest.h>
#include <png.h>

namespace ginn::attack {
namespace {

struct Picture {
  uint32_t height = 0, width = 0, format = 0;
  Bytes pixels;
};

Picture read(const Bytes& file) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  EXPECT_NE(png_image_begin_read_from_memory(&image, file.data(), file.size()), 0) << image.message;
  Picture picture{image.height, image.width, image.format, Bytes(PNG_IMAGE_SIZE(image))};
  EXPECT_NE(png_image_finish_read(&image, nullptr, picture.pixels.data(), 0, nullptr), 0)
      << image.message;
  return picture;
}

TEST(Png, PixelsComeBack) {
  const Bytes gray = {0, 255, 128, 7, 8, 9};
  const Picture one = read(png(gray, 2, 3, 1));
  EXPECT_EQ(one.height, 2u);
  EXPECT_EQ(one.width, 3u);
  EXPECT_EQ(one.format, static_cast<uint32_t>(PNG_FORMAT_GRAY));
  EXPECT_EQ(one.pixels, gray);
  const Bytes colour = {255, 0, 1, 2, 3, 4};
  const Picture three = read(png(colour, 1, 2, 3));
  EXPECT_EQ(three.height, 1u);
  EXPECT_EQ(three.width, 2u);
  EXPECT_EQ(three.format, static_cast<uint32_t>(PNG_FORMAT_RGB));
  EXPECT_EQ(three.pixels, colour);
}

TEST(Png, LargePicturesComeBack) {
  const uint32_t side = 300;
  Bytes pixels(size_t{side} * side);
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<uint8_t>(i * i >> 7);
  EXPECT_EQ(read(png(pixels, side, side, 1)).pixels, pixels);
}

// Two channels: the first, as gray.
TEST(Png, OtherChannelsAreLeftOut) {
  const Bytes two = {1, 9, 2, 9}, one = {1, 2};
  EXPECT_EQ(png(two, 1, 2, 2), png(one, 1, 2, 1));
}

}  // namespace
}  // namespace ginn::attack
