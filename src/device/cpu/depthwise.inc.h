// Included once by each depthwise_LEVEL.cpp, which defines GINN_DEPTHWISE_NAMESPACE and is compiled
// with the level's flags: only intrinsics, builtins and plain loops, as in maps.inc.h.
#ifdef __AVX2__
#include <immintrin.h>
#endif

#include <cstdint>

#include "device/cpu/depthwise.h"

#define GINN_DEPTHWISE_INLINE inline __attribute__((always_inline))

namespace ginn::device::cpu::GINN_DEPTHWISE_NAMESPACE {
namespace {

// Adds just below a half, and one more when the quotient is odd: ties go to even.
GINN_DEPTHWISE_INLINE int16_t round_one(int32_t sum, int32_t shift) {
  if (shift == 0) return static_cast<int16_t>(sum);
  const int32_t below_half = (1 << (shift - 1)) - 1;
  return static_cast<int16_t>((sum + below_half + ((sum >> shift) & 1)) >> shift);
}

#ifdef __AVX2__

// Sixteen channels: pairs of taps side by side, as vpmaddwd adds them; `low` holds channels 0..3
// and 8..11, `high` 4..7 and 12..15, which vpackssdw puts in order again.
struct Sums {
  __m256i low, high;
};

GINN_DEPTHWISE_INLINE __m256i load(const int16_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}
GINN_DEPTHWISE_INLINE void add(__m256i a0, __m256i a1, __m256i b0, __m256i b1, Sums& sums) {
  const __m256i low =
      _mm256_madd_epi16(_mm256_unpacklo_epi16(a0, a1), _mm256_unpacklo_epi16(b0, b1));
  const __m256i high =
      _mm256_madd_epi16(_mm256_unpackhi_epi16(a0, a1), _mm256_unpackhi_epi16(b0, b1));
  sums.low = _mm256_add_epi32(sums.low, low);
  sums.high = _mm256_add_epi32(sums.high, high);
}

// Products of kBlocks x 16 channels from c on, over all taps.
template <int kBlocks>
GINN_DEPTHWISE_INLINE void sum_taps(
    const int16_t* const* x, const int16_t* const* w, int64_t taps, int64_t c, Sums* sums) {
  for (int j = 0; j < kBlocks; ++j) sums[j].low = sums[j].high = _mm256_setzero_si256();
  int64_t t = 0;
  for (; t + 2 <= taps; t += 2) {
    for (int j = 0; j < kBlocks; ++j) {
      const int64_t at = c + 16 * j;
      add(load(x[t] + at), load(x[t + 1] + at), load(w[t] + at), load(w[t + 1] + at), sums[j]);
    }
  }
  if (t == taps) return;
  const __m256i zero = _mm256_setzero_si256();
  for (int j = 0; j < kBlocks; ++j) {
    add(load(x[t] + c + 16 * j), zero, load(w[t] + c + 16 * j), zero, sums[j]);
  }
}

GINN_DEPTHWISE_INLINE __m256i round_eight(__m256i sum, __m128i shift, __m256i below_half) {
  const __m256i odd = _mm256_and_si256(_mm256_sra_epi32(sum, shift), _mm256_set1_epi32(1));
  return _mm256_sra_epi32(_mm256_add_epi32(sum, _mm256_add_epi32(below_half, odd)), shift);
}

template <int kBlocks>
GINN_DEPTHWISE_INLINE void multiply_block(const int16_t* const* x,
                                          const int16_t* const* w,
                                          int64_t taps,
                                          int64_t c,
                                          int32_t shift,
                                          int16_t* y) {
  Sums sums[kBlocks];
  sum_taps<kBlocks>(x, w, taps, c, sums);
  const __m128i count = _mm_cvtsi32_si128(shift);
  const __m256i below_half = _mm256_set1_epi32(shift == 0 ? 0 : (1 << (shift - 1)) - 1);
  for (int j = 0; j < kBlocks; ++j) {
    if (shift != 0) {
      sums[j].low = round_eight(sums[j].low, count, below_half);
      sums[j].high = round_eight(sums[j].high, count, below_half);
    }
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(y + c + 16 * j),
                        _mm256_packs_epi32(sums[j].low, sums[j].high));
  }
}

template <int kBlocks>
GINN_DEPTHWISE_INLINE void norms_block(const int16_t* const* x,
                                       int64_t taps,
                                       int64_t c,
                                       uint32_t* most) {
  Sums sums[kBlocks];
  sum_taps<kBlocks>(x, x, taps, c, sums);
  for (int j = 0; j < kBlocks; ++j) {
    const __m256i first = _mm256_permute2x128_si256(sums[j].low, sums[j].high, 0x20);
    const __m256i second = _mm256_permute2x128_si256(sums[j].low, sums[j].high, 0x31);
    __m256i* p = reinterpret_cast<__m256i*>(most + c + 16 * j);
    _mm256_storeu_si256(p, _mm256_max_epu32(_mm256_loadu_si256(p), first));
    _mm256_storeu_si256(p + 1, _mm256_max_epu32(_mm256_loadu_si256(p + 1), second));
  }
}

GINN_DEPTHWISE_INLINE void add_wide(__m256i sum, int64_t* to) {
  __m256i* p = reinterpret_cast<__m256i*>(to);
  const __m256i low = _mm256_cvtepi32_epi64(_mm256_castsi256_si128(sum));
  const __m256i high = _mm256_cvtepi32_epi64(_mm256_extracti128_si256(sum, 1));
  _mm256_storeu_si256(p, _mm256_add_epi64(_mm256_loadu_si256(p), low));
  _mm256_storeu_si256(p + 1, _mm256_add_epi64(_mm256_loadu_si256(p + 1), high));
}

GINN_DEPTHWISE_INLINE void accumulate_block(const int16_t* a,
                                            int64_t a_step,
                                            const int16_t* b,
                                            int64_t b_step,
                                            int64_t pixels,
                                            int64_t* to) {
  Sums sums;
  sums.low = sums.high = _mm256_setzero_si256();
  int64_t i = 0;
  for (; i + 2 <= pixels; i += 2, a += 2 * a_step, b += 2 * b_step) {
    add(load(a), load(a + a_step), load(b), load(b + b_step), sums);
  }
  if (i < pixels) add(load(a), _mm256_setzero_si256(), load(b), _mm256_setzero_si256(), sums);
  add_wide(_mm256_permute2x128_si256(sums.low, sums.high, 0x20), to);
  add_wide(_mm256_permute2x128_si256(sums.low, sums.high, 0x31), to + 8);
}

#endif

void norms(const int16_t* const* x, int64_t taps, int64_t channels, uint32_t* most) {
  int64_t c = 0;
#ifdef __AVX2__
  for (; c + 32 <= channels; c += 32) norms_block<2>(x, taps, c, most);
  for (; c + 16 <= channels; c += 16) norms_block<1>(x, taps, c, most);
#endif
  for (; c < channels; ++c) {
    uint32_t sum = 0;
    for (int64_t t = 0; t < taps; ++t) sum += static_cast<uint32_t>(int32_t{x[t][c]} * x[t][c]);
    most[c] = sum > most[c] ? sum : most[c];
  }
}

void multiply(const int16_t* const* x,
              const int16_t* const* w,
              int64_t taps,
              int64_t channels,
              int32_t shift,
              int16_t* y) {
  int64_t c = 0;
#ifdef __AVX2__
  for (; c + 32 <= channels; c += 32) multiply_block<2>(x, w, taps, c, shift, y);
  for (; c + 16 <= channels; c += 16) multiply_block<1>(x, w, taps, c, shift, y);
#endif
  for (; c < channels; ++c) {
    int32_t sum = 0;
    for (int64_t t = 0; t < taps; ++t) sum += int32_t{x[t][c]} * w[t][c];
    y[c] = round_one(sum, shift);
  }
}

void accumulate(const int16_t* a,
                int64_t a_step,
                const int16_t* b,
                int64_t b_step,
                int64_t pixels,
                int64_t channels,
                int64_t* sums) {
  int64_t c = 0;
#ifdef __AVX2__
  for (; c + 16 <= channels; c += 16) {
    accumulate_block(a + c, a_step, b + c, b_step, pixels, sums + c);
  }
#endif
  for (; c < channels; ++c) {
    int32_t sum = 0;
    for (int64_t i = 0; i < pixels; ++i) sum += int32_t{a[i * a_step + c]} * b[i * b_step + c];
    sums[c] += sum;
  }
}

}  // namespace

extern const DepthwiseKernels kDepthwise;
const DepthwiseKernels kDepthwise = {norms, multiply, accumulate};

}  // namespace ginn::device::cpu::GINN_DEPTHWISE_NAMESPACE
