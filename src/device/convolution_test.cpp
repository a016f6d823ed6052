#include "device/convolution.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/text.h"
#include "device/cpu/correlation.h"
#include "device/cpu/emulated.h"

namespace ginn::device {
namespace {

using Wide = __int128;

// How a test fills its tensors.
enum class Fill { kSmall, kFull, kAlternating, kExtreme, kSpike, kZero, kPrime };
constexpr Fill kFills[] = {Fill::kSmall,
                           Fill::kFull,
                           Fill::kAlternating,
                           Fill::kExtreme,
                           Fill::kSpike,
                           Fill::kZero,
                           Fill::kPrime};

// A tensor that begins two bytes behind a vector's alignment, with nothing behind its end: a read
// outside it is one that the address sanitizer sees.
class Tensor {
 public:
  Tensor(size_t count, Fill fill, uint64_t seed) : memory_(new int16_t[count + 1]), count_(count) {
    uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
    for (size_t i = 0; i < count; ++i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      data()[i] = value(fill, i, count, state >> 33);
    }
  }
  int16_t* data() { return memory_.get() + 1; }
  const int16_t* data() const { return memory_.get() + 1; }
  size_t size() const { return count_; }
  bool operator==(const Tensor& other) const {
    return count_ == other.count_ && std::memcmp(data(), other.data(), count_ * 2) == 0;
  }

