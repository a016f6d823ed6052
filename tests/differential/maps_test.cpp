// Every map kernel of every level against the portable one, by memcmp: sizes around the vectors'
// ends, extreme values, misaligned buffers.
#include "device/maps.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "arithmetic/format.h"
#include "arithmetic/philox.h"

namespace ginn::device {
namespace {

constexpr size_t kCounts[] = {0, 1, 7, 8, 15, 16, 17, 31, 33, 255, 256, 257, 1021, 4099};

class Maps : public testing::TestWithParam<Level> {
 protected:
  void SetUp() override {
    if (!level_supported(GetParam())) GTEST_SKIP() << "this CPU lacks " << level_name(GetParam());
  }
  const MapKernels& kernels() const { return map_kernels(GetParam()); }
  const MapKernels& portable() const { return map_kernels(Level::kPortable); }
};

// Deterministic data with extremes sprinkled in at a prime period. One element of slack in front,
// so that data() + 1 is misaligned.
class Source {
 public:
  explicit Source(uint64_t seed) : random_(seed, Purpose::kDropout) {}
  uint32_t word() { return random_.block(next_++, 0, 0)[0]; }
  std::vector<int16_t> int16(size_t count, int32_t largest) {
    std::vector<int16_t> v(count + 80);
    for (size_t i = 0; i < v.size(); ++i) {
      const int32_t range = 2 * largest + 1;
      v[i] = static_cast<int16_t>(static_cast<int32_t>(word() % static_cast<uint32_t>(range)) -
                                  largest);
      if (i % 13 == 5) v[i] = static_cast<int16_t>(i % 2 == 0 ? largest : -largest);
      if (i % 11 == 3) v[i] = 0;
    }
    return v;
  }
  std::vector<float> floats(size_t count, float scale) {
    std::vector<float> v(count + 80);
    for (float& x : v) {
      x = (static_cast<float>(word() >> 8) * 1.1920929e-7f - 1.0f) * scale;
    }
    return v;
  }
  std::vector<float> special_floats(size_t count) {
    std::vector<float> v = floats(count, 3.0f);
    const float specials[] = {std::numeric_limits<float>::quiet_NaN(),
                              std::numeric_limits<float>::infinity(),
                              -std::numeric_limits<float>::infinity(),
                              -0.0f,
                              1e-45f,
                              3.4e38f};
    for (size_t i = 0; i < v.size(); i += 7) v[i] = specials[(i / 7) % 6];
    return v;
  }

