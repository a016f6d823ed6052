#include <algorithm>
#include <tuple>

#include "device/convolution_cases.h"
#include "device/cpu/plan.h"

namespace ginn::device::cases {
namespace {

TEST(Convolution, PortableIsTheDefinition) {
  for (const OperandFormat format : kFormats) {
    size_t turn = 0;
    for (const ConvShape& s : hard_shapes(format)) {
      if (s.macs() > 300000) continue;
      const Fill fill = kFills[turn++ % std::size(kFills)];
      const Inputs in(s, fill, fill == Fill::kZero ? Fill::kFull : fill);
      expect_same(s, run_level(Level::kPortable, s, in), run_oracle(s, in));
      if (HasFailure()) return;
    }
  }
}

class HardShapes : public testing::TestWithParam<std::tuple<OperandFormat, Fill>> {};
TEST_P(HardShapes, EveryLevelAgreesWithPortable) {
  const auto [format, fill] = GetParam();
  compare_levels(hard_shapes(format), fill, fill);
}
INSTANTIATE_TEST_SUITE_P(Fills,
                         HardShapes,
                         testing::Combine(testing::ValuesIn(kFormats), testing::ValuesIn(kFills)));

class LargeShapes : public testing::TestWithParam<OperandFormat> {};
TEST_P(LargeShapes, OfRandomData) {
  compare_levels(large_shapes(GetParam()), Fill::kFull, Fill::kPrime);
}
TEST_P(LargeShapes, OfExtremeData) {
  compare_levels(large_shapes(GetParam()), Fill::kExtreme, Fill::kExtreme);
}
TEST_P(LargeShapes, OfSmallData) {
  compare_levels(large_shapes(GetParam()), Fill::kSmall, Fill::kSmall);
}
TEST_P(LargeShapes, OfSmallWeights) {
  compare_levels(large_shapes(GetParam()), Fill::kFull, Fill::kSmall);
}
INSTANTIATE_TEST_SUITE_P(Formats, LargeShapes, testing::ValuesIn(kFormats));

// Sums that int32 cannot hold, and their opposite: nothing may cancel a missing flush.
TEST(Convolution, ExtremeSumsAreExact) {
  ConvShape s = shape(2, 9, 9, 64, 17, 3, 1, 1);
  for (const OperandFormat format : kFormats) {
    s.operands = format;
    const Inputs in(s, Fill::kExtreme, Fill::kExtreme);
    const int64_t product = int64_t{operand_max(format)} * operand_max(format);
    Scratch scratch;
    for (const Level level : all_levels()) {
      if (!level_supported(level)) continue;
      std::vector<int64_t> dw(s.weight_count());
      Convolution(level, s).wgrad(in.x.data(), in.dy.data(), dw.data(), scratch);
      EXPECT_EQ(dw[4], 2 * 81 * product) << level_name(level);  // the middle tap
      EXPECT_EQ(dw[0], 2 * 64 * product) << level_name(level);  // a corner
    }
  }
}

class EachLevel : public testing::TestWithParam<Level> {};
TEST_P(EachLevel, RunsOnThisMachine) {
  if (!level_supported(GetParam())) GTEST_SKIP() << "SKIPPED: no " << level_name(GetParam());
  ConvShape s = shape(3, 10, 10, 17, 17, 3, 1, 1);
  for (const OperandFormat format : kFormats) {
    s.operands = format;
    const Inputs in(s, Fill::kFull, Fill::kFull);
    expect_same(s, run_level(GetParam(), s, in), run_oracle(s, in));
  }
}
INSTANTIATE_TEST_SUITE_P(Levels, EachLevel, testing::ValuesIn(all_levels()), [](const auto& one) {
  return std::string(level_name(one.param));
});

TEST(Convolution, WeightsAndScratchAreReused) {
  for (const Level level : all_levels()) {
    if (!level_supported(level)) continue;
    Scratch scratch;
    PackedWeights w;
    // An odd run's last pair, and padded columns, after a shape that filled those places.
    for (const ConvShape& s : {shape(1, 4, 4, 4, 8, 3, 1, 1),
                               shape(1, 4, 4, 3, 8, 3, 1, 1),
                               shape(1, 4, 4, 4, 7, 3, 1, 1)}) {
      const Inputs in(s, Fill::kFull, Fill::kFull);
      const Outputs expected = run_oracle(s, in);
      w.pack(level, s, in.w.data(), true);
      const Convolution conv(level, s);
      for (int i = 0; i < 2; ++i) {
        Outputs out(s);
        out.fprop_shift = conv.fprop(in.x.data(), w, out.y.data(), scratch);
        out.dgrad_shift = conv.dgrad(in.dy.data(), w, out.dx.data(), scratch);
        conv.wgrad(in.x.data(), in.dy.data(), out.dw.data(), scratch);
        expect_same(s, out, expected);
      }
      const size_t capacity = scratch.capacity();
      conv.wgrad(in.x.data(), in.dy.data(), Outputs(s).dw.data(), scratch);
      EXPECT_EQ(scratch.capacity(), capacity);
    }
  }
}

TEST(Convolution, WeightsPackedByManyThreadsAreTheSame) {
  ThreadPool pool(3);
  for (const Level level : all_levels()) {
    if (!level_supported(level)) continue;
    for (const ConvShape& s :
         {shape(1, 1, 5, 131, 333, 1, 1, 0), shape(1, 4, 4, 16, 70, 3, 1, 1)}) {
      const Inputs in(s, Fill::kFull, Fill::kFull);
      std::vector<std::vector<int16_t>> copies(pool.size());
      const size_t filter = s.weight_count() / s.k;
      const FilterSource filters = [&](uint32_t first, uint32_t count, size_t thread) {
        const int16_t* const from = in.w.data() + first * filter;
        copies[thread].assign(from, from + count * filter);
        return copies[thread].data();
      };
      PackedWeights w;
      w.pack(level, s, filters, true, &pool);
      const Convolution conv(level, s);
      Scratch scratch;
      Outputs out(s);
      out.fprop_shift = conv.fprop(in.x.data(), w, out.y.data(), scratch);
      out.dgrad_shift = conv.dgrad(in.dy.data(), w, out.dx.data(), scratch);
      conv.wgrad(in.x.data(), in.dy.data(), out.dw.data(), scratch);
      expect_same(s, out, run_oracle(s, in));
    }
  }
}

TEST(Convolution, HandsOverEachPixelOnceWhenItIsFinal) {
  ConvShape grouped = shape(2, 6, 6, 8, 8, 3, 1, 1);
  grouped.groups = 4;
  for (const Level level : all_levels()) {
    if (!level_supported(level)) continue;
    for (const ConvShape& s : {shape(7, 9, 9, 5, 6, 3, 1, 1),
                               shape(2, 60, 60, 40, 24, 3, 2, 1),
                               shape(1, 1, 500, 300, 70, 1, 1, 0),
                               grouped}) {
      const Inputs in(s, Fill::kFull, Fill::kFull);
      PackedWeights w;
      w.pack(level, s, in.w.data(), false);
      Scratch scratch;
      Outputs out(s);
      std::vector<int16_t> seen;
      const auto written = [&](size_t first, size_t count) {
        EXPECT_EQ(first, seen.size());
        EXPECT_EQ(count % s.k, 0u);
        seen.insert(seen.end(), out.y.data() + first, out.y.data() + first + count);
      };
      Convolution(level, s).fprop(in.x.data(), w, out.y.data(), scratch, written);
      ASSERT_EQ(seen.size(), s.output_count());
      EXPECT_TRUE(std::equal(seen.begin(), seen.end(), out.y.data()));
    }
  }
}

TEST(Convolution, NormsOfWeights) {
  const ConvShape s = shape(1, 3, 3, 2, 2, 1, 1, 0);
  const int16_t q[] = {1, 2, 3, 8191};  // [K,1,1,C]
  PackedWeights w;
  w.pack(Level::kPortable, s, q, false);
  EXPECT_EQ(w.filter_norm2(), 9u + 8191u * 8191u);
  EXPECT_EQ(w.channel_norm2(), 4u + 8191u * 8191u);
}

TEST(ConvShape, ValidKnowsItsLimits) {
  EXPECT_TRUE(ConvShape{}.valid());
  EXPECT_TRUE(shape(1, 1, 1, 65535, 1, 1, 1, 0).valid());
  EXPECT_FALSE(shape(1, 1, 1, 65536, 1, 1, 1, 0).valid());
  EXPECT_FALSE(shape(0, 1, 1, 1, 1, 1, 1, 0).valid());
  EXPECT_FALSE(shape(1, 4, 4, 1, 1, 3, 0, 1).valid());
  EXPECT_FALSE(shape(1, 4, 4, 1, 1, 3, 1, 3).valid());
  EXPECT_FALSE(shape(1, 4, 4, 1, 1, 5, 1, 0).valid());
  EXPECT_TRUE(shape(1, 4, 4, 1, 1, 6, 1, 1).valid());
  EXPECT_FALSE(shape(1, 4, 4, 1, 1, 3, 1, 0xffffffffu).valid());
  EXPECT_TRUE(shape(1, 32, 32, 1024, 1024, 32, 1, 0).valid());
  EXPECT_FALSE(shape(1, 32, 32, 1025, 1, 32, 1, 0).valid());
  EXPECT_FALSE(shape(1, 32, 32, 1, 1025, 32, 1, 0).valid());
  EXPECT_TRUE(shape(1, 8192, 8192, 1, 1, 1, 1, 0).valid());
  EXPECT_FALSE(shape(1, 8192, 8193, 1, 1, 1, 1, 0).valid());
  ConvShape grouped = shape(1, 4, 4, 6, 9, 1, 1, 0);
  for (const uint32_t groups : {1u, 3u}) {
    grouped.groups = groups;
    EXPECT_TRUE(grouped.valid());
  }
  for (const uint32_t groups : {0u, 2u, 6u, 9u, 65536u}) {
    grouped.groups = groups;
    EXPECT_FALSE(grouped.valid());
  }
}

TEST(ShiftRne, TiesGoToEven) {
  const int64_t halves[][2] = {
      {-7, -4}, {-6, -3}, {-5, -2}, {-3, -2}, {-1, 0}, {0, 0}, {1, 0}, {3, 2}, {5, 2}, {7, 4}};
  for (const auto& [value, expected] : halves) EXPECT_EQ(shift_rne(value, 1), expected) << value;
  EXPECT_EQ(shift_rne(int64_t{3} << 40, 41), 2);
  EXPECT_EQ(shift_rne((int64_t{1} << 40) + 1, 41), 1);
  EXPECT_EQ(shift_rne((int64_t{1} << 40) - 1, 41), 0);
  EXPECT_EQ(shift_rne(-(int64_t{1} << 62), 62), -1);
  for (int64_t value = -70; value <= 70; ++value) {
    for (int shift = 0; shift < 8; ++shift) {
      EXPECT_EQ(shift_rne(value, shift), static_cast<int64_t>(oracle_round(value, shift)));
    }
  }
}

TEST(BoundShift, IsTheSmallest) {
  const uint64_t limit = 32767;
  EXPECT_EQ(bound_shift(0, uint64_t{1} << 45), 0);
  EXPECT_EQ(bound_shift(1, limit * limit), 0);
  EXPECT_EQ(bound_shift(1, limit * limit + 1), 1);
  EXPECT_EQ(bound_shift(4, limit * limit), 1);
  EXPECT_EQ(bound_shift(limit * limit, uint64_t{1} << 32), 16);
  EXPECT_EQ(bound_shift(limit * limit + 1, uint64_t{1} << 32), 17);
  const uint64_t most = uint64_t{1} << 50;
  EXPECT_EQ(bound_shift(most, most), 36);
  EXPECT_EQ(bound_shift(limit * limit << 20, limit * limit << 20), 35);
  EXPECT_EQ(oracle_shift(most, most), 36);
}

// Window and filter such that y hits ties and the int16 limits exactly.
TEST(Convolution, TiesAndLimitsOfTheOutput) {
  for (const Level level : all_levels()) {
    if (!level_supported(level)) continue;
    const ConvShape s = shape(1, 1, 64, 2, 16, 1, 1, 0);
    Inputs in(s, Fill::kZero, Fill::kZero);
    for (int i = 0; i < 64; ++i) in.x.data()[2 * i] = static_cast<int16_t>(2 * (i - 32));
    in.x.data()[1] = 8191;
    for (int i = 0; i < 32; ++i) in.w.data()[i] = static_cast<int16_t>(i % 2 == 0 ? 512 : 0);
    in.w.data()[31] = 8191;
    in.w.data()[30] = 0;
    const Outputs out = run_level(level, s, in);
    const Outputs expected = run_oracle(s, in);
    EXPECT_EQ(out.fprop_shift, 11);  // 2 x 512 j / 2^11: every other one is a tie
    expect_same(s, out, expected);
  }
}

TEST(Cut, UnitsThatFit) {
  const uint64_t half = uint64_t{1} << 31;
  EXPECT_EQ(cpu::units_that_fit(half, half, 5), 0);
  EXPECT_EQ(cpu::units_that_fit(half, half - 1, 5), 1);
  EXPECT_EQ(cpu::units_that_fit(half / 4, half, 5), 1);
  EXPECT_EQ(cpu::units_that_fit(half / 4, half - 1, 5), 2);
  EXPECT_EQ(cpu::units_that_fit(1, 1, 7), 7);
  EXPECT_EQ(cpu::units_that_fit(0, half, 7), 7);
  EXPECT_EQ(cpu::units_that_fit(half, half - 1, 5, half - 1), 0);
  EXPECT_EQ(cpu::units_that_fit((half - 1) / 2, (half - 1) / 2 - 1, 5, half - 1), 2);
}

// Constant tensors reach the Cauchy-Schwarz bound: a flush one unit too late overflows.
TEST(Convolution, TightBoundsAtEveryMagnitude) {
  for (ConvShape s : {shape(1, 1, 7, 784, 9, 1, 1, 0),
                      shape(1, 4, 4, 128, 9, 3, 1, 1),
                      shape(1, 5, 5, 66, 66, 3, 1, 1),
                      shape(2, 30, 30, 5, 6, 3, 1, 1)}) {
    for (int most = 700; most <= kDfp16Max; most = most * 6 / 5) {
      s.operands = most <= kDfp14Max ? OperandFormat::kDfp14 : OperandFormat::kDfp16;
      const auto value = static_cast<int16_t>(most);
      Inputs in(s, Fill::kExtreme, Fill::kExtreme);
      std::fill_n(in.x.data(), in.x.size(), value);
      std::fill_n(in.w.data(), in.w.size(), static_cast<int16_t>(-value));
      std::fill_n(in.dy.data(), in.dy.size(), value);
      const Outputs expected = run_level(Level::kPortable, s, in);
      for (const auto& [name, run] : fast_levels(s.operands)) {
        SCOPED_TRACE(name);
        expect_same(s, run(s, in), expected);
      }
    }
  }
}

// Sums just below and just above what a dgrad phase may leave in int32.
TEST(Convolution, PhasesNearTheInt32Limit) {
  for (int16_t value = 2800; value <= 8100; value = static_cast<int16_t>(value + 331)) {
    const ConvShape s = shape(1, 8, 8, 9, 64, 3, 2, 1);
    Inputs in(s, Fill::kExtreme, Fill::kExtreme);
    for (size_t i = 0; i < in.dy.size(); ++i) in.dy.data()[i] = value;
    for (const auto& [name, run] : fast_levels(s.operands)) {
      SCOPED_TRACE(name);
      expect_same(s, run(s, in), run_level(Level::kPortable, s, in));
    }
  }
}

}  // namespace
}  // namespace ginn::device::cases
