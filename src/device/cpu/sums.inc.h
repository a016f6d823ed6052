// Channel sums, a group of sixteen lanes at a time: included by maps.inc.h, inside its namespace.
// Only intrinsics, builtins and plain loops, as there.

enum class Reduce {
  kValues,    // q, q^2, smallest and largest q
  kGradient,  // g, g q, largest |g|
};
struct SumInputs {
  const int16_t* x;  // q of kValues, g of kGradient
  const int16_t* y;  // q of both
};

constexpr size_t kLanes = 16;
// Periods summed in 32 bits before widening, in pairs: |sum of values| <= 512 x 2^16; see below for
// products.
constexpr size_t kChunk = 1024;

GINN_MAPS_INLINE void add_one(
    Reduce reduce, const SumInputs& in, size_t i, size_t lane, const ChannelSums& sums) {
  const int32_t a = in.x[i];
  const int32_t b = in.y[i];
  sums.first[lane] += a;
  sums.second[lane] += a * b;
  if (reduce == Reduce::kValues) {
    if (a < sums.low[lane]) sums.low[lane] = a;
    if (a > sums.high[lane]) sums.high[lane] = a;
  } else {
    const int32_t magnitude = a < 0 ? -a : a;
    if (magnitude > sums.high[lane]) sums.high[lane] = magnitude;
  }
}

#ifdef __AVX2__

// Two periods make a pair of int16: a0 b0 + a1 b1 of |a|, |b| <= 32767 is below 2^31, as int32
// wants. Of the products p, `wrapped` sums p mod 2^32 and `upper` floor(p / 2^16): the sum of the
// lower halves, at most 512 (2^16 - 1), is their difference mod 2^32.
struct Halves {
  __m256i first, wrapped, upper;
};
struct Partial {
  Halves halves[2];  // lanes 0..3 and 8..11, lanes 4..7 and 12..15
  __m256i low, high;
};

GINN_MAPS_INLINE __m256i load_lanes(const int16_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}
GINN_MAPS_INLINE void add_pairs(__m256i a, __m256i b, Halves& sum) {
  const __m256i product = _mm256_madd_epi16(a, b);
  sum.first = _mm256_add_epi32(sum.first, _mm256_madd_epi16(a, _mm256_set1_epi16(1)));
  sum.wrapped = _mm256_add_epi32(sum.wrapped, product);
  sum.upper = _mm256_add_epi32(sum.upper, _mm256_srai_epi32(product, 16));
}

template <Reduce reduce>
GINN_MAPS_INLINE void update_ends(__m256i a, Partial& sum) {
  if constexpr (reduce == Reduce::kValues) {
    sum.low = _mm256_min_epi16(sum.low, a);
    sum.high = _mm256_max_epi16(sum.high, a);
  } else {
    sum.high = _mm256_max_epi16(sum.high, _mm256_abs_epi16(a));
  }
}

// `offset` of one period, or of two: without a second period its values are zeros.
template <Reduce reduce, bool two>
GINN_MAPS_INLINE void add_periods(const SumInputs& in, size_t offset, size_t period, Partial& sum) {
  // The forward pass's values left the caches long ago, and hardware prefetching ends with a page:
  // halves the time of a pass over them (docs/decisions/009). An address behind the end is fine.
  constexpr size_t kAhead = 4096;
  if constexpr (reduce == Reduce::kGradient) {
    __builtin_prefetch(in.y + offset + kAhead);
    if constexpr (two) __builtin_prefetch(in.y + offset + period + kAhead);
  }
  const __m256i zero = _mm256_setzero_si256();
  const __m256i a0 = load_lanes(in.x + offset);
  const __m256i a1 = two ? load_lanes(in.x + offset + period) : zero;
  const __m256i b0 = load_lanes(in.y + offset);
  const __m256i b1 = two ? load_lanes(in.y + offset + period) : zero;
  update_ends<reduce>(a0, sum);
  if constexpr (two) update_ends<reduce>(a1, sum);
  add_pairs(_mm256_unpacklo_epi16(a0, a1), _mm256_unpacklo_epi16(b0, b1), sum.halves[0]);
  add_pairs(_mm256_unpackhi_epi16(a0, a1), _mm256_unpackhi_epi16(b0, b1), sum.halves[1]);
}

GINN_MAPS_INLINE void add_to(int64_t* to, __m256i value) {
  __m256i* p = reinterpret_cast<__m256i*>(to);
  _mm256_storeu_si256(p, _mm256_add_epi64(_mm256_loadu_si256(p), value));
}
// Eight lanes in order.
GINN_MAPS_INLINE void add_lanes(const Halves& sum, int64_t* first, int64_t* second) {
  const __m256i lower = _mm256_sub_epi32(sum.wrapped, _mm256_slli_epi32(sum.upper, 16));
  const __m128i* f = reinterpret_cast<const __m128i*>(&sum.first);
  const __m128i* u = reinterpret_cast<const __m128i*>(&sum.upper);
  const __m128i* l = reinterpret_cast<const __m128i*>(&lower);
  for (int i = 0; i < 2; ++i) {
    add_to(first + 4 * i, _mm256_cvtepi32_epi64(f[i]));
    add_to(second + 4 * i,
           _mm256_add_epi64(_mm256_slli_epi64(_mm256_cvtepi32_epi64(u[i]), 16),
                            _mm256_cvtepu32_epi64(l[i])));
  }
}

