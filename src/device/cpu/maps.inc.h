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

constexpr float kMagic = 12582912.0f;

// Round to nearest even, |x| <= 2^22.
GINN_MAPS_INLINE int32_t rne(float x) {
  return static_cast<int32_t>((x + kMagic) - kMagic);
}
GINN_MAPS_INLINE float clamp(float x, float q) {
  const float below = x < q ? x : q;  // NaN gives q
  return below > -q ? below : -q;
}
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

void quantise(const float* __restrict x, size_t count, float scale, int32_t q_max,
              int16_t* __restrict out) {
  const float limit = static_cast<float>(q_max);
  for (size_t i = 0; i < count; ++i) {
    out[i] = static_cast<int16_t>(rne(clamp(x[i] * scale, limit)));
  }
}

#include "device/cpu/sums.inc.h"

template <int terms, bool relu>
GINN_MAPS_INLINE int32_t activate_block(
    const int16_t* __restrict q1, const float* __restrict a1, const float* __restrict b1,
    const int16_t* __restrict q2, const float* __restrict a2, const float* __restrict b2,
    size_t count, int16_t* __restrict out) {
  int16_t low = 0;
  int16_t high = 0;
  for (size_t i = 0; i < count; ++i) {
    float v = __builtin_fmaf(a1[i], static_cast<float>(q1[i]), b1[i]);
    if constexpr (terms == 2) v = v + __builtin_fmaf(a2[i], static_cast<float>(q2[i]), b2[i]);
    if constexpr (relu) v = v > 0.0f ? v : 0.0f;
    const int16_t q = static_cast<int16_t>(rne(clamp(v, 8191.0f)));
    out[i] = q;
    if constexpr (!relu) low = q < low ? q : low;
    high = q > high ? q : high;
  }
  return -low > high ? -low : high;
}

int32_t activate(const AffineTerm* term, int terms, bool relu, size_t count, size_t period,
                 int16_t* out) {
  int32_t largest = 0;
  for (size_t begin = 0; begin < count; begin += period) {
    const size_t n = count - begin < period ? count - begin : period;
    const AffineTerm& t = term[0];
    const AffineTerm& u = term[terms - 1];
    int32_t m;
    if (terms == 1) {
      m = relu ? activate_block<1, true>(t.q + begin, t.a, t.b, nullptr, nullptr, nullptr, n,
                                         out + begin)
               : activate_block<1, false>(t.q + begin, t.a, t.b, nullptr, nullptr, nullptr, n,
                                          out + begin);
    } else {
      m = relu ? activate_block<2, true>(t.q + begin, t.a, t.b, u.q + begin, u.a, u.b, n,
                                         out + begin)
               : activate_block<2, false>(t.q + begin, t.a, t.b, u.q + begin, u.a, u.b, n,
                                          out + begin);
    }
    largest = m > largest ? m : largest;
  }
  return largest;
}

void mask(const int16_t* __restrict activation, size_t count, int16_t* __restrict g) {
  for (size_t i = 0; i < count; ++i) {
    g[i] = static_cast<int16_t>(activation[i] > 0 ? g[i] : int16_t{0});
  }
}

template <int inputs>
void join_inputs(const int16_t* const* d, const float* scale, size_t count,
                 int16_t* __restrict out) {
  const int16_t* d0 = d[0];
  const int16_t* d1 = d[1];
  const int16_t* d2 = inputs > 2 ? d[2] : d0;
  const int16_t* d3 = inputs > 3 ? d[3] : d0;
  const float s0 = scale[0];
  const float s1 = scale[1];
  const float s2 = inputs > 2 ? scale[2] : 0.0f;
  const float s3 = inputs > 3 ? scale[3] : 0.0f;
  for (size_t i = 0; i < count; ++i) {
    float v = static_cast<float>(d0[i]) * s0 + static_cast<float>(d1[i]) * s1;
    if constexpr (inputs > 2) v = v + static_cast<float>(d2[i]) * s2;
    if constexpr (inputs > 3) v = v + static_cast<float>(d3[i]) * s3;
    out[i] = static_cast<int16_t>(rne(clamp(v, 32767.0f)));
  }
}

void join(const int16_t* const* d, const float* scale, int inputs, size_t count, int16_t* out) {
  if (inputs == 2) return join_inputs<2>(d, scale, count, out);
  if (inputs == 3) return join_inputs<3>(d, scale, count, out);
  join_inputs<4>(d, scale, count, out);
}

void normalise_backward(const int16_t* g, const int16_t* q, const float* c1, const float* c2,
                        const float* c0, size_t count, size_t period, int16_t* dy) {
  for (size_t begin = 0; begin < count; begin += period) {
    const size_t n = count - begin < period ? count - begin : period;
    const int16_t* __restrict gs = g + begin;
    const int16_t* __restrict qs = q + begin;
    const float* __restrict k1 = c1;
    const float* __restrict k2 = c2;
    const float* __restrict k0 = c0;
    int16_t* __restrict out = dy + begin;
    for (size_t i = 0; i < n; ++i) {
      const float u = __builtin_fmaf(k2[i], static_cast<float>(qs[i]), k0[i]);
      const float v = __builtin_fmaf(k1[i], static_cast<float>(gs[i]), u);
      out[i] = static_cast<int16_t>(rne(clamp(v, 8191.0f)));
    }
  }
}

void shift_round(const int16_t* __restrict x, size_t count, int shift, int16_t* __restrict out) {
  if (shift == 0) {
    for (size_t i = 0; i < count; ++i) out[i] = x[i];
    return;
  }
  const int32_t bias = (1 << (shift - 1)) - 1;
  for (size_t i = 0; i < count; ++i) {
    const int32_t v = x[i];
    // Adds just below a half, and one more when the quotient is odd: ties go to even.
    out[i] = static_cast<int16_t>((v + bias + ((v >> shift) & 1)) >> shift);
  }
}

void scale_sums(const int64_t* __restrict sum, size_t count, double scale, double divisor,
                float* __restrict out) {
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

void truncate(const float* __restrict x, size_t count, float factor, float scale,
              int16_t* __restrict out) {
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

void accumulate(const int16_t* __restrict q, size_t count, int shift, int64_t* __restrict sum) {
  const int64_t unit = int64_t{1} << shift;
  for (size_t i = 0; i < count; ++i) sum[i] += int64_t{q[i]} * unit;
}

uint32_t sgd(const int64_t* __restrict sum, size_t count, const SgdConstants& constants,
             float* __restrict w, float* __restrict v) {
  constexpr double kGrid = 1.0 / 1099511627776.0;  // 2^-40
  const float lr = constants.learning_rate;
  const float mu = constants.momentum;
  const float wd = constants.weight_decay;
  const float decay = constants.decoupled_decay;
  const bool decoupled = constants.decoupled;
  const bool nesterov = constants.nesterov;
  const double m = constants.microbatches;
  uint32_t largest = 0;
  for (size_t i = 0; i < count; ++i) {
    float g = static_cast<float>((static_cast<double>(sum[i]) * kGrid) / m);
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

}  // namespace

extern const MapKernels kMaps;
const MapKernels kMaps = {maxabs_f32,   maxabs_i16, quantise,           channel_sums, gradient_sums,
                          activate,     mask,       join,               normalise_backward,
                          shift_round,  scale_sums, ceil_norm2,         truncate,     norm2,
                          accumulate,   sgd,        masked_gradient_sums};

}  // namespace ginn::device::GINN_MAPS_NAMESPACE
