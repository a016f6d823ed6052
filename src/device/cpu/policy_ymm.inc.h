// Eight int32 lanes. Included inside a level's namespace.
#define GINN_INLINE inline __attribute__((always_inline))
#define GINN_INLINE_LAMBDA __attribute__((always_inline))

typedef int32_t __attribute__((may_alias, aligned(2))) Pair;

struct Ymm {
  typedef __m256i Vec;
  static constexpr int kLanes = 8;
  static constexpr int kRowsOfOne = 6;  // rows of a tile that is one vector wide

  struct Rounding {
    Vec bias, one;
    __m128i count;
  };

  GINN_INLINE static Vec zero() { return _mm256_setzero_si256(); }
  GINN_INLINE static Vec load(const int16_t* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  // Four lanes times 2^shift.
  GINN_INLINE static __m256i low(Vec c, int shift) {
    const __m128i count = _mm_cvtsi32_si128(shift);
    return _mm256_sll_epi64(_mm256_cvtepi32_epi64(_mm256_castsi256_si128(c)), count);
  }
  GINN_INLINE static __m256i high(Vec c, int shift) {
    const __m128i count = _mm_cvtsi32_si128(shift);
    return _mm256_sll_epi64(_mm256_cvtepi32_epi64(_mm256_extracti128_si256(c, 1)), count);
  }
  // sum[0..8) = c 2^shift, and += c 2^shift.
  GINN_INLINE static void set_wide(int64_t* sum, Vec c, int shift) {
    __m256i* p = reinterpret_cast<__m256i*>(sum);
    _mm256_storeu_si256(p, low(c, shift));
    _mm256_storeu_si256(p + 1, high(c, shift));
  }
  GINN_INLINE static void add_wide(int64_t* sum, Vec c, int shift) {
    __m256i* p = reinterpret_cast<__m256i*>(sum);
    _mm256_storeu_si256(p, _mm256_add_epi64(_mm256_loadu_si256(p), low(c, shift)));
    _mm256_storeu_si256(p + 1, _mm256_add_epi64(_mm256_loadu_si256(p + 1), high(c, shift)));
  }

  // round: |c| plus half of 2^shift fits int32 (plan.h).
  GINN_INLINE static Rounding rounding(int shift) {
    return {_mm256_set1_epi32(shift == 0 ? 0 : (1 << (shift - 1)) - 1),
            _mm256_set1_epi32(shift == 0 ? 0 : 1),
            _mm_cvtsi32_si128(shift)};
  }
  GINN_INLINE static Vec round(Vec c, const Rounding& r) {
    const Vec odd = _mm256_and_si256(_mm256_sra_epi32(c, r.count), r.one);
    return _mm256_sra_epi32(_mm256_add_epi32(_mm256_add_epi32(c, r.bias), odd), r.count);
  }
  // Values within int16: the saturation of vpackssdw does nothing.
  GINN_INLINE static void store(Vec v, int16_t* out) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out),
                     _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1)));
  }

  // |sum| < 2^50, shift <= 35: sum + 2^50 is positive, and 2^50 is a multiple of 2^(shift +
  // 1), so it moves neither the rounding nor the parity; the low 32 bits of the result are exact.
  GINN_INLINE static __m128i round_wide4(const int64_t* sum, int shift) {
    const __m128i count = _mm_cvtsi32_si128(shift);
    const __m256i offset = _mm256_set1_epi64x(int64_t{1} << 50);
    const __m256i one = _mm256_set1_epi64x(shift == 0 ? 0 : 1);
    const __m256i bias = _mm256_set1_epi64x(shift == 0 ? 0 : (int64_t{1} << (shift - 1)) - 1);
    const __m256i t =
        _mm256_add_epi64(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(sum)), offset);
    const __m256i odd = _mm256_and_si256(_mm256_srl_epi64(t, count), one);
    const __m256i rounded =
        _mm256_srl_epi64(_mm256_add_epi64(_mm256_add_epi64(t, bias), odd), count);
    const __m256i value = _mm256_sub_epi64(rounded, _mm256_srl_epi64(offset, count));
    const __m256i even = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
    return _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(value, even));
  }
  GINN_INLINE static void store_wide(const int64_t* sum, int shift, int16_t* out) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out),
                     _mm_packs_epi32(round_wide4(sum, shift), round_wide4(sum + 4, shift)));
  }
};
