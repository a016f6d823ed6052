// Sixteen int32 lanes with VNNI. Included inside a level's namespace.
#define GINN_INLINE inline __attribute__((always_inline))
#define GINN_INLINE_LAMBDA __attribute__((always_inline))

struct Policy {
  typedef __m512i Vec;
  static constexpr int kLanes = 16;
  static constexpr int kRowsOfOne = 12;  // two ports and a latency of five want ten sums in flight

  struct Rounding {
    Vec bias, one;
    __m128i count;
  };

  GINN_INLINE static Vec zero() { return _mm512_setzero_si512(); }
  GINN_INLINE static Vec load(const int16_t* p) { return _mm512_loadu_si512(p); }
  GINN_INLINE static Vec broadcast(const int16_t* p) {
    int32_t pair;
    __builtin_memcpy(&pair, p, sizeof pair);
    return _mm512_set1_epi32(pair);
  }
  // vpdpwssd does not saturate.
  GINN_INLINE static Vec dot(Vec sum, const int16_t* a, Vec b) {
    return _mm512_dpwssd_epi32(sum, broadcast(a), b);
  }
  GINN_INLINE static void dot(Vec& sum0, Vec& sum1, const int16_t* a, Vec b0, Vec b1) {
    const Vec pair = broadcast(a);
    sum0 = _mm512_dpwssd_epi32(sum0, pair, b0);
    sum1 = _mm512_dpwssd_epi32(sum1, pair, b1);
  }
  // Eight lanes times 2^shift.
  GINN_INLINE static Vec low(Vec c, int shift) {
    const __m128i count = _mm_cvtsi32_si128(shift);
    return _mm512_sll_epi64(_mm512_cvtepi32_epi64(_mm512_castsi512_si256(c)), count);
  }
  GINN_INLINE static Vec high(Vec c, int shift) {
    const __m128i count = _mm_cvtsi32_si128(shift);
    return _mm512_sll_epi64(_mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(c, 1)), count);
  }
  // sum[0..16) = c 2^shift, and += c 2^shift.
  GINN_INLINE static void set_wide(int64_t* sum, Vec c, int shift) {
    _mm512_storeu_si512(sum, low(c, shift));
    _mm512_storeu_si512(sum + 8, high(c, shift));
  }
  GINN_INLINE static void add_wide(int64_t* sum, Vec c, int shift) {
    _mm512_storeu_si512(sum, _mm512_add_epi64(_mm512_loadu_si512(sum), low(c, shift)));
    _mm512_storeu_si512(sum + 8, _mm512_add_epi64(_mm512_loadu_si512(sum + 8), high(c, shift)));
  }

  // round: |c| plus half of 2^shift fits int32 (plan.h).
  GINN_INLINE static Rounding rounding(int shift) {
    return {_mm512_set1_epi32(shift == 0 ? 0 : (1 << (shift - 1)) - 1),
            _mm512_set1_epi32(shift == 0 ? 0 : 1),
            _mm_cvtsi32_si128(shift)};
  }
  GINN_INLINE static Vec round(Vec c, const Rounding& r) {
    const Vec odd = _mm512_and_si512(_mm512_sra_epi32(c, r.count), r.one);
    return _mm512_sra_epi32(_mm512_add_epi32(_mm512_add_epi32(c, r.bias), odd), r.count);
  }
  GINN_INLINE static void store(Vec v, int16_t* out) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm512_cvtepi32_epi16(v));
  }

  // |sum| < 2^50, shift <= 35: sum + half fits; an arithmetic shift is a floor.
  GINN_INLINE static __m128i round_wide8(const int64_t* sum, int shift) {
    const __m128i count = _mm_cvtsi32_si128(shift);
    const __m512i one = _mm512_set1_epi64(shift == 0 ? 0 : 1);
    const __m512i bias = _mm512_set1_epi64(shift == 0 ? 0 : (int64_t{1} << (shift - 1)) - 1);
    const __m512i t = _mm512_loadu_si512(sum);
    const __m512i odd = _mm512_and_si512(_mm512_sra_epi64(t, count), one);
    return _mm512_cvtepi64_epi16(
        _mm512_sra_epi64(_mm512_add_epi64(_mm512_add_epi64(t, bias), odd), count));
  }
  GINN_INLINE static void store_wide(const int64_t* sum, int shift, int16_t* out) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), round_wide8(sum, shift));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 8), round_wide8(sum + 8, shift));
  }
};
