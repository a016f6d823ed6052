#include "device/convolution_cases.h"

namespace ginn::device::cases {
namespace {

// Groups of several channels, of one, filters for one channel each, channels around the kernels' 16
// and 32; kernels of more taps than int32 sums of squares, or of products, can take.
std::vector<ConvShape> grouped_shapes(OperandFormat format) {
  std::vector<ConvShape> shapes;
  const uint32_t widths[][3] = {{4, 6, 2},
                                {6, 3, 3},
                                {9, 9, 9},
                                {15, 15, 15},
                                {16, 16, 16},
                                {17, 17, 17},
                                {31, 31, 31},
                                {33, 33, 33},
                                {48, 48, 48},
                                {50, 50, 50},
                                {8, 16, 8},
                                {66, 34, 2},
                                {20, 30, 10}};
  const uint32_t images[][3] = {{1, 7, 7}, {2, 5, 9}, {3, 1, 1}, {1, 3, 40}, {2, 2, 2}};
  uint32_t turn = 0;
  for (const uint32_t kernel : {1u, 2u, 3u, 5u, 7u, 8u, 9u}) {
    for (const uint32_t stride : {1u, 2u, 3u}) {
      for (const auto& width : widths) {
        const auto& image = images[turn % 5];
        const uint32_t padding = turn % 3 == 0 ? kernel / 2 : std::min(turn % 3, kernel - 1);
        ConvShape s =
            shape(image[0], image[1], image[2], width[0], width[1], kernel, stride, padding);
        s.groups = width[2];
        ++turn;
        s.operands = format;
        if (s.valid()) shapes.push_back(s);
      }
    }
  }
  return shapes;
}

class Groups : public testing::TestWithParam<OperandFormat> {};
INSTANTIATE_TEST_SUITE_P(Formats, Groups, testing::ValuesIn(kFormats));

TEST_P(Groups, AreTheDefinitionAtEveryLevel) {
  size_t turn = 0;
  size_t wide = 0;
  for (const ConvShape& s : grouped_shapes(GetParam())) {
    const Fill fill = kFills[turn++ % std::size(kFills)];
    const Inputs in(s, fill, fill == Fill::kZero ? Fill::kFull : fill);
    const Outputs expected = run_oracle(s, in);
    if (s.depthwise() && expected.fprop_shift > 16) ++wide;
    for (const Level level : all_levels()) {
      if (!level_supported(level)) continue;
      SCOPED_TRACE(level_name(level));
      expect_same(s, run_level(level, s, in), expected);
    }
    if (HasFailure()) return;
  }
  EXPECT_GT(wide, 3u);  // sums that leave int32
}

TEST_P(Groups, OfOneChannelAtTheirExtremesAtEveryLevel) {
  for (const uint32_t kernel : {3u, 5u, 7u, 8u}) {
    ConvShape s = shape(2, 19, 70, 35, 35, kernel, 1, kernel / 2);
    s.groups = 35;
    s.operands = GetParam();
    for (const Fill fill : {Fill::kExtreme, Fill::kAlternating, Fill::kFull}) {
      const Inputs in(s, fill, fill);
      const Outputs expected = run_level(Level::kPortable, s, in);
      for (const Level level : all_levels()) {
        if (!level_supported(level)) continue;
        SCOPED_TRACE(level_name(level));
        expect_same(s, run_level(level, s, in), expected);
      }
    }
  }
}

}  // namespace
}  // namespace ginn::device::cases