 private:
  Random random_;
  uint64_t next_ = 0;
};

TEST_P(Maps, LargestMagnitudes) {
  Source source(1);
  for (size_t n : kCounts) {
    for (size_t shift : {0u, 1u}) {
      const auto f = source.special_floats(n);
      EXPECT_EQ(kernels().maxabs_f32(f.data() + shift, n),
                portable().maxabs_f32(f.data() + shift, n));
      auto q = source.int16(n, 32767);
      EXPECT_EQ(kernels().maxabs_i16(q.data() + shift, n),
                portable().maxabs_i16(q.data() + shift, n));
      if (n == 0) continue;
      q[shift + n / 2] = -32768;
      EXPECT_EQ(kernels().maxabs_i16(q.data() + shift, n), 32768);
    }
  }
}

TEST_P(Maps, Quantise) {
  Source source(2);
  for (size_t n : kCounts) {
    auto x = source.floats(n, 9000.0f);
    for (size_t i = 0; i < n; i += 3) x[i] = std::floor(x[i]) + 0.5f;  // ties
    std::vector<int16_t> a(n + 1), b(n + 1);
    kernels().quantise(x.data(), n, 1.0f, kDfp14Max, a.data() + 1);
    portable().quantise(x.data(), n, 1.0f, kDfp14Max, b.data() + 1);
    EXPECT_EQ(a, b);
    for (size_t i = 0; i < n; ++i) {
      const double clamped = std::clamp(static_cast<double>(x[i]), -8191.0, 8191.0);
      EXPECT_EQ(a[i + 1], static_cast<int16_t>(std::nearbyint(clamped)));
    }
  }
}

struct Sums {
  Sums(size_t period, int32_t lowest, int32_t highest)
      : first(period), second(period), low(period, lowest), high(period, highest) {}
  static Sums of_values(size_t period) { return {period, 32767, -32767}; }
  static Sums of_gradients(size_t period) { return {period, 0, 0}; }
  ChannelSums pointers() { return {first.data(), second.data(), low.data(), high.data()}; }
  bool operator==(const Sums&) const = default;
  std::vector<int64_t> first, second;
  std::vector<int32_t> low, high;
};

TEST_P(Maps, ChannelSumsAgainstPlainLoops) {
  Source source(3);
  for (size_t channels : {1u, 3u, 6u, 16u, 64u, 300u}) {
    const size_t period = channel_period(channels);
    ASSERT_EQ(period % channels, 0u);
    ASSERT_EQ(period % 16, 0u);
    for (size_t rows : {1u, 5u, 257u, 3001u}) {
      const size_t n = rows * channels;
      const auto q = source.int16(n, 32767);
      const auto g = source.int16(n, 32767);
      Sums values = Sums::of_values(period), gradients = Sums::of_gradients(period);
      kernels().channel_sums(q.data() + 1, n, period, values.pointers());
      kernels().gradient_sums(g.data() + 1, q.data() + 1, n, period, gradients.pointers());
      for (size_t i = 0; i < period; ++i) {
        int64_t s1 = 0, s2 = 0, sg = 0, sgq = 0;
        int32_t low = 32767, high = -32767, largest = 0;
        for (size_t k = i; k < n; k += period) {
          const int64_t a = q[k + 1], b = g[k + 1];
          s1 += a;
          s2 += a * a;
          low = std::min(low, static_cast<int32_t>(a));
          high = std::max(high, static_cast<int32_t>(a));
          sg += b;
          sgq += a * b;
          largest = std::max(largest, std::abs(static_cast<int32_t>(b)));
        }
        ASSERT_EQ(values.first[i], s1);
        ASSERT_EQ(values.second[i], s2);
        ASSERT_EQ(values.low[i], low);
        ASSERT_EQ(values.high[i], high);
        ASSERT_EQ(gradients.first[i], sg);
        ASSERT_EQ(gradients.second[i], sgq);
        ASSERT_EQ(gradients.high[i], largest);
      }
    }
  }
}

TEST_P(Maps, ChannelSumsAddUpOverStretches) {
  Source source(7);
  for (size_t channels : {3u, 16u, 300u}) {
    const size_t period = channel_period(channels);
    const size_t n = 501 * channels;
    const auto q = source.int16(n, 32767);
    Sums whole = Sums::of_values(period), parts = Sums::of_values(period);
    kernels().channel_sums(q.data(), n, period, whole.pointers());
    // Each begins anew at the period's first position.
    for (const auto& [first, rows] : {std::pair{0u, 7u}, {7u, 1u}, {8u, 493u}}) {
      kernels().channel_sums(
          q.data() + first * channels, rows * channels, period, parts.pointers());
    }
    for (size_t c = 0; c < channels; ++c) {
      int64_t s1 = 0, s2 = 0, t1 = 0, t2 = 0;
      for (size_t i = c; i < period; i += channels) {
        s1 += whole.first[i], s2 += whole.second[i];
        t1 += parts.first[i], t2 += parts.second[i];
      }
      ASSERT_EQ(s1, t1);
      ASSERT_EQ(s2, t2);
    }
    EXPECT_EQ(*std::min_element(whole.low.begin(), whole.low.end()),
              *std::min_element(parts.low.begin(), parts.low.end()));
    EXPECT_EQ(*std::max_element(whole.high.begin(), whole.high.end()),
              *std::max_element(parts.high.begin(), parts.high.end()));
  }
}

TEST_P(Maps, MaskedGradientSumsAreSumsOfWhatTheMaskLeaves) {
  Source source(8);
  for (size_t channels : {1u, 3u, 16u, 64u, 300u}) {
    const size_t period = channel_period(channels);
    for (size_t rows : {1u, 5u, 1501u}) {
      const size_t n = rows * channels;
      const auto activation = source.int16(n, 32767), q = source.int16(n, 32767);
      const auto g = source.int16(n, 32767);
      for (const int32_t cap : {kNoCap, 8191, 1}) {
        auto expected = g, masked = g;
        portable().mask({activation.data() + 1, cap}, n, expected.data() + 1);
        Sums sums = Sums::of_gradients(period), plain = Sums::of_gradients(period);
        portable().gradient_sums(expected.data() + 1, q.data() + 1, n, period, plain.pointers());
        kernels().masked_gradient_sums({activation.data() + 1, cap},
                                       masked.data() + 1,
                                       q.data() + 1,
                                       n,
                                       period,
                                       sums.pointers());
        ASSERT_EQ(masked, expected);
        ASSERT_EQ(sums, plain);
      }
    }
  }
}

TEST_P(Maps, ChannelSumsOfExtremesDoNotOverflow) {
  const size_t period = channel_period(16);
  const std::vector<int16_t> q(period * 40000, -32767);
  Sums sums = Sums::of_values(period);
  kernels().channel_sums(q.data(), q.size(), period, sums.pointers());
  EXPECT_EQ(sums.first[7], -32767LL * 40000);
  EXPECT_EQ(sums.second[7], 32767LL * 32767 * 40000);
  sums = Sums::of_gradients(period);
  kernels().gradient_sums(q.data(), q.data(), q.size(), period, sums.pointers());
  EXPECT_EQ(sums.second[15], 32767LL * 32767 * 40000);
}

TEST_P(Maps, Activate) {
  Source source(4);
  for (size_t channels : {1u, 6u, 16u, 33u}) {
    const size_t period = channel_period(channels);
    for (size_t n : kCounts) {
      const auto q1 = source.int16(n, 32767), q2 = source.int16(n, 8191);
      const auto a1 = source.floats(period, 0.3f), b1 = source.floats(period, 900.0f);
      const auto a2 = source.floats(period, 1.2f), b2 = source.floats(period, 90.0f);
      const AffineTerm terms[2] = {{q1.data() + 1, a1.data(), b1.data()},
                                   {q2.data() + 1, a2.data(), b2.data()}};
      for (const auto& [count, most] : {std::pair{1, 8191}, {2, 8191}, {1, 32767}, {2, 32767}}) {
        for (bool relu : {false, true}) {
          std::vector<int16_t> x(n + 1), y(n + 1);
          const int32_t m = kernels().activate(terms, count, relu, n, period, most, x.data() + 1);
          EXPECT_EQ(m, portable().activate(terms, count, relu, n, period, most, y.data() + 1));
          EXPECT_LE(m, most);
          EXPECT_EQ(x, y);
          EXPECT_EQ(m, portable().maxabs_i16(x.data() + 1, n));
        }
        for (float cap : {1.0f, 6144.0f, 9000.0f, 24576.0f}) {
          std::vector<int16_t> x(n + 1), y(n + 1);
          portable().activate(terms, count, true, n, period, most, y.data() + 1);
          for (int16_t& q : y) q = std::min(q, static_cast<int16_t>(cap));
          kernels().activate_capped(terms, count, cap, n, period, most, x.data() + 1);
          EXPECT_EQ(x, y);
        }
      }
    }
  }
}

TEST_P(Maps, MaskJoinAndShift) {
  Source source(5);
  for (size_t n : kCounts) {
    const auto activation = source.int16(n, 32767);
    auto g = source.int16(n, 32767);
    auto h = g;
    for (const int32_t cap : {kNoCap, 24576, 8192, 8191, 700, 1}) {
      kernels().mask({activation.data() + 1, cap}, n, g.data() + 1);
      for (size_t i = 1; i <= n; ++i) {
        if (activation[i] <= 0 || activation[i] >= cap) h[i] = 0;
      }
      EXPECT_EQ(g, h);
    }
    const auto d0 = source.int16(n, 32767), d1 = source.int16(n, 32767);
    const auto d2 = source.int16(n, 32767), d3 = source.int16(n, 32767);
    const int16_t* d[] = {d0.data(), d1.data() + 1, d2.data(), d3.data() + 1};
    const float scale[] = {0.5f, 0.25f, 1.0f, 0.0625f};
    for (int inputs : {2, 3, 4}) {
      std::vector<int16_t> x(n + 1), y(n + 1);
      kernels().join(d, scale, inputs, n, x.data() + 1);
      portable().join(d, scale, inputs, n, y.data() + 1);
      EXPECT_EQ(x, y);
    }
    for (int shift = 0; shift <= 16; ++shift) {
      std::vector<int16_t> x(n);
      kernels().shift_round(d0.data(), n, shift, x.data());
      for (size_t i = 0; i < n; ++i) {
        EXPECT_EQ(x[i], std::nearbyint(std::ldexp(static_cast<double>(d0[i]), -shift)));
      }
      std::vector<int16_t> in_place(d0.begin(), d0.begin() + static_cast<ptrdiff_t>(n));
      kernels().shift_round(in_place.data(), n, shift, in_place.data());
      EXPECT_EQ(in_place, x);
    }
  }
}

TEST_P(Maps, NormaliseBackward) {
  Source source(6);
  for (size_t channels : {1u, 16u, 20u}) {
    const size_t period = channel_period(channels);
    for (size_t n : kCounts) {
      const auto g = source.int16(n, 32767), q = source.int16(n, 32767);
      const auto c1 = source.floats(period, 0.2f), c2 = source.floats(period, 0.1f);
      const auto c0 = source.floats(period, 400.0f);
      for (const int32_t most : {8191, 32767}) {
        std::vector<int16_t> x(n + 1), y(n + 1);
        kernels().normalise_backward(
            g.data() + 1, q.data(), c1.data(), c2.data(), c0.data(), n, period, most, x.data() + 1);
        portable().normalise_backward(
            g.data() + 1, q.data(), c1.data(), c2.data(), c0.data(), n, period, most, y.data() + 1);
        EXPECT_EQ(x, y);
        auto in_place = g;
        int16_t* const dy = in_place.data() + 1;
        kernels().normalise_backward(
            dy, q.data(), c1.data(), c2.data(), c0.data(), n, period, most, dy);
        EXPECT_TRUE(std::equal(x.begin() + 1, x.end(), dy));
      }
    }
  }
}

TEST_P(Maps, ContributionKernels) {
  Source source(7);
  for (size_t n : kCounts) {
    const auto x = source.floats(n, 32767.0f);
    EXPECT_EQ(kernels().ceil_norm2(x.data() + 1, n, 1.0f),
              portable().ceil_norm2(x.data() + 1, n, 1.0f));
    std::vector<int16_t> a(n + 1), b(n + 1);
    kernels().truncate(x.data() + 1, n, 0.37f, 2.0f, a.data() + 1);
    portable().truncate(x.data() + 1, n, 0.37f, 2.0f, b.data() + 1);
    EXPECT_EQ(a, b);
    const auto q = source.int16(n, 32767);
    EXPECT_EQ(kernels().norm2(q.data() + 1, n), portable().norm2(q.data() + 1, n));
    std::vector<int16_t> unpacked(n);
    int32_t largest = -1;
    const auto* bytes = reinterpret_cast<const uint8_t*>(q.data()) + 1;  // of an odd address
    const uint64_t squares = kernels().unpack(bytes, n, unpacked.data(), &largest);
    EXPECT_EQ(squares, portable().norm2(unpacked.data(), n));
    const auto* copied = reinterpret_cast<const uint8_t*>(unpacked.data());
    EXPECT_TRUE(std::equal(copied, copied + 2 * n, bytes));
    EXPECT_EQ(largest, portable().maxabs_i16(unpacked.data(), n));
    std::vector<int64_t> set(n, -5), added(n, 0);
    kernels().set_sum(q.data() + 1, n, 40, set.data());
    portable().accumulate(q.data() + 1, n, 40, added.data());
    EXPECT_EQ(set, added);
    std::vector<int64_t> s(n, -5), t(n, -5);
    kernels().accumulate(q.data() + 1, n, 40, s.data());
    portable().accumulate(q.data() + 1, n, 40, t.data());
    EXPECT_EQ(s, t);
    for (const double divisor : {1.0, 12.0, 32.0}) {
      std::vector<float> f(n);
      kernels().scale_sums(s.data(), n, pow2(-33), divisor, f.data());
      for (size_t i = 0; i < n; ++i) {
        EXPECT_EQ(f[i], static_cast<float>((static_cast<double>(s[i]) * pow2(-33)) / divisor));
      }
    }
    std::vector<int32_t> narrow(n, -7);
    kernels().accumulate_i32(q.data() + 1, n, 14, narrow.data());
    for (size_t i = 0; i < n; ++i) EXPECT_EQ(narrow[i], q[i + 1] * (1 << 14) - 7);
    kernels().widen(narrow.data(), n, 30, s.data());
    for (size_t i = 0; i < n; ++i) EXPECT_EQ(s[i], narrow[i] * (int64_t{1} << 30));
  }
}

TEST_P(Maps, Sgd) {
  Source source(8);
  for (size_t n : kCounts) {
    for (int variant = 0; variant < 8; ++variant) {
      SgdConstants constants{0.1f, 0.9f, 5e-4f, 5e-5f, (variant & 1) != 0, (variant & 2) != 0, 3.0};
      if ((variant & 4) != 0) constants.microbatches = 4.0;
      std::vector<int64_t> sum(n);
      for (int64_t& s : sum) s = (int64_t{source.word()} - (int64_t{1} << 31)) << 12;
      std::vector<float> w = source.floats(n, 1.0f), v = source.floats(n, 0.5f);
      std::vector<float> w2 = w, v2 = v;
      EXPECT_EQ(kernels().sgd(sum.data(), n, constants, w.data(), v.data()),
                portable().sgd(sum.data(), n, constants, w2.data(), v2.data()));
      EXPECT_EQ(w, w2);
      EXPECT_EQ(v, v2);
    }
  }
}

TEST_P(Maps, Windows) {
  Source source(21);
  for (size_t n : kCounts) {
    for (size_t shift : {0u, 1u}) {
      const auto x = source.int16(n, 3);  // many ties
      const auto y = source.int16(n, 3);
      auto out = source.int16(n, 3);
      auto expected_out = out;
      kernels().max_into(x.data() + shift, n, out.data() + shift);
      portable().max_into(x.data() + shift, n, expected_out.data() + shift);
      EXPECT_EQ(out, expected_out);
      auto rest = source.int16(n, 32767);
      auto expected_rest = rest;
      std::vector<int32_t> sum(n + 80, 1 << 29), expected_sum = sum;
      kernels().route_max(x.data() + shift, y.data() + shift, n, rest.data() + shift, sum.data());
      portable().route_max(
          x.data() + shift, y.data() + shift, n, expected_rest.data() + shift, expected_sum.data());
      EXPECT_EQ(rest, expected_rest);
      EXPECT_EQ(sum, expected_sum);
      const auto added = source.int16(n, 32767);
      kernels().add_into(added.data() + shift, n, sum.data() + shift);
      portable().add_into(added.data() + shift, n, expected_sum.data() + shift);
      EXPECT_EQ(sum, expected_sum);
    }
  }
}

TEST_P(Maps, NarrowRoundsTiesToEven) {
  Source source(22);
  for (size_t n : kCounts) {
    for (int s = 0; s <= 14; ++s) {
      const auto q = source.int16(n, 32767);
      std::vector<int32_t> sum(n);
      for (size_t i = 0; i < n; ++i) {
        const int32_t half = s == 0 ? 0 : 1 << (s - 1);
        sum[i] = q[i] * (1 << s) + (q[i] > 0 ? -half : half);  // ties
        if (i % 3 == 1 && s > 1) sum[i] += q[i] > 0 ? -1 : 1;
      }
      std::vector<int16_t> out(n), expected(n);
      kernels().narrow(sum.data(), n, s, out.data());
      for (size_t i = 0; i < n; ++i) {
        const double exact = static_cast<double>(sum[i]) / std::ldexp(1.0, s);
        expected[i] = static_cast<int16_t>(std::nearbyint(exact));
      }
      EXPECT_EQ(out, expected) << s;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Levels,
                         Maps,
                         testing::ValuesIn(all_levels()),
                         [](const testing::TestParamInfo<Level>& level) {
                           return std::string(level_name(level.param));
                         });

}  // namespace
}  // namespace ginn::device