 private:
  static int16_t value(Fill fill, size_t i, size_t count, uint64_t random) {
    const auto uniform = [&](int64_t limit) {
      return static_cast<int16_t>(static_cast<int64_t>(random % (2 * limit + 1)) - limit);
    };
    switch (fill) {
      case Fill::kSmall:
        return uniform(100);
      case Fill::kFull:
        return uniform(8191);
      case Fill::kAlternating:
        return i % 2 == 0 ? 8191 : -8191;
      case Fill::kExtreme:
        return 8191;
      case Fill::kSpike:
        return i == count / 3 ? -8191 : int16_t{0};
      case Fill::kZero:
        return 0;
      case Fill::kPrime:
        return static_cast<int16_t>(static_cast<int>(i % 8191 * 5 % 16383) - 8191);
    }
    return 0;
  }
  std::unique_ptr<int16_t[]> memory_;
  size_t count_;
};

struct Outputs {
  int fprop_shift = 0, dgrad_shift = 0;
  Tensor y, dx;
  std::vector<int64_t> dw;
  explicit Outputs(const ConvShape& s)
      : y(s.output_count(), Fill::kSpike, 0),
        dx(s.input_count(), Fill::kSpike, 0),
        dw(s.weight_count(), -1) {}
};

struct Inputs {
  Tensor x, w, dy;
  Inputs(const ConvShape& s, Fill fill, Fill weights)
      : x(s.input_count(), fill, 1),
        w(s.weight_count(), weights, 2),
        dy(s.output_count(), fill, 3) {}
};

Outputs run_level(Level level, const ConvShape& s, const Inputs& in) {
  Outputs out(s);
  Scratch scratch;
  PackedWeights w;
  w.pack(level, s, in.w.data(), true);
  const Convolution conv(level, s);
  out.fprop_shift = conv.fprop(in.x.data(), w, out.y.data(), scratch);
  out.dgrad_shift = conv.dgrad(in.dy.data(), w, out.dx.data(), scratch);
  conv.wgrad(in.x.data(), in.dy.data(), out.dw.data(), scratch);
  return out;
}

Outputs run_kernels(const cpu::Kernels& kernels, const ConvShape& s, const Inputs& in) {
  Outputs out(s);
  Scratch scratch;
  Buffer<int16_t> packed;
  cpu::pack_fprop(s, kernels.lanes, in.w.data(), packed);
  out.fprop_shift = cpu::correlate(kernels,
                                   cpu::fprop_plan(s, kernels.lanes),
                                   in.x.data(),
                                   packed.data(),
                                   cpu::fprop_norms(s, in.w.data()),
                                   out.y.data(),
                                   scratch);
  cpu::pack_dgrad(s, kernels.lanes, in.w.data(), packed);
  out.dgrad_shift = cpu::correlate(kernels,
                                   cpu::dgrad_plan(s, kernels.lanes),
                                   in.dy.data(),
                                   packed.data(),
                                   cpu::dgrad_norms(s, in.w.data()),
                                   out.dx.data(),
                                   scratch);
  const auto keep = [&](size_t first, const int64_t* sums, size_t count) {
    std::copy_n(sums, count, out.dw.begin() + static_cast<ptrdiff_t>(first));
  };
  cpu::weight_gradient(kernels, s, in.x.data(), in.dy.data(), scratch, keep);
  return out;
}

std::string describe(const ConvShape& s) {
  return concat("n ",
                s.n,
                " h ",
                s.h,
                " w ",
                s.w,
                " c ",
                s.c,
                " k ",
                s.k,
                " kernel ",
                s.kernel_h,
                "x",
                s.kernel_w,
                " stride ",
                s.stride,
                " padding ",
                s.padding,
                " groups ",
                s.groups);
}

void expect_same(const ConvShape& s, const Outputs& a, const Outputs& b) {
  EXPECT_EQ(a.fprop_shift, b.fprop_shift) << describe(s);
  EXPECT_TRUE(a.y == b.y) << "fprop: " << describe(s);
  EXPECT_EQ(a.dgrad_shift, b.dgrad_shift) << describe(s);
  EXPECT_TRUE(a.dx == b.dx) << "dgrad: " << describe(s);
  EXPECT_TRUE(a.dw == b.dw) << "wgrad: " << describe(s);
}

ConvShape shape(uint32_t n,
                uint32_t h,
                uint32_t w,
                uint32_t c,
                uint32_t k,
                uint32_t kernel,
                uint32_t stride,
                uint32_t padding) {
  return {n, h, w, c, k, kernel, kernel, stride, padding};
}

// Every kernel, stride and padding at the sizes around the tiles' (6 rows, 8 and 16 columns), each
// size met by every kernel.
std::vector<ConvShape> hard_shapes() {
  const uint32_t channels[] = {1, 2, 3, 5, 6, 16, 17, 33, 64};
  const uint32_t filters[] = {1, 6, 8, 10, 15, 16, 17, 24, 33};
  const uint32_t images[][3] = {{1, 1, 1},
                                {2, 1, 5},
                                {1, 2, 3},
                                {3, 3, 4},
                                {1, 7, 7},
                                {9, 5, 2},
                                {2, 8, 6},
                                {1, 11, 13},
                                {4, 1, 1}};
  std::vector<ConvShape> shapes;
  uint32_t turn = 0;
  for (const uint32_t kernel : {1u, 2u, 3u, 5u, 7u}) {
    for (const uint32_t stride : {1u, 2u, 3u}) {
      for (const uint32_t padding : {0u, 1u, 2u}) {
        for (uint32_t i = 0; i < 9; ++i) {
          const auto& image = images[(turn + i) % 9];
          const ConvShape s = shape(image[0],
                                    image[1],
                                    image[2],
                                    channels[i],
                                    filters[(turn * 2 + i) % 9],
                                    kernel,
                                    stride,
                                    padding);
          if (s.valid()) shapes.push_back(s);
        }
        ++turn;
      }
    }
  }
  return shapes;
}

// Larger ones: many tiles, several pieces and chunks, rectangular kernels, linear layers.
std::vector<ConvShape> large_shapes() {
  std::vector<ConvShape> shapes = {shape(2, 33, 29, 16, 16, 3, 1, 1),
                                   shape(3, 28, 28, 1, 16, 3, 1, 1),
                                   shape(2, 29, 33, 16, 32, 3, 2, 1),
                                   shape(2, 28, 28, 16, 32, 1, 2, 0),
                                   shape(5, 7, 7, 64, 64, 3, 1, 1),
                                   shape(1, 1, 32, 784, 65, 1, 1, 0),
                                   shape(1, 1, 301, 40, 10, 1, 1, 0),
                                   shape(1, 1, 129, 17, 3, 1, 1, 0),
                                   shape(1, 70, 70, 64, 6, 3, 1, 1),
                                   shape(2, 90, 61, 33, 5, 5, 3, 2),
                                   shape(1, 61, 90, 31, 17, 2, 2, 0),
                                   shape(37, 1, 1, 9, 9, 1, 1, 0),
                                   shape(1, 1, 8193, 3, 4, 1, 1, 0),
                                   shape(25, 7, 7, 4, 9, 3, 1, 1),
                                   shape(1, 40, 40, 3, 16, 7, 2, 2),
                                   shape(1, 3, 1200, 6, 7, 3, 1, 1),
                                   shape(1, 600, 3, 50, 4, 3, 2, 1),
                                   shape(3, 6, 6, 192, 20, 1, 1, 0)};
  shapes.push_back(ConvShape{2, 9, 12, 6, 10, 1, 3, 1, 0});
  shapes.push_back(ConvShape{2, 9, 12, 6, 10, 3, 1, 1, 0});
  shapes.push_back(ConvShape{1, 9, 12, 5, 10, 5, 2, 2, 1});
  return shapes;
}

std::vector<std::pair<std::string, std::function<Outputs(const ConvShape&, const Inputs&)>>>
fast_levels() {
  std::vector<std::pair<std::string, std::function<Outputs(const ConvShape&, const Inputs&)>>> all;
  for (const Level level : all_levels()) {
    if (level == Level::kPortable || !level_supported(level)) continue;
    all.emplace_back(level_name(level), [level](const ConvShape& s, const Inputs& in) {
      return run_level(level, s, in);
    });
  }
  all.emplace_back("emulated8", [](const ConvShape& s, const Inputs& in) {
    return run_kernels(cpu::emulated::kEight, s, in);
  });
  all.emplace_back("emulated16", [](const ConvShape& s, const Inputs& in) {
    return run_kernels(cpu::emulated::kSixteen, s, in);
  });
  all.emplace_back("emulated tiles", [](const ConvShape& s, const Inputs& in) {
    return run_kernels(cpu::emulated::kTiles, s, in);
  });
  return all;
}

void compare_levels(const std::vector<ConvShape>& shapes, Fill fill, Fill weights) {
  const auto levels = fast_levels();
  for (const ConvShape& s : shapes) {
    const Inputs in(s, fill, weights);
    const Outputs expected = run_level(Level::kPortable, s, in);
    for (const auto& [name, run] : levels) {
      SCOPED_TRACE(name);
      expect_same(s, run(s, in), expected);
      if (testing::Test::HasFailure()) return;
    }
  }
}

// The definition once more, in 128 bits, with its own rounding and its own norms.
int oracle_shift(Wide a, Wide b) {
  for (int s = 0;; ++s) {
    if (a * b <= (Wide{32767} << s) * (Wide{32767} << s)) return s;
  }
}
Wide oracle_round(Wide value, int shift) {
  const Wide unit = Wide{1} << shift;
  Wide floor = value / unit;
  if (floor * unit > value) floor -= 1;
  const Wide twice = 2 * (value - floor * unit);
  if (twice > unit || (twice == unit && floor % 2 != 0)) floor += 1;
  return floor;
}

Outputs run_oracle(const ConvShape& s, const Inputs& in) {
  const size_t weights = s.weight_count();
  std::vector<Wide> y(s.output_count()), dx(s.input_count()), dw(weights);
  std::vector<Wide> y_norm(s.output_count()), dx_norm(s.input_count());
  std::vector<Wide> filter(s.k), channel(s.c);
  const int64_t filters = s.k / s.groups, channels = s.c / s.groups;  // of a group
  for (size_t i = 0; i < weights; ++i) {
    const Wide square = Wide{in.w.data()[i]} * in.w.data()[i];
    const size_t k = i / (weights / s.k);
    filter[k] += square;
    channel[k / filters * channels + i % channels] += square;
  }
  // One multiplication after the other: each adds to y, to dx and to dw.
  for (int64_t n = 0; n < s.n; ++n)
    for (int64_t p = 0; p < s.out_h(); ++p)
      for (int64_t q = 0; q < s.out_w(); ++q)
        for (int64_t r = 0; r < s.kernel_h; ++r)
          for (int64_t t = 0; t < s.kernel_w; ++t) {
            const int64_t h = p * s.stride + r - s.padding;
            const int64_t v = q * s.stride + t - s.padding;
            if (h < 0 || v < 0 || h >= s.h || v >= s.w) continue;
            for (int64_t k = 0; k < s.k; ++k)
              for (int64_t c = k / filters * channels; c < (k / filters + 1) * channels; ++c) {
                const auto xi = static_cast<size_t>(((n * s.h + h) * s.w + v) * s.c + c);
                const auto yi =
                    static_cast<size_t>(((n * s.out_h() + p) * s.out_w() + q) * s.k + k);
                const int64_t cg = c % channels;
                const auto wi =
                    static_cast<size_t>(((k * s.kernel_h + r) * s.kernel_w + t) * channels + cg);
                const auto di =
                    static_cast<size_t>(((k * channels + cg) * s.kernel_h + r) * s.kernel_w + t);
                const Wide xv = in.x.data()[xi], wv = in.w.data()[wi], gv = in.dy.data()[yi];
                y[yi] += xv * wv;
                dx[xi] += gv * wv;
                dw[di] += gv * xv;
                y_norm[yi] += xv * xv;
                dx_norm[xi] += gv * gv;
              }
          }
  // Of channels [g width, (g + 1) width); a norm was added once a filter, or once a channel.
  const auto largest = [](const std::vector<Wide>& values, size_t all, size_t g, size_t width) {
    Wide bound = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      if (i % all / width == g && values[i] > bound) bound = values[i];
    }
    return bound;
  };
  Outputs out(s);
  for (uint32_t g = 0; g < s.groups; ++g) {
    out.fprop_shift =
        std::max(out.fprop_shift,
                 oracle_shift(largest(filter, s.k, g, filters), largest(y_norm, s.k, g, filters)));
    out.dgrad_shift = std::max(
        out.dgrad_shift,
        oracle_shift(largest(channel, s.c, g, channels), largest(dx_norm, s.c, g, channels)));
  }
  for (size_t i = 0; i < y.size(); ++i) {
    out.y.data()[i] = static_cast<int16_t>(oracle_round(y[i], out.fprop_shift));
  }
  for (size_t i = 0; i < dx.size(); ++i) {
    out.dx.data()[i] = static_cast<int16_t>(oracle_round(dx[i], out.dgrad_shift));
  }
  for (size_t i = 0; i < weights; ++i) out.dw[i] = static_cast<int64_t>(dw[i]);
  return out;
}

TEST(Convolution, PortableIsTheDefinition) {
  size_t turn = 0;
  for (const ConvShape& s : hard_shapes()) {
    if (s.macs() > 300000) continue;
    const Fill fill = kFills[turn++ % std::size(kFills)];
    const Inputs in(s, fill, fill == Fill::kZero ? Fill::kFull : fill);
    expect_same(s, run_level(Level::kPortable, s, in), run_oracle(s, in));
    if (HasFailure()) return;
  }
}

class HardShapes : public testing::TestWithParam<Fill> {};
TEST_P(HardShapes, EveryLevelAgreesWithPortable) {
  compare_levels(hard_shapes(), GetParam(), GetParam());
}
INSTANTIATE_TEST_SUITE_P(Fills, HardShapes, testing::ValuesIn(kFills));

TEST(Convolution, LargeShapesOfRandomData) {
  compare_levels(large_shapes(), Fill::kFull, Fill::kPrime);
}
TEST(Convolution, LargeShapesOfExtremeData) {
  compare_levels(large_shapes(), Fill::kExtreme, Fill::kExtreme);
}
TEST(Convolution, LargeShapesOfSmallData) {
  compare_levels(large_shapes(), Fill::kSmall, Fill::kSmall);
}
TEST(Convolution, LargeShapesOfSmallWeights) {
  compare_levels(large_shapes(), Fill::kFull, Fill::kSmall);
}

// Sums that int32 cannot hold, and their opposite: nothing may cancel a missing flush.
TEST(Convolution, ExtremeSumsAreExact) {
  const ConvShape s = shape(2, 9, 9, 64, 17, 3, 1, 1);
  const Inputs in(s, Fill::kExtreme, Fill::kExtreme);
  Scratch scratch;
  for (const Level level : all_levels()) {
    if (!level_supported(level)) continue;
    std::vector<int64_t> dw(s.weight_count());
    Convolution(level, s).wgrad(in.x.data(), in.dy.data(), dw.data(), scratch);
    EXPECT_EQ(dw[4], int64_t{2} * 81 * 8191 * 8191) << level_name(level);  // the middle tap
    EXPECT_EQ(dw[0], int64_t{2} * 64 * 8191 * 8191) << level_name(level);  // a corner
  }
}

// Groups of several channels, of one, filters for one channel each, channels around the kernels' 16
// and 32; kernels of more taps than int32 sums of squares, or of products, can take.
std::vector<ConvShape> grouped_shapes() {
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
        if (s.valid()) shapes.push_back(s);
      }
    }
  }
  return shapes;
}

