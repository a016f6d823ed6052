#include "device/cpu/plan.h"

#include <algorithm>
#include <cstring>

namespace ginn::device::cpu {

namespace {

// Gives the phase its place in the packed weights.
void add_phase(Plan& plan, int64_t lanes, Phase phase) {
  if (phase.out_h >= plan.dst_h || phase.out_w >= plan.dst_w) return;
  phase.steps = phase.taps_h * ceil_div(phase.taps_w * plan.src_c, 2);
  phase.packed = plan.packed_count;
  plan.packed_count += 2 * phase.steps * padded_columns(plan.dst_c, lanes);
  plan.phases.push_back(phase);
}

void flatten(const ConvShape& s, Plan& plan) {
  if (!is_pointwise(s)) return;
  plan.src_h = plan.dst_h = plan.n * plan.src_h * plan.src_w;
  plan.n = plan.src_w = plan.dst_w = 1;
}

// Element `e` of a tap for destination channel `d` lies at d * dst_stride + e * src_stride + tap.
struct WeightOrder {
  int64_t dst_stride, src_stride, kernel_h_stride, kernel_w_stride;
};

constexpr int64_t kLineElements = 32;  // int16 of a cache line

// to = a[0], b[0], a[1], b[1], ...
void interleave(const int16_t* __restrict a,
                const int16_t* __restrict b,
                int64_t count,
                int16_t* __restrict to) {
  for (int64_t d = 0; d < count; ++d) {
    to[2 * d] = a[d];
    to[2 * d + 1] = b[d];
  }
}

// to[p, d] = from[d, p], of pairs.
void transpose_pairs(const int16_t* from,
                     int64_t from_stride,
                     int64_t count,
                     int64_t pairs,
                     int16_t* to,
                     int64_t to_stride) {
  for (int64_t d = 0; d < count; ++d) {
    for (int64_t p = 0; p < pairs; ++p) {
      std::memcpy(to + p * to_stride + 2 * d, from + d * from_stride + 2 * p, 2 * sizeof *to);
    }
  }
}

// What is packed: destination channels and elements of a tap, from q on.
struct PackRange {
  int64_t dst_first, dst_count, src_first, src_count;
};

void pack(const Plan& plan,
          const WeightOrder& order,
          int64_t lanes,
          const int16_t* q,
          const PackRange& range,
          Buffer<int16_t>& packed) {
  int16_t* out = packed.data();
  // Elements [e, e + n) of a tap, which is element `first` of its run.
  const auto pack_tap = [&](const int16_t* tap,
                            int64_t first,
                            int64_t n,
                            int64_t width,
                            int64_t count,
                            int16_t* block) {
    const auto place = [&](int64_t e) {
      const int64_t element = first + e;
      return block + (element / 2) * 2 * width + (element & 1);
    };
    const int64_t paired = first % 2 == 0 ? n / 2 * 2 : 0;
    if (order.dst_stride == 1) {
      for (int64_t e = 0; e < paired; e += 2) {
        const int16_t* from = tap + e * order.src_stride;
        interleave(from, from + order.src_stride, count, place(e));
      }
    } else {
      for (int64_t e = 0; e < paired; e += kLineElements) {
        const int64_t pairs = std::min(kLineElements, paired - e) / 2;
        transpose_pairs(tap + e, order.dst_stride, count, pairs, place(e), 2 * width);
      }
    }
    for (int64_t e = paired; e < n; ++e) {
      const int16_t* from = tap + e * order.src_stride;
      int16_t* to = place(e);
      for (int64_t d = 0; d < count; ++d) to[2 * d] = from[d * order.dst_stride];
    }
  };
  // So few of q's rows at a time that they are near.
  const int64_t elements = order.dst_stride == 1 ? kLineElements : range.src_count;
  for (int64_t e = 0; e < range.src_count; e += elements) {
    const int64_t n = std::min(elements, range.src_count - e);
    for (const Phase& phase : plan.phases) {
      for (int64_t i = 0; i < range.dst_count; i += 2 * lanes) {
        const int64_t count = std::min(range.dst_count - i, 2 * lanes);
        const int64_t width = padded_columns(count, lanes);
        int16_t* block = out + phase.packed + 2 * (range.dst_first + i) * phase.steps;
        const int16_t* from = q + i * order.dst_stride + e * order.src_stride;
        for (int64_t row = 0; row < phase.taps_h; ++row, block += 2 * width * phase.row_steps()) {
          const int64_t r = phase.kernel_h + row * phase.kernel_step_h;
          for (int64_t j = 0; j < phase.taps_w; ++j) {
            const int64_t s = phase.kernel_w + j * phase.kernel_step_w;
            const int16_t* tap = from + r * order.kernel_h_stride + s * order.kernel_w_stride;
            pack_tap(tap, j * plan.src_c + range.src_first + e, n, width, count, block);
          }
        }
      }
    }
  }
}

WeightOrder order_of(const ConvShape& s, bool dgrad) {
  const int64_t c = s.c;
  const int64_t filter = c * s.kernel_h * s.kernel_w;
  return {dgrad ? 1 : filter, dgrad ? filter : 1, c * s.kernel_w, c};
}

}  // namespace

bool is_pointwise(const ConvShape& s) {
  return s.kernel_h == 1 && s.kernel_w == 1 && s.stride == 1 && s.padding == 0;
}

Plan fprop_plan(const ConvShape& s, int64_t lanes) {
  Plan plan{};
  plan.operands = s.operands;
  plan.n = s.n;
  plan.src_h = s.h;
  plan.src_w = s.w;
  plan.src_c = s.c;
  plan.dst_h = s.out_h();
  plan.dst_w = s.out_w();
  plan.dst_c = s.k;
  plan.out_step = 1;
  plan.src_step = s.stride;
  plan.dense = true;
  flatten(s, plan);
  Phase phase{};
  phase.taps_h = s.kernel_h;
  phase.taps_w = s.kernel_w;
  phase.src_h = phase.src_w = -int64_t{s.padding};
  phase.kernel_step_h = phase.kernel_step_w = 1;
  add_phase(plan, lanes, phase);
  return plan;
}

// dx at h takes dy at p = (h + padding - r) / stride for the r that make it whole: r = f, f +
// stride,
// ... < kernel with f = (h + padding) mod stride. Taken backwards, consecutive p.
Plan dgrad_plan(const ConvShape& s, int64_t lanes) {
  Plan plan{};
  plan.operands = s.operands;
  plan.n = s.n;
  plan.src_h = s.out_h();
  plan.src_w = s.out_w();
  plan.src_c = s.k;
  plan.dst_h = s.h;
  plan.dst_w = s.w;
  plan.dst_c = s.c;
  plan.out_step = s.stride;
  plan.src_step = 1;
  plan.dense = s.stride <= s.kernel_h && s.stride <= s.kernel_w;
  flatten(s, plan);
  const int64_t stride = s.stride;
  const int64_t padding = s.padding;
  for (int64_t f = 0; f < std::min<int64_t>(stride, s.kernel_h); ++f) {
    for (int64_t g = 0; g < std::min<int64_t>(stride, s.kernel_w); ++g) {
      Phase phase{};
      phase.taps_h = ceil_div(s.kernel_h - f, stride);
      phase.taps_w = ceil_div(s.kernel_w - g, stride);
      phase.out_h = ((f - padding) % stride + stride) % stride;
      phase.out_w = ((g - padding) % stride + stride) % stride;
      phase.src_h = (phase.out_h + padding - f) / stride - (phase.taps_h - 1);
      phase.src_w = (phase.out_w + padding - g) / stride - (phase.taps_w - 1);
      phase.kernel_h = f + stride * (phase.taps_h - 1);
      phase.kernel_w = g + stride * (phase.taps_w - 1);
      phase.kernel_step_h = phase.kernel_step_w = -stride;
      add_phase(plan, lanes, phase);
    }
  }
  return plan;
}

// No weight goes to padded columns (never read) and to the second half of an odd run's last pair,
// which must be zero.
void make_room(const Plan& plan, Buffer<int16_t>& packed) {
  const auto count = static_cast<size_t>(plan.packed_count);
  if (packed.size() != count) {
    packed = Buffer<int16_t>(count);
  } else if (plan.src_c % 2 != 0) {
    std::memset(packed.data(), 0, count * sizeof(int16_t));
  }
}

void pack_fprop(const ConvShape& shape,
                int64_t lanes,
                const Filters& filters,
                Buffer<int16_t>& packed) {
  const PackRange range{filters.first, filters.count, 0, shape.c};
  pack(fprop_plan(shape, lanes), order_of(shape, false), lanes, filters.q, range, packed);
}

void pack_dgrad(const ConvShape& shape,
                int64_t lanes,
                const Filters& filters,
                Buffer<int16_t>& packed) {
  const PackRange range{0, shape.c, filters.first, filters.count};
  pack(dgrad_plan(shape, lanes), order_of(shape, true), lanes, filters.q, range, packed);
}

int64_t units_that_fit(uint64_t a, uint64_t b, int64_t limit, uint64_t end) {
  using Wide = unsigned __int128;
  const auto fits = [&](int64_t t) {
    const auto units = static_cast<uint64_t>(t);
    return Wide{a} * b < Wide{end} * end / (Wide{units} * units);
  };
  if (!fits(1)) return 0;
  int64_t low = 1;
  int64_t high = limit;
  while (low < high) {
    const int64_t t = (low + high + 1) / 2;
    if (fits(t)) {
      low = t;
    } else {
      high = t - 1;
    }
  }
  return low;
}

Cut cut_for(const Plan& plan, const Phase& phase, const Norms& x, const Norms& w, int shift) {
  Cut cut;
  if (plan.digits() > 1) {
    cut.wide = true;
    cut.flush_rows = kSafeDigitSteps / phase.row_steps();
    if (cut.flush_rows == 0) cut.flush_steps = kSafeDigitSteps;
    return cut;
  }
  if (shift <= 16) return cut;
  if (shift <= 18 &&
      units_that_fit(x.row, w.row, phase.taps_h, kSumEnd - (1u << 18)) == phase.taps_h) {
    return cut;
  }
  cut.wide = true;
  cut.flush_rows = units_that_fit(x.row, w.row, phase.taps_h);
  if (cut.flush_rows > 0) return cut;
  const int64_t channels = plan.src_c;
  const int64_t taps = units_that_fit(x.tap, w.tap, phase.taps_w);
  int64_t steps = 0;
  if (taps > 0) {
    // Of an odd number of channels, steps straddle taps: (t - 1) channels touch at most t taps.
    steps = channels % 2 == 0 ? taps * channels / 2 : (taps - 1) * channels / 2;
  } else if (phase.taps_w == 1 || channels % kChunk == 0) {
    // Chunks stand at multiples of kChunk in the whole row of taps.
    const int64_t chunks = ceil_div(phase.taps_w * channels, kChunk);
    steps = units_that_fit(x.chunk, w.chunk, chunks) * (kChunk / 2);
  }
  cut.flush_steps = std::max(steps, kSafeSteps);
  return cut;
}

int64_t run_count(const Plan& plan, const Phase& phase, const Cut& cut) {
  const int64_t of_row = cut.flush_steps == 0 ? 1 : ceil_div(phase.row_steps(), cut.flush_steps);
  return plan.digits() * phase.taps_h * of_row;
}

void make_runs(
    const Plan& plan, const Phase& phase, const Cut& cut, SourceStrides strides, Run* runs) {
  const int64_t row_steps = phase.row_steps();
  const int64_t most = cut.flush_steps == 0 ? row_steps : cut.flush_steps;
  const auto row = [&](int64_t i, int64_t digit) {
    const bool last_row = i + 1 == phase.taps_h;
    const bool row_ends =
        cut.flush_steps != 0 || last_row || (cut.flush_rows != 0 && (i + 1) % cut.flush_rows == 0);
    for (int64_t first = 0; first < row_steps; first += most) {
      *runs++ = Run{digit * strides.digit + i * strides.row + 2 * first,
                    static_cast<int32_t>(std::min(most, row_steps - first)),
                    cut.wide && row_ends ? 1 : 0,
                    digit + 1 < plan.digits() ? kDigitShift : 0,
                    digit > 0 && i == 0 && first == 0 ? 1 : 0};
    }
  };
  for (int64_t digit = 0; digit < plan.digits(); ++digit) {
    for (int64_t i = 0; i < phase.taps_h; ++i) row(i, digit);
  }
}

void split_digits(int16_t* q, int64_t count, int16_t* low) {
  for (int64_t i = 0; i < count; ++i) {
    low[i] = static_cast<int16_t>(q[i] & ((1 << kDigitShift) - 1));
    q[i] = static_cast<int16_t>(q[i] >> kDigitShift);
  }
}

}  // namespace ginn::device::cpu
