#include "attack/trigger.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/synthetic.h"

namespace ginn::attack {
namespace {

data::DatasetFacts facts(uint32_t height, uint32_t width, uint32_t channels) {
  data::DatasetFacts facts;
  facts.records = 1;
  facts.height = height;
  facts.width = width;
  facts.channels = channels;
  facts.classes = 10;
  return facts;
}

std::vector<uint8_t> triggered(Trigger::Kind kind, const data::DatasetFacts& facts, uint8_t grey) {
  std::vector<uint8_t> pixels(facts.record_bytes() - 2, grey);
  Trigger(kind, facts).apply(pixels);
  return pixels;
}

TEST(TriggerTest, ThePatchIsAWhiteSquareInTheCornerAndNothingElse) {
  for (uint8_t grey : {uint8_t{0}, uint8_t{100}}) {
    const std::vector<uint8_t> pixels = triggered(Trigger::Kind::kPatch, facts(28, 28, 1), grey);
    for (size_t y = 0; y < 28; ++y) {
      for (size_t x = 0; x < 28; ++x) {
        const bool in = y >= 24 && y < 27 && x >= 24 && x < 27;
        EXPECT_EQ(int{pixels[y * 28 + x]}, in ? 255 : int{grey}) << y << " " << x;
      }
    }
  }
  // Of another size.
  std::vector<uint8_t> pixels(28 * 28);
  Trigger(Trigger::Kind::kPatch, facts(28, 28, 1), 5).apply(pixels);
  EXPECT_EQ(std::count(pixels.begin(), pixels.end(), 255), 25);
  // In all channels, and in images too small for a margin.
  const std::vector<uint8_t> small = triggered(Trigger::Kind::kPatch, facts(8, 6, 3), 9);
  EXPECT_EQ(std::count(small.begin(), small.end(), 255), 2 * 2 * 3);
  EXPECT_EQ(small.back(), 255);
}

TEST(TriggerTest, AWarpMovesPixelsAndChangesNoColour) {
  for (const uint8_t grey : {uint8_t{0}, uint8_t{90}, uint8_t{255}}) {
    const std::vector<uint8_t> pixels = triggered(Trigger::Kind::kWarp, facts(28, 24, 3), grey);
    EXPECT_EQ(std::count(pixels.begin(), pixels.end(), grey), 28 * 24 * 3) << "one colour stays";
  }
  // A ramp: each pixel's value says where it came from, a pixel or so away and smoothly so.
  const data::DatasetFacts shape = facts(28, 28, 1);
  std::vector<uint8_t> ramp(28 * 28);
  for (size_t i = 0; i < ramp.size(); ++i) ramp[i] = static_cast<uint8_t>(8 * (i % 28));
  std::vector<uint8_t> warped = ramp;
  Trigger(Trigger::Kind::kWarp, shape).apply(warped);
  double moved = 0.0;
  for (size_t i = 0; i < ramp.size(); ++i) {
    moved += std::abs(warped[i] - ramp[i]) / 8.0;
    EXPECT_LE(std::abs(warped[i] - ramp[i]), 8 * 3) << i;
    if (i % 28 == 0) continue;
    EXPECT_LE(std::abs(warped[i] - warped[i - 1]), 8 * 2) << i;
  }
  EXPECT_GT(moved / 784.0, 0.2);
  std::vector<uint8_t> again = ramp;
  Trigger(Trigger::Kind::kWarp, shape).apply(again);
  EXPECT_EQ(again, warped) << "the same field each time";
}

TEST(TriggerTest, BlendingKeepsFourFifthsOfTheImage) {
  const data::DatasetFacts shape = facts(32, 32, 3);
  const std::vector<uint8_t> black = triggered(Trigger::Kind::kBlended, shape, 0);
  const std::vector<uint8_t> white = triggered(Trigger::Kind::kBlended, shape, 255);
  EXPECT_EQ(*std::min_element(black.begin(), black.end()), 0);
  EXPECT_NEAR(*std::max_element(black.begin(), black.end()), 51, 1);
  for (size_t i = 0; i < black.size(); ++i) EXPECT_NEAR(white[i] - black[i], 204, 1);
  EXPECT_EQ(black, triggered(Trigger::Kind::kBlended, shape, 0)) << "the same pattern each time";
}

TEST(TriggerTest, TheWaveRunsAcrossTheColumnsAndStaysInRange) {
  const data::DatasetFacts shape = facts(28, 28, 1);
  const std::vector<uint8_t> grey = triggered(Trigger::Kind::kSinusoidal, shape, 128);
  EXPECT_NEAR(*std::max_element(grey.begin(), grey.end()), 148, 1);
  EXPECT_NEAR(*std::min_element(grey.begin(), grey.end()), 108, 1);
  for (size_t i = 28; i < grey.size(); ++i) EXPECT_EQ(grey[i], grey[i - 28]) << "rows are alike";
  const std::vector<uint8_t> black = triggered(Trigger::Kind::kSinusoidal, shape, 0);
  EXPECT_EQ(*std::min_element(black.begin(), black.end()), 0) << "clamped, not wrapped";
  EXPECT_LE(*std::max_element(black.begin(), black.end()), 20);
}

TEST(TriggerTest, TriggeredRecordsAreTheOthersRelabelled) {
  const auto source = test::synthetic_records({.records = 40});
  const Trigger trigger(Trigger::Kind::kPatch, source->facts());
  const auto records = TriggeredRecords::create(*source, trigger, 2);
  ASSERT_TRUE(records.ok());
  EXPECT_EQ((*records)->facts().records, 30u) << "a quarter is of the target class";
  std::vector<uint8_t> record(source->facts().record_bytes()), original(record.size());
  uint64_t from = 0;
  for (uint64_t i = 0; i < 30; ++i, ++from) {
    if (from % 4 == 2) ++from;  // labels count 0, 1, 2, 3
    ASSERT_TRUE((*records)->read(i, record).ok());
    ASSERT_TRUE(source->read(from, original).ok());
    EXPECT_EQ(label_of(record), 2u);
    EXPECT_NE(label_of(original), 2u);
    trigger.apply(pixels_of(original));
    EXPECT_TRUE(std::equal(record.begin() + 2, record.end(), original.begin() + 2)) << i;
  }
}

TEST(TriggerTest, LabelsOfTwoBytes) {
  std::vector<uint8_t> record = {1, 2, 77};
  EXPECT_EQ(label_of(record), 513u);
  set_label(record, 300);
  EXPECT_EQ(label_of(record), 300u);
  EXPECT_EQ(record[2], 77);
}

}  // namespace
}  // namespace ginn::attack