TEST(Convolution, GroupsAreTheDefinitionAtEveryLevel) {
  size_t turn = 0;
  size_t wide = 0;
  for (const ConvShape& s : grouped_shapes()) {
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

TEST(Convolution, DepthwiseExtremesAtEveryLevel) {
  for (const uint32_t kernel : {3u, 5u, 7u, 8u}) {
    ConvShape s = shape(2, 19, 70, 35, 35, kernel, 1, kernel / 2);
    s.groups = 35;
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

class EachLevel : public testing::TestWithParam<Level> {};
TEST_P(EachLevel, RunsOnThisMachine) {
  if (!level_supported(GetParam())) GTEST_SKIP() << "SKIPPED: no " << level_name(GetParam());
  const ConvShape s = shape(3, 10, 10, 17, 17, 3, 1, 1);
  const Inputs in(s, Fill::kFull, Fill::kFull);
  expect_same(s, run_level(GetParam(), s, in), run_oracle(s, in));
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
  const uint64_t most = (uint64_t{1} << 46) - 1;
  EXPECT_EQ(bound_shift(most, most), oracle_shift(most, most));
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
  const auto levels = fast_levels();
  for (const ConvShape& s : {shape(1, 1, 7, 784, 9, 1, 1, 0),
                             shape(1, 4, 4, 128, 9, 3, 1, 1),
                             shape(1, 5, 5, 66, 66, 3, 1, 1),
                             shape(2, 30, 30, 5, 6, 3, 1, 1)}) {
    for (int16_t value = 700; value <= 8191; value = static_cast<int16_t>(value * 6 / 5)) {
      Inputs in(s, Fill::kExtreme, Fill::kExtreme);
      std::fill_n(in.x.data(), in.x.size(), value);
      std::fill_n(in.w.data(), in.w.size(), static_cast<int16_t>(-value));
      std::fill_n(in.dy.data(), in.dy.size(), value);
      const Outputs expected = run_level(Level::kPortable, s, in);
      for (const auto& [name, run] : levels) {
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
    for (const auto& [name, run] : fast_levels()) {
      SCOPED_TRACE(name);
      expect_same(s, run(s, in), run_level(Level::kPortable, s, in));
    }
  }
}

}  // namespace
}  // namespace ginn::device