template <Reduce reduce>
GINN_MAPS_INLINE void finish(const Partial& sum, size_t lane, const ChannelSums& sums) {
  const auto half = [&](__m256i a, __m256i b, int i) __attribute__((always_inline)) {
    return i == 0 ? _mm256_permute2x128_si256(a, b, 0x20) : _mm256_permute2x128_si256(a, b, 0x31);
  };
  const Halves& a = sum.halves[0];
  const Halves& b = sum.halves[1];
  const __m128i* low = reinterpret_cast<const __m128i*>(&sum.low);
  const __m128i* high = reinterpret_cast<const __m128i*>(&sum.high);
  for (int i = 0; i < 2; ++i, lane += 8) {
    add_lanes(
        Halves{half(a.first, b.first, i), half(a.wrapped, b.wrapped, i), half(a.upper, b.upper, i)},
        sums.first + lane,
        sums.second + lane);
    __m256i* p = reinterpret_cast<__m256i*>(sums.high + lane);
    _mm256_storeu_si256(p, _mm256_max_epi32(_mm256_loadu_si256(p), _mm256_cvtepi16_epi32(high[i])));
    if constexpr (reduce == Reduce::kValues) {
      p = reinterpret_cast<__m256i*>(sums.low + lane);
      _mm256_storeu_si256(p,
                          _mm256_min_epi32(_mm256_loadu_si256(p), _mm256_cvtepi16_epi32(low[i])));
    }
  }
}

template <Reduce reduce>
GINN_MAPS_INLINE void sum_chunk(const SumInputs& in,
                                size_t offset,
                                size_t periods,
                                size_t period,
                                size_t lane,
                                const ChannelSums& sums) {
  Partial sum{};
  if constexpr (reduce == Reduce::kValues) sum.low = sum.high = load_lanes(in.x + offset);
  size_t p = 0;
  for (; p + 2 <= periods; p += 2) {
    add_periods<reduce, true>(in, offset + p * period, period, sum);
  }
  if (p < periods) add_periods<reduce, false>(in, offset + p * period, period, sum);
  finish<reduce>(sum, lane, sums);
}

#else

template <Reduce reduce>
GINN_MAPS_INLINE void sum_chunk(const SumInputs& in,
                                size_t offset,
                                size_t periods,
                                size_t period,
                                size_t lane,
                                const ChannelSums& sums) {
  for (size_t p = 0; p < periods; ++p) {
    for (size_t i = 0; i < kLanes; ++i) {
      add_one(reduce, in, offset + p * period + i, lane + i, sums);
    }
  }
}

#endif

// Calls before(first, count) for each stretch of elements that it reads next.
template <Reduce reduce, typename Before>
GINN_MAPS_INLINE void sum_channels(const SumInputs& in,
                                   size_t count,
                                   size_t period,
                                   const ChannelSums& sums,
                                   const Before& before) {
  const size_t periods = count / period;
  // A chunk stays in the first-level cache while its groups of lanes are walked.
  constexpr size_t kElements = reduce == Reduce::kValues ? 8192 : 4096;
  const size_t in_cache = kElements / period + 1;
  const size_t step = in_cache < kChunk ? in_cache : kChunk;
  for (size_t begin = 0; begin < periods; begin += step) {
    const size_t length = periods - begin < step ? periods - begin : step;
    before(begin * period, length * period);
    for (size_t lane = 0; lane < period; lane += kLanes) {
      sum_chunk<reduce>(in, begin * period + lane, length, period, lane, sums);
    }
  }
  before(periods * period, count - periods * period);
  for (size_t i = periods * period; i < count; ++i) {
    add_one(reduce, in, i, i - periods * period, sums);
  }
}

void channel_sums(const int16_t* q, size_t count, size_t period, ChannelSums sums) {
  sum_channels<Reduce::kValues>({q, q}, count, period, sums, [](size_t, size_t) {});
}

void gradient_sums(
    const int16_t* g, const int16_t* q, size_t count, size_t period, ChannelSums sums) {
  sum_channels<Reduce::kGradient>({g, q}, count, period, sums, [](size_t, size_t) {});
}

void mask(const PassMask& pass, size_t count, int16_t* __restrict g) {
  const int16_t* __restrict activation = pass.activation;
  const int16_t last = static_cast<int16_t>(pass.cap - 1);
  for (size_t i = 0; i < count; ++i) {
    const bool inside = activation[i] > 0 && activation[i] <= last;
    g[i] = static_cast<int16_t>(inside ? g[i] : int16_t{0});
  }
}

void masked_gradient_sums(const PassMask& pass,
                          int16_t* g,
                          const int16_t* q,
                          size_t count,
                          size_t period,
                          ChannelSums sums) {
  const auto mask_stretch = [&](size_t first, size_t n) __attribute__((always_inline)) {
    mask({pass.activation + first, pass.cap}, n, g + first);
  };
  sum_channels<Reduce::kGradient>({g, q}, count, period, sums, mask_stretch);
}
