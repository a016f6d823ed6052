#include "device/convolution_cases.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "device/cpu/correlation.h"
#include "device/cpu/emulated.h"

namespace ginn::device::cases {

Tensor::Tensor(size_t count, Fill fill, uint64_t seed, OperandFormat format)
    : memory_(new int16_t[count + 1]), count_(count) {
  const int64_t limit = operand_max(format);
  uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
  const auto value = [&](size_t i) -> int64_t {
    state = state * 6364136223846793005u + 1442695040888963407u;
    const auto uniform = [&](int64_t most) {
      return static_cast<int64_t>((state >> 33) % static_cast<uint64_t>(2 * most + 1)) - most;
    };
    const auto index = static_cast<int64_t>(i);
    switch (fill) {
      case Fill::kSmall:
        return uniform(100);
      case Fill::kFull:
        return uniform(limit);
      case Fill::kAlternating:
        return i % 2 == 0 ? limit : -limit;
      case Fill::kExtreme:
        return limit;
      case Fill::kSpike:
        return i == count / 3 ? -limit : 0;
      case Fill::kZero:
        return 0;
      case Fill::kPrime:
        return index % limit * 5 % (2 * limit + 1) - limit;
    }
    return 0;
  };
  for (size_t i = 0; i < count; ++i) data()[i] = static_cast<int16_t>(value(i));
}

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

namespace {

Outputs run_kernels(const cpu::Kernels& kernels, const ConvShape& s, const Inputs& in) {
  Outputs out(s);
  Scratch scratch;
  Buffer<int16_t> packed;
  const cpu::Filters filters{in.w.data(), 0, s.k};
  cpu::WeightNorms norms(s);
  norms.add(filters);
  cpu::make_room(cpu::fprop_plan(s, kernels.lanes), packed);
  cpu::pack_fprop(s, kernels.lanes, filters, packed);
  out.fprop_shift = cpu::correlate(kernels,
                                   cpu::fprop_plan(s, kernels.lanes),
                                   in.x.data(),
                                   packed.data(),
                                   norms.fprop(),
                                   out.y.data(),
                                   scratch);
  cpu::make_room(cpu::dgrad_plan(s, kernels.lanes), packed);
  cpu::pack_dgrad(s, kernels.lanes, filters, packed);
  out.dgrad_shift = cpu::correlate(kernels,
                                   cpu::dgrad_plan(s, kernels.lanes),
                                   in.dy.data(),
                                   packed.data(),
                                   norms.dgrad(),
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
                s.groups,
                s.operands == OperandFormat::kDfp14 ? " dfp14" : " dfp16");
}

}  // namespace

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

std::vector<ConvShape> hard_shapes(OperandFormat format) {
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
  for (ConvShape& s : shapes) s.operands = format;
  return shapes;
}

std::vector<ConvShape> large_shapes(OperandFormat format) {
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
  for (ConvShape& s : shapes) s.operands = format;
  return shapes;
}

std::vector<NamedLevel> fast_levels(OperandFormat format) {
  std::vector<NamedLevel> all;
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
  if (format == OperandFormat::kDfp16) return all;  // the tiles' digits are those of dfp14
  all.emplace_back("emulated tiles", [](const ConvShape& s, const Inputs& in) {
    return run_kernels(cpu::emulated::kTiles, s, in);
  });
  return all;
}

void compare_levels(const std::vector<ConvShape>& shapes, Fill fill, Fill weights) {
  for (const ConvShape& s : shapes) {
    const auto levels = fast_levels(s.operands);
    const Inputs in(s, fill, weights);
    const Outputs expected = run_level(Level::kPortable, s, in);
    for (const auto& [name, run] : levels) {
      SCOPED_TRACE(name);
      expect_same(s, run(s, in), expected);
      if (testing::Test::HasFailure()) return;
    }
  }
}

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

}  // namespace ginn::device::cases
