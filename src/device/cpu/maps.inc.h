// Included once by each maps_LEVEL.cpp, which defines GINN_MAPS_NAMESPACE and is compiled with the
// level's flags. Only plain loops and builtins: an inline function shared with differently compiled
// files would be one symbol for the linker, and the wrong one might be kept.
#ifdef __AVX2__
#include <immintrin.h>
#endif

#include <cstddef>
#include <cstdint>

#include "device/maps.h"

#define GINN_MAPS_INLINE inline __attribute__((always_inline))

namespace ginn::device::GINN_MAPS_NAMESPACE {
namespace {

#include "device/cpu/floats.inc.h"
#include "device/cpu/sums.inc.h"

GINN_MAPS_INLINE uint32_t bits_of(float x) {
  uint32_t bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  return bits & 0x7fffffffu;
}

uint32_t maxabs_f32(const float* __restrict x, size_t count) {
  uint32_t m = 0;
  for (size_t i = 0; i < count; ++i) {
    const uint32_t b = bits_of(x[i]);
    m = b > m ? b : m;
  }
  return m;
}

int32_t maxabs_i16(const int16_t* __restrict x, size_t count) {
  int16_t low = 0;
  int16_t high = 0;
  for (size_t i = 0; i < count; ++i) {
    low = x[i] < low ? x[i] : low;
    high = x[i] > high ? x[i] : high;
  }
  return -low > high ? -low : high;
}

void quantise(const float* x, size_t count, float scale, int32_t q_max, int16_t* out) {
  const float limit = static_cast<float>(q_max);
  for_floats(
      count, [&](auto v, size_t i) __attribute__((always_inline)) {
        v.store(out + i, v.round(v.multiply(v.load(x + i), v.all(scale)), limit));
      });
}

enum class End { kNone, kRelu, kCapped };
struct Ends {
  float cap, limit;
};

template <int terms, End end>
GINN_MAPS_INLINE void activate_block(const AffineTerm* term,
                                     const Ends& ends,
                                     size_t begin,
                                     size_t count,
                                     int16_t* out,
                                     Largest& largest) {
  const AffineTerm t = term[0];
  const AffineTerm u = term[terms - 1];
  for_floats(
      count, [&](auto v, size_t i) __attribute__((always_inline)) {
        auto x = v.fma(v.load(t.a + i), v.from(t.q + begin + i), v.load(t.b + i));
        if constexpr (terms == 2) {
          x = v.add(x, v.fma(v.load(u.a + i), v.from(u.q + begin + i), v.load(u.b + i)));
        }
        if constexpr (end != End::kNone) x = v.positive(x);
        if constexpr (end == End::kCapped) x = v.smaller(x, v.all(ends.cap));
        const auto q = v.round(x, ends.limit);
        v.store(out + begin + i, q);
        largest.add(v, q);
      });
}

template <int terms, End end>
int32_t activate_blocks(
    const AffineTerm* term, const Ends& ends, size_t count, size_t period, int16_t* out) {
  Largest largest;
  for (size_t begin = 0; begin < count; begin += period) {
    const size_t n = count - begin < period ? count - begin : period;
    activate_block<terms, end>(term, ends, begin, n, out, largest);
  }
  return largest.value();
}

int32_t activate(const AffineTerm* term,
                 int terms,
                 bool relu,
                 size_t count,
                 size_t period,
                 int32_t q_max,
                 int16_t* out) {
  const Ends ends{0.0f, static_cast<float>(q_max)};
  if (terms == 1) {
    return relu ? activate_blocks<1, End::kRelu>(term, ends, count, period, out)
                : activate_blocks<1, End::kNone>(term, ends, count, period, out);
  }
  return relu ? activate_blocks<2, End::kRelu>(term, ends, count, period, out)
              : activate_blocks<2, End::kNone>(term, ends, count, period, out);
}

int32_t activate_capped(const AffineTerm* term,
                        int terms,
                        float cap,
                        size_t count,
                        size_t period,
                        int32_t q_max,
                        int16_t* out) {
  const Ends ends{cap, static_cast<float>(q_max)};
  return terms == 1 ? activate_blocks<1, End::kCapped>(term, ends, count, period, out)
                    : activate_blocks<2, End::kCapped>(term, ends, count, period, out);
}

template <int inputs>
void join_inputs(const int16_t* const* d, const float* scale, size_t count, int16_t* out) {
  for_floats(
      count, [&](auto v, size_t i) __attribute__((always_inline)) {
        auto x = v.multiply(v.from(d[0] + i), v.all(scale[0]));
        for (int j = 1; j < inputs; ++j) {
          x = v.add(x, v.multiply(v.from(d[j] + i), v.all(scale[j])));
        }
        v.store(out + i, v.round(x, 32767.0f));
      });
}

void join(const int16_t* const* d, const float* scale, int inputs, size_t count, int16_t* out) {
  if (inputs == 2) return join_inputs<2>(d, scale, count, out);
  if (inputs == 3) return join_inputs<3>(d, scale, count, out);
  join_inputs<4>(d, scale, count, out);
}

void normalise_backward(const int16_t* g,
                        const int16_t* q,
                        const float* c1,
                        const float* c2,
                        const float* c0,
                        size_t count,
                        size_t period,
                        int32_t q_max,
                        int16_t* dy) {
  const float limit = static_cast<float>(q_max);
  for (size_t begin = 0; begin < count; begin += period) {
    const size_t n = count - begin < period ? count - begin : period;
    for_floats(
        n, [&](auto v, size_t i) __attribute__((always_inline)) {
          const auto u = v.fma(v.load(c2 + i), v.from(q + begin + i), v.load(c0 + i));
          const auto x = v.fma(v.load(c1 + i), v.from(g + begin + i), u);
          v.store(dy + begin + i, v.round(x, limit));
        });
  }
}

// Adds just below a half, and one more when the quotient is odd: ties go to even; 0 < shift.
GINN_MAPS_INLINE int16_t shifted(int32_t v, int shift) {
  const int32_t bias = (1 << (shift - 1)) - 1;
  return static_cast<int16_t>((v + bias + ((v >> shift) & 1)) >> shift);
}

void shift_in_place(int16_t* x, size_t count, int shift) {
  for (size_t i = 0; i < count; ++i) x[i] = shifted(x[i], shift);
}

void shift_round(const int16_t* x, size_t count, int shift, int16_t* out) {
  if (x == out) {
    if (shift > 0) shift_in_place(out, count, shift);
    return;
  }
  const int16_t* __restrict from = x;
  int16_t* __restrict to = out;
  if (shift == 0) {
    for (size_t i = 0; i < count; ++i) to[i] = from[i];
  } else {
    for (size_t i = 0; i < count; ++i) to[i] = shifted(from[i], shift);
  }
}

void max_into(const int16_t* __restrict x, size_t count, int16_t* __restrict out) {
  for (size_t i = 0; i < count; ++i) out[i] = x[i] > out[i] ? x[i] : out[i];
}

void route_max(const int16_t* __restrict x,
               const int16_t* __restrict y,
               size_t count,
               int16_t* __restrict rest,
               int32_t* __restrict sum) {
  for (size_t i = 0; i < count; ++i) {
    const int16_t hit = static_cast<int16_t>(x[i] == y[i] ? -1 : 0);
    sum[i] += static_cast<int16_t>(rest[i] & hit);
    rest[i] = static_cast<int16_t>(rest[i] & ~hit);
  }
}

void add_into(const int16_t* __restrict x, size_t count, int32_t* __restrict sum) {
  for (size_t i = 0; i < count; ++i) sum[i] += x[i];
}

void narrow(const int32_t* __restrict sum, size_t count, int shift, int16_t* __restrict out) {
  const int32_t bias = shift == 0 ? 0 : (1 << (shift - 1)) - 1;
  const int32_t one = shift == 0 ? 0 : 1;
  for (size_t i = 0; i < count; ++i) {
    out[i] = static_cast<int16_t>((sum[i] + bias + ((sum[i] >> shift) & one)) >> shift);
  }
}

// Dividing by a power of two is multiplying by its reciprocal, to the bit, and much faster.
GINN_MAPS_INLINE bool power_of_two(double x) {
  uint64_t bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  return (bits & ((uint64_t{1} << 52) - 1)) == 0;
}

void scale_sums(const int64_t* __restrict sum,
                size_t count,
                double scale,
                double divisor,
                float* __restrict out) {
  if (power_of_two(divisor)) {
    const double factor = scale / divisor;
    for (size_t i = 0; i < count; ++i) {
      out[i] = static_cast<float>(static_cast<double>(sum[i]) * factor);
    }
    return;
  }
  for (size_t i = 0; i < count; ++i) {
    out[i] = static_cast<float>((static_cast<double>(sum[i]) * scale) / divisor);
  }
}

uint64_t ceil_norm2(const float* __restrict x, size_t count, float scale) {
  uint64_t total = 0;
  for (size_t i = 0; i < count; ++i) {
    const float v = __builtin_fabsf(x[i]) * scale;
    const int32_t t = static_cast<int32_t>(v);
    const int32_t a = t + (static_cast<float>(t) < v ? 1 : 0);
    total += static_cast<uint64_t>(static_cast<uint32_t>(a * a));  // a <= 32767: below 2^30
  }
  return total;
}

void truncate(
    const float* __restrict x, size_t count, float factor, float scale, int16_t* __restrict out) {
  for (size_t i = 0; i < count; ++i) {
    const float h = x[i] * factor;
    out[i] = static_cast<int16_t>(static_cast<int32_t>(h * scale));
  }
}

uint64_t norm2(const int16_t* __restrict q, size_t count) {
  uint64_t total = 0;
  for (size_t i = 0; i < count; ++i) {
    const int32_t v = q[i];
    total += static_cast<uint32_t>(v * v);
  }
  return total;
}

uint64_t unpack(const uint8_t* __restrict bytes,
                size_t count,
                int16_t* __restrict q,
                int32_t* __restrict largest) {
  constexpr size_t kBlock = 4096;  // read again while it is in the first cache
  uint64_t total = 0;
  *largest = 0;
  for (size_t first = 0; first < count; first += kBlock) {
    const size_t n = count - first < kBlock ? count - first : kBlock;
    __builtin_memcpy(q + first, bytes + 2 * first, 2 * n);
    const int32_t most = maxabs_i16(q + first, n);
    *largest = most > *largest ? most : *largest;
    total += norm2(q + first, n);
  }
  return total;
}

void set_sum(const int16_t* __restrict q, size_t count, int shift, int64_t* __restrict sum) {
  for (size_t i = 0; i < count; ++i) sum[i] = int64_t{q[i]} << shift;
}

void accumulate(const int16_t* __restrict q, size_t count, int shift, int64_t* __restrict sum) {
  for (size_t i = 0; i < count; ++i) sum[i] += int64_t{q[i]} << shift;
}

void accumulate_i32(const int16_t* __restrict q, size_t count, int shift, int32_t* __restrict sum) {
  const int32_t unit = 1 << shift;
  for (size_t i = 0; i < count; ++i) sum[i] += q[i] * unit;
}

void widen(const int32_t* __restrict x, size_t count, int shift, int64_t* __restrict out) {
  const int64_t unit = int64_t{1} << shift;
  for (size_t i = 0; i < count; ++i) out[i] = x[i] * unit;
}

constexpr double kGrid = 1.0 / 1099511627776.0;  // 2^-40

// The mean over m contributions of a sum on the grid.
template <bool by_power>
GINN_MAPS_INLINE float mean_of(int64_t sum, double m) {
  const double x = static_cast<double>(sum);
  return static_cast<float>(by_power ? x * (kGrid / m) : (x * kGrid) / m);
}

template <bool by_power>
GINN_MAPS_INLINE uint32_t sgd_by(const int64_t* __restrict sum,
                                 size_t count,
                                 const SgdConstants& constants,
                                 float* __restrict w,
                                 float* __restrict v) {
  const float lr = constants.learning_rate;
  const float mu = constants.momentum;
  const float wd = constants.weight_decay;
  const float decay = constants.decoupled_decay;
  const bool decoupled = constants.decoupled;
  const bool nesterov = constants.nesterov;
  const double m = constants.microbatches;
  uint32_t largest = 0;
  for (size_t i = 0; i < count; ++i) {
    float g = mean_of<by_power>(sum[i], m);
    float weight = w[i];
    g = decoupled ? g : __builtin_fmaf(wd, weight, g);
    weight = decoupled ? __builtin_fmaf(-decay, weight, weight) : weight;
    const float velocity = __builtin_fmaf(mu, v[i], g);
    const float d = nesterov ? __builtin_fmaf(mu, velocity, g) : velocity;
    weight = __builtin_fmaf(-lr, d, weight);
    w[i] = weight;
    v[i] = velocity;
    const uint32_t a = bits_of(weight);
    const uint32_t b = bits_of(velocity);
    const uint32_t larger = a > b ? a : b;
    largest = larger > largest ? larger : largest;
  }
  return largest;
}

uint32_t sgd(const int64_t* sum, size_t count, const SgdConstants& constants, float* w, float* v) {
  return power_of_two(constants.microbatches) ? sgd_by<true>(sum, count, constants, w, v)
                                              : sgd_by<false>(sum, count, constants, w, v);
}

}  // namespace

extern const MapKernels kMaps;
const MapKernels kMaps = {maxabs_f32,
                          maxabs_i16,
                          quantise,
                          channel_sums,
                          gradient_sums,
                          masked_gradient_sums,
                          activate,
                          activate_capped,
                          mask,
                          join,
                          normalise_backward,
                          shift_round,
                          max_into,
                          route_max,
                          add_into,
                          narrow,
                          scale_sums,
                          ceil_norm2,
                          truncate,
                          norm2,
                          unpack,
                          set_sum,
                          accumulate,
                          accumulate_i32,
                          widen,
                          sgd};

}  // namespace ginn::device::GINN_MAPS_NAMESPACE
