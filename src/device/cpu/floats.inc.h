// One value, or sixteen, of float32 between int16 tensors: included by maps.inc.h, inside its
// namespace. Written out because compilers make detours of clamps and conversions.

struct One {
  typedef float Floats;
  typedef int16_t Shorts;
  static constexpr size_t kWidth = 1;

  GINN_MAPS_INLINE static float from(const int16_t* p) { return static_cast<float>(*p); }
  GINN_MAPS_INLINE static float load(const float* p) { return *p; }
  GINN_MAPS_INLINE static float all(float x) { return x; }
  GINN_MAPS_INLINE static float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
  GINN_MAPS_INLINE static float add(float a, float b) { return a + b; }
  GINN_MAPS_INLINE static float multiply(float a, float b) { return a * b; }
  GINN_MAPS_INLINE static float positive(float x) { return x > 0.0f ? x : 0.0f; }  // NaN gives 0
  GINN_MAPS_INLINE static float smaller(float x, float y) { return x < y ? x : y; }
  // Clamped to [-q, q], NaN to q, and rounded to nearest even; q <= 32767.
  GINN_MAPS_INLINE static int16_t round(float x, float q) {
    constexpr float kMagic = 12582912.0f;  // 1.5 x 2^23: good for |x| <= 2^22
    const float below = x < q ? x : q;
    const float both = below > -q ? below : -q;
    return static_cast<int16_t>(static_cast<int32_t>((both + kMagic) - kMagic));
  }
  GINN_MAPS_INLINE static void store(int16_t* p, int16_t q) { *p = q; }
  GINN_MAPS_INLINE static int16_t larger(int16_t most, int16_t q) {
    const int16_t magnitude = static_cast<int16_t>(q < 0 ? -q : q);
    return magnitude > most ? magnitude : most;
  }
};

#ifdef __AVX2__

struct Sixteen {
  struct Floats {
    __m256 low, high;
  };
  typedef __m256i Shorts;
  static constexpr size_t kWidth = 16;

  GINN_MAPS_INLINE static __m256 eight(const int16_t* p) {
    const __m128i q = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return _mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(q));
  }
  GINN_MAPS_INLINE static Floats from(const int16_t* p) { return {eight(p), eight(p + 8)}; }
  GINN_MAPS_INLINE static Floats load(const float* p) {
    return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
  }
  GINN_MAPS_INLINE static Floats all(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
  GINN_MAPS_INLINE static Floats fma(Floats a, Floats b, Floats c) {
    return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
  }
  GINN_MAPS_INLINE static Floats add(Floats a, Floats b) {
    return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
  }
  GINN_MAPS_INLINE static Floats multiply(Floats a, Floats b) {
    return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
  }
  // vminps and vmaxps give their second operand where one is NaN.
  GINN_MAPS_INLINE static Floats positive(Floats x) {
    const __m256 zero = _mm256_setzero_ps();
    return {_mm256_max_ps(x.low, zero), _mm256_max_ps(x.high, zero)};
  }
  GINN_MAPS_INLINE static Floats smaller(Floats x, Floats y) {
    return {_mm256_min_ps(x.low, y.low), _mm256_min_ps(x.high, y.high)};
  }
  // vcvtps2dq rounds to nearest even, as float additions do.
  GINN_MAPS_INLINE static __m256i round8(__m256 x, float q) {
    const __m256 below = _mm256_min_ps(x, _mm256_set1_ps(q));
    return _mm256_cvtps_epi32(_mm256_max_ps(below, _mm256_set1_ps(-q)));
  }
  GINN_MAPS_INLINE static __m256i round(Floats x, float q) {
    const __m256i packed = _mm256_packs_epi32(round8(x.low, q), round8(x.high, q));
    return _mm256_permute4x64_epi64(packed, 0xd8);
  }
  GINN_MAPS_INLINE static void store(int16_t* p, __m256i q) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), q);
  }
  GINN_MAPS_INLINE static __m256i larger(__m256i most, __m256i q) {
    return _mm256_max_epi16(most, _mm256_abs_epi16(q));
  }
};
typedef Sixteen Many;

#else

typedef One Many;

#endif

// The largest magnitude met.
struct Largest {
  One::Shorts one = {};
  Many::Shorts many = {};

  GINN_MAPS_INLINE void add(One, One::Shorts q) { one = One::larger(one, q); }
#ifdef __AVX2__
  GINN_MAPS_INLINE void add(Sixteen, __m256i q) { many = Sixteen::larger(many, q); }
#endif
  GINN_MAPS_INLINE int32_t value() const {
    int16_t lanes[Many::kWidth];
    __builtin_memcpy(lanes, &many, sizeof lanes);
    int16_t most = one;
    for (size_t i = 0; i < Many::kWidth; ++i) most = One::larger(most, lanes[i]);
    return most;
  }
};

// Calls body(V{}, i) for all of [0, count), as many at a time as the level can.
template <typename Body>
GINN_MAPS_INLINE void for_floats(size_t count, const Body& body) {
  size_t i = 0;
  for (; i + Many::kWidth <= count; i += Many::kWidth) body(Many{}, i);
  for (; i < count; ++i) body(One{}, i);
}
