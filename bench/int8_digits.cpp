#include "int8_digits.h"

#include <immintrin.h>

#include "device/cpu/kernels.h"

namespace ginn::bench {
namespace {

using device::cpu::AccumulateJob;
using device::cpu::MultiplyJob;
using device::cpu::Run;

#include "device/cpu/policy_ymm.inc.h"
#include "device/cpu/policy_zmm.inc.h"
#include "device/cpu/tile.inc.h"

constexpr uint32_t inverse(uint32_t odd) {
  uint32_t x = odd;  // right in 3 bits; each round doubles them
  for (int i = 0; i < 4; ++i) x *= 2 - odd * x;
  return x;
}
constexpr uint32_t kMinus127 = uint32_t{0} - 127;
static_assert(kMinus127 * inverse(kMinus127) == 1);
// Of the sums after each pass.
constexpr int kFactors[kDigitPlanes] = {127, static_cast<int>(inverse(kMinus127) * 128), -127};

// In assembly: as a builtin, GCC 12 copies the sums in every step, or keeps them in memory.
template <typename Vec>
GINN_INLINE Vec add_dot(Vec sum, Vec a, Vec b) {
  asm("vpdpbusd %[b], %[a], %[sum]" : [sum] "+v"(sum) : [a] "v"(a), [b] "v"(b));
  return sum;
}

struct Zmm : Policy {
  GINN_INLINE static Vec columns(const int8_t* p) { return _mm512_loadu_si512(p); }
  GINN_INLINE static Vec four(const uint8_t* p) {
    int32_t digits;
    __builtin_memcpy(&digits, p, sizeof digits);
    return _mm512_set1_epi32(digits);
  }
  GINN_INLINE static Vec dot(Vec sum, Vec a, Vec b) { return add_dot(sum, a, b); }
  GINN_INLINE static Vec add(Vec x, Vec y) { return _mm512_add_epi32(x, y); }
  GINN_INLINE static Vec sub(Vec x, Vec y) { return _mm512_sub_epi32(x, y); }
  GINN_INLINE static Vec add_bytes(Vec x, Vec y) { return _mm512_add_epi8(x, y); }
  GINN_INLINE static Vec times128(Vec x) { return _mm512_slli_epi32(x, 7); }
  GINN_INLINE static Vec times(Vec x, int y) { return _mm512_mullo_epi32(x, _mm512_set1_epi32(y)); }
  GINN_INLINE static Vec load32(const int32_t* p) { return _mm512_loadu_si512(p); }
};

struct YmmDigits : Ymm {
  GINN_INLINE static Vec columns(const int8_t* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  GINN_INLINE static Vec four(const uint8_t* p) {
    int32_t digits;
    __builtin_memcpy(&digits, p, sizeof digits);
    return _mm256_set1_epi32(digits);
  }
  GINN_INLINE static Vec dot(Vec sum, Vec a, Vec b) { return add_dot(sum, a, b); }
  GINN_INLINE static Vec add(Vec x, Vec y) { return _mm256_add_epi32(x, y); }
  GINN_INLINE static Vec sub(Vec x, Vec y) { return _mm256_sub_epi32(x, y); }
  GINN_INLINE static Vec add_bytes(Vec x, Vec y) { return _mm256_add_epi8(x, y); }
  GINN_INLINE static Vec times128(Vec x) { return _mm256_slli_epi32(x, 7); }
  GINN_INLINE static Vec times(Vec x, int y) { return _mm256_mullo_epi32(x, _mm256_set1_epi32(y)); }
  GINN_INLINE static Vec load32(const int32_t* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
};

template <int kRows>
struct RowPointers {
  const uint8_t* row[kRows];
  GINN_INLINE void set(const uint8_t* a, const int64_t* offset) {
    unrolled<kRows>([&](auto i) GINN_INLINE_LAMBDA {
      const uint8_t* p = a + offset[i.kValue];
      asm("" : "+r"(p));  // as in tile.inc.h
      row[i.kValue] = p;
    });
  }
};

// Calls body(i, j) for each sum of a tile.
template <int kRows, int kVectors, typename Body>
GINN_INLINE void for_sums(const Body& body) {
  unrolled<kRows * kVectors>([&](auto index) GINN_INLINE_LAMBDA {
    body(Index<index.kValue / kVectors>{}, Index<index.kValue % kVectors>{});
  });
}

// One product after the other into the same sums, which are multiplied in between so that each
// product ends with its factor: the int16 kernel's loop, with no more registers than it has.
template <typename V, int kRows, int kVectors>
struct PassTile {
  typedef typename V::Vec Vec;
  Vec sum[kRows][kVectors];
  RowPointers<kRows> rows;

  GINN_INLINE const int8_t* sweep(int64_t offset, int64_t groups, const int8_t* b) {
    do {
      Vec columns[kVectors];
      unrolled<kVectors>([&](auto j) GINN_INLINE_LAMBDA {
        columns[j.kValue] = V::columns(b + 4 * V::kLanes * j.kValue);
      });
      unrolled<kRows>([&](auto i) GINN_INLINE_LAMBDA {
        constexpr int kRow = i.kValue;
        const Vec four = V::four(rows.row[kRow] + offset);
        unrolled<kVectors>([&](auto j) GINN_INLINE_LAMBDA {
          sum[kRow][j.kValue] = V::dot(sum[kRow][j.kValue], four, columns[j.kValue]);
        });
      });
      offset += 4;
      asm("" : "+r"(offset));
      b += 4 * V::kLanes * kVectors;
    } while (--groups != 0);
    return b;
  }
  template <typename Change>
  GINN_INLINE void change(const Change& changed) {
    for_sums<kRows, kVectors>([&](auto i, auto j) GINN_INLINE_LAMBDA {
      sum[i.kValue][j.kValue] = changed(sum[i.kValue][j.kValue]);
    });
  }
};

// y of one tile's sums.
template <typename V, int kRows, int kVectors, typename Sum>
GINN_INLINE void store_tile(const DigitJob& job, int64_t pixel, int64_t column, const Sum& sum) {
  const typename V::Rounding rounding = V::rounding(job.shift);
  int16_t* y = job.y + column;
  const int64_t* y_offset = job.y_offset + pixel;
  for_sums<kRows, kVectors>([&](auto i, auto j) GINN_INLINE_LAMBDA {
    constexpr int kLane = j.kValue * V::kLanes;
    const auto whole = V::add(sum(i, j), V::load32(job.correction + column + kLane));
    V::store(V::round(whole, rounding), y + y_offset[i.kValue] + kLane);
  });
}

// -127 (LL + 128 / -127 (X + 127 HH)), modulo 2^32, where -127 has an inverse.
template <typename V, int kRows, int kVectors, bool kJoin>
void multiply_passes(const DigitJob& job, const int8_t* b, int64_t pixel, int64_t column) {
  typedef typename V::Vec Vec;
  PassTile<V, kRows, kVectors> tile;
  tile.change([](Vec) GINN_INLINE_LAMBDA { return V::zero(); });
  tile.rows.set(job.a, job.a_offset + pixel);
  for (int64_t digit = 0; digit < kDigitPlanes; ++digit) {
    for (int64_t r = 0; r < job.run_count; ++r) {
      b = tile.sweep(digit * job.plane + job.runs[r].a_offset, job.runs[r].groups, b);
    }
    const int factor = kFactors[digit];
    if (kJoin) tile.change([&](Vec x) GINN_INLINE_LAMBDA { return V::times(x, factor); });
  }
  store_tile<V, kRows, kVectors>(job, pixel, column, [&](auto i, auto j) GINN_INLINE_LAMBDA {
    return tile.sum[i.kValue][j.kValue];
  });
}

// All three products at once, each with sums of its own; h + l and H + L are added in registers.
template <typename V, int kRows, int kVectors, bool kJoin>
void multiply_together(const DigitJob& job, const int8_t* b, int64_t pixel, int64_t column) {
  typedef typename V::Vec Vec;
  constexpr int64_t kStep = 4 * V::kLanes * kVectors;
  Vec sum[kDigitPlanes][kRows][kVectors];
  unrolled<kDigitPlanes>([&](auto p) GINN_INLINE_LAMBDA {
    for_sums<kRows, kVectors>(
        [&](auto i, auto j) GINN_INLINE_LAMBDA { sum[p.kValue][i.kValue][j.kValue] = V::zero(); });
  });
  RowPointers<kRows> rows;
  rows.set(job.a, job.a_offset + pixel);
  const int8_t* low = b + kLow * job.groups * kStep;
  for (int64_t r = 0; r < job.run_count; ++r) {
    int64_t offset = job.runs[r].a_offset;
    int64_t offset_low = offset + kLow * job.plane;
    int64_t groups = job.runs[r].groups;
    do {
      Vec h[kVectors], l[kVectors], both[kVectors];
      unrolled<kVectors>([&](auto j) GINN_INLINE_LAMBDA {
        h[j.kValue] = V::columns(b + 4 * V::kLanes * j.kValue);
        l[j.kValue] = V::columns(low + 4 * V::kLanes * j.kValue);
        both[j.kValue] = V::add_bytes(h[j.kValue], l[j.kValue]);
      });
      unrolled<kRows>([&](auto i) GINN_INLINE_LAMBDA {
        constexpr int kRow = i.kValue;
        const Vec high_four = V::four(rows.row[kRow] + offset);
        const Vec low_four = V::four(rows.row[kRow] + offset_low);
        const Vec both_four = V::add_bytes(high_four, low_four);
        unrolled<kVectors>([&](auto j) GINN_INLINE_LAMBDA {
          constexpr int kVector = j.kValue;
          Vec& high_sum = sum[kHigh][kRow][kVector];
          Vec& low_sum = sum[kLow][kRow][kVector];
          Vec& both_sum = sum[kBoth][kRow][kVector];
          high_sum = V::dot(high_sum, high_four, h[kVector]);
          low_sum = V::dot(low_sum, low_four, l[kVector]);
          both_sum = V::dot(both_sum, both_four, both[kVector]);
        });
      });
      offset += 4;
      offset_low += 4;
      asm("" : "+r"(offset), "+r"(offset_low));
      b += kStep;
      low += kStep;
    } while (--groups != 0);
  }
  store_tile<V, kRows, kVectors>(job, pixel, column, [&](auto i, auto j) GINN_INLINE_LAMBDA {
    const Vec high_sum = sum[kHigh][i.kValue][j.kValue];
    const Vec low_sum = sum[kLow][i.kValue][j.kValue];
    const Vec both_sum = sum[kBoth][i.kValue][j.kValue];
    if (!kJoin) return V::add(V::add(high_sum, low_sum), both_sum);
    const Vec upper = V::add(both_sum, V::sub(V::times128(high_sum), high_sum));
    return V::add(V::times128(upper), V::sub(low_sum, V::times128(low_sum)));
  });
}

enum class Way { kPasses, kTogether };

template <Way kWay, typename V, int kVectors, bool kJoin>
struct DigitBody {
  const DigitJob& job;
  const int8_t* b;
  int64_t column;
  template <int kRows>
  GINN_INLINE void run(int64_t first) const {
    if constexpr (kWay == Way::kPasses) {
      multiply_passes<V, kRows, kVectors, kJoin>(job, b, first, column);
    } else {
      multiply_together<V, kRows, kVectors, kJoin>(job, b, first, column);
    }
  }
};

template <Way kWay, typename V, int kRows, int kVectors, bool kJoin>
void multiply_digits(const DigitJob& job) {
  constexpr int64_t kWidth = kVectors * V::kLanes;
  const int8_t* b = job.b;
  for (int64_t column = 0; column < job.columns; column += kWidth) {
    for_tiles<kRows>(job.pixels, DigitBody<kWay, V, kVectors, kJoin>{job, b, column});
    b += kDigitPlanes * job.groups * 4 * kWidth;
  }
}

template <Way kWay, typename V, int kRows, int kVectors>
constexpr DigitKernel kernel(const char* name) {
  return {name,
          kVectors * V::kLanes,
          multiply_digits<kWay, V, kRows, kVectors, true>,
          multiply_digits<kWay, V, kRows, kVectors, false>};
}

}  // namespace

const DigitKernel kDigitKernels[] = {kernel<Way::kPasses, Zmm, 6, 2>("zmm_6x2"),
                                     kernel<Way::kPasses, Zmm, 12, 2>("zmm_12x2"),
                                     kernel<Way::kPasses, Zmm, 6, 4>("zmm_6x4"),
                                     kernel<Way::kPasses, Zmm, 12, 1>("zmm_12x1"),
                                     kernel<Way::kPasses, YmmDigits, 6, 2>("ymm_6x2"),
                                     kernel<Way::kTogether, Zmm, 4, 2>("together_zmm_4x2"),
                                     kernel<Way::kTogether, Zmm, 8, 1>("together_zmm_8x1"),
                                     kernel<Way::kTogether, YmmDigits, 4, 2>("together_ymm_4x2")};
const int kDigitKernelCount = sizeof kDigitKernels / sizeof *kDigitKernels;

void split_source(const int16_t* q, int64_t count, uint8_t* a, int64_t plane) {
  const __m512i offset = _mm512_set1_epi16(kSourceOffset);
  const __m512i seven = _mm512_set1_epi16(127);
  const __m512i order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);  // vpackuswb goes by lanes
  for (int64_t i = 0; i < count; i += 64) {
    const int64_t left = count - i;
    const __mmask64 bytes = left < 64 ? (uint64_t{1} << left) - 1 : ~uint64_t{0};
    const __m512i x = _mm512_maskz_loadu_epi16(static_cast<__mmask32>(bytes), q + i);
    const __m512i y = _mm512_maskz_loadu_epi16(static_cast<__mmask32>(bytes >> 32), q + i + 32);
    const __m512i u = _mm512_add_epi16(x, offset);
    const __m512i v = _mm512_add_epi16(y, offset);
    const __m512i high = _mm512_permutexvar_epi64(
        order, _mm512_packus_epi16(_mm512_srli_epi16(u, 7), _mm512_srli_epi16(v, 7)));
    const __m512i low = _mm512_permutexvar_epi64(
        order, _mm512_packus_epi16(_mm512_and_si512(u, seven), _mm512_and_si512(v, seven)));
    _mm512_mask_storeu_epi8(a + kHigh * plane + i, bytes, high);
    _mm512_mask_storeu_epi8(a + kBoth * plane + i, bytes, _mm512_add_epi8(high, low));
    _mm512_mask_storeu_epi8(a + kLow * plane + i, bytes, low);
  }
}

void split_zeros(int64_t count, uint8_t* a, int64_t plane) {
  const auto bytes = static_cast<unsigned long>(count);
  __builtin_memset(a + kHigh * plane, kSourceOffset / 128, bytes);
  __builtin_memset(a + kBoth * plane, kSourceOffset / 128, bytes);
  __builtin_memset(a + kLow * plane, 0, bytes);
}

// In assembly: the compiler would see that every step is the same.
void digit_peak_steps(int steps) {
  for (int step = 0; step < steps; ++step) {
#define GINN_DOT(i) "vpdpbusd %%zmm0, %%zmm1, %%zmm" #i "\n"
    asm volatile(GINN_DOT(4) GINN_DOT(5) GINN_DOT(6) GINN_DOT(7) GINN_DOT(8) GINN_DOT(9)
                     GINN_DOT(10) GINN_DOT(11) GINN_DOT(12) GINN_DOT(13) GINN_DOT(14) GINN_DOT(15)::
                         : "xmm4",
                           "xmm5",
                           "xmm6",
                           "xmm7",
                           "xmm8",
                           "xmm9",
                           "xmm10",
                           "xmm11",
                           "xmm12",
                           "xmm13",
                           "xmm14",
                           "xmm15");
  }
}

}  // namespace ginn::bench
