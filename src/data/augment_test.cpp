#include "data/augment.h"

#include <gtest/gtest.h>

#include <set>
#include <tuple>

#include "arithmetic/philox.h"

namespace ginn::data {
namespace {

DatasetFacts facts_of(uint32_t height, uint32_t width, uint32_t channels) {
  return {.records = 1, .height = height, .width = width, .channels = channels, .classes = 1000};
}

Bytes record_of(const DatasetFacts& facts, uint16_t label) {
  Bytes record(facts.record_bytes());
  record[0] = static_cast<uint8_t>(label);
  record[1] = static_cast<uint8_t>(label >> 8);
  for (size_t i = 2; i < record.size(); ++i) record[i] = static_cast<uint8_t>(1 + i * 13 % 251);
  return record;
}

// An image in plain loops: enlarged by zeros, cut out, mirrored; each step makes a new image.
struct Image {
  size_t height, width, channels;
  Bytes pixels;

  Image(size_t h, size_t w, size_t c) : height(h), width(w), channels(c), pixels(h * w * c) {}
  uint8_t& at(size_t y, size_t x, size_t c) { return pixels[(y * width + x) * channels + c]; }

  Image enlarged(size_t by) {
    Image result(height + 2 * by, width + 2 * by, channels);
    for (size_t y = 0; y < height; ++y)
      for (size_t x = 0; x < width; ++x)
        for (size_t c = 0; c < channels; ++c) result.at(y + by, x + by, c) = at(y, x, c);
    return result;
  }
  Image window(size_t top, size_t left, size_t h, size_t w) {
    Image result(h, w, channels);
    for (size_t y = 0; y < h; ++y)
      for (size_t x = 0; x < w; ++x)
        for (size_t c = 0; c < channels; ++c) result.at(y, x, c) = at(top + y, left + x, c);
    return result;
  }
  Image mirrored() {
    Image result(height, width, channels);
    for (size_t y = 0; y < height; ++y)
      for (size_t x = 0; x < width; ++x)
        for (size_t c = 0; c < channels; ++c) result.at(y, width - 1 - x, c) = at(y, x, c);
    return result;
  }
};

Bytes naive(const DatasetFacts& facts,
            const Preprocess& preprocess,
            const Augmentation& augmentation,
            const Bytes& record) {
  Image raw(facts.height, facts.width, facts.channels);
  std::copy(record.begin() + 2, record.end(), raw.pixels.begin());
  Image padded = raw.enlarged(preprocess.pad);
  Image result = padded.enlarged(preprocess.crop)
                     .window(augmentation.row, augmentation.column, padded.height, padded.width);
  return augmentation.flip ? result.mirrored().pixels : result.pixels;
}

Bytes prepared(const DatasetFacts& facts,
               const Preprocess& preprocess,
               const Augmentation& augmentation,
               const Bytes& record) {
  Bytes image(
      (facts.height + 2 * preprocess.pad) * (facts.width + 2 * preprocess.pad) * facts.channels,
      0xee);
  EXPECT_EQ(prepare_image(facts, preprocess, augmentation, record, image), 0x1ffu);
  return image;
}

TEST(PrepareImage, EqualsPadThenCropThenFlip) {
  for (auto [height, width, channels] : {std::tuple{5u, 7u, 3u}, {1u, 1u, 1u}, {2u, 3u, 1u}}) {
    const DatasetFacts facts = facts_of(height, width, channels);
    const Bytes record = record_of(facts, 0x1ff);
    for (uint32_t pad : {0u, 1u, 2u}) {
      for (uint32_t crop : {0u, 1u, 4u}) {  // 4 moves a small image out of its window
        const Preprocess preprocess{pad, crop, true};
        for (uint32_t row = 0; row <= 2 * crop; ++row) {
          for (uint32_t column = 0; column <= 2 * crop; ++column) {
            for (bool flip : {false, true}) {
              const Augmentation augmentation{row, column, flip};
              ASSERT_EQ(prepared(facts, preprocess, augmentation, record),
                        naive(facts, preprocess, augmentation, record))
                  << "size " << height << "x" << width << " pad " << pad << " crop " << crop
                  << " at " << row << "," << column << " flip " << flip;
            }
          }
        }
      }
    }
  }
}

TEST(PrepareImage, IdentityKeepsThePixels) {
  const DatasetFacts facts = facts_of(4, 3, 2);
  const Bytes record = record_of(facts, 0x1ff);
  const Preprocess preprocess{0, 2, true};
  EXPECT_EQ(prepared(facts, preprocess, identity_augmentation(preprocess), record),
            Bytes(record.begin() + 2, record.end()));
}

TEST(PrepareImageDeathTest, RefusesWrongSizes) {
  const DatasetFacts facts = facts_of(4, 3, 2);
  Bytes record = record_of(facts, 0x1ff);
  Bytes image(24);
  EXPECT_DEATH(prepare_image(facts, {}, {0, 0, false}, ByteView(record).first(25), image), "");
  EXPECT_DEATH(prepare_image(facts, {}, {0, 0, false}, record, std::span(image).first(23)), "");
  EXPECT_DEATH(prepare_image(facts, {}, {1, 0, false}, record, image), "");
}

// From an independent implementation in Python.
TEST(Augmentation, KnownAnswers) {
  const auto known = [](uint64_t step, uint32_t position) {
    const Augmentation found = augmentation({0, 2, true}, 0x123456789abcdef0, step, position);
    return std::tuple(found.row, found.column, found.flip);
  };
  EXPECT_EQ(known(0, 0), std::tuple(0u, 0u, false));
  EXPECT_EQ(known(5, 3), std::tuple(2u, 1u, true));
  EXPECT_EQ(known((uint64_t{1} << 33) + 1, 127), std::tuple(3u, 1u, true));
  EXPECT_EQ(known(9, 1), std::tuple(0u, 2u, true));
}

TEST(Augmentation, ReachesEveryOffsetAndBothSides) {
  std::set<std::tuple<uint32_t, uint32_t, bool>> seen;
  for (uint64_t step = 0; step < 20; ++step) {
    for (uint32_t position = 0; position < 64; ++position) {
      const Augmentation found = augmentation({0, 2, true}, 1, step, position);
      seen.insert({found.row, found.column, found.flip});
    }
  }
  EXPECT_EQ(seen.size(), 50u);
  for (auto [row, column, flip] : seen) {
    EXPECT_LE(row, 4u);
    EXPECT_LE(column, 4u);
  }
}

TEST(Augmentation, WithoutCropAndFlipIsTheIdentity) {
  for (uint32_t position = 0; position < 64; ++position) {
    const Augmentation found = augmentation({3, 0, false}, 1, 2, position);
    EXPECT_EQ(found.row, 0u);
    EXPECT_EQ(found.column, 0u);
    EXPECT_FALSE(found.flip);
  }
}

}  // namespace
}  // namespace ginn::data
