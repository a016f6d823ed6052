#include <immintrin.h>

#include "device/cpu/kernels.h"

namespace ginn::device::cpu::avxvnni {
namespace {
#include "device/cpu/policy_ymm.inc.h"
// vpdpwssd does not saturate. In assembly for the reason given in avx2.cpp.
struct Policy : Ymm {
  GINN_INLINE static Vec dot(Vec sum, const int16_t* a, Vec b) {
    Vec pair;
    asm volatile(
        "vpbroadcastd %[a], %[pair]\n\t"
        "%{vex%} vpdpwssd %[b], %[pair], %[sum]"
        : [sum] "+x"(sum), [pair] "=&x"(pair)
        : [a] "m"(*reinterpret_cast<const Pair*>(a)), [b] "x"(b));
    return sum;
  }
  GINN_INLINE static void dot(Vec& to0, Vec& to1, const int16_t* a, Vec b0, Vec b1) {
    Vec sum0 = to0;  // an operand in memory would keep the tile in memory
    Vec sum1 = to1;
    Vec pair;
    asm volatile(
        "vpbroadcastd %[a], %[pair]\n\t"
        "%{vex%} vpdpwssd %[b0], %[pair], %[sum0]\n\t"
        "%{vex%} vpdpwssd %[b1], %[pair], %[sum1]"
        : [sum0] "+x"(sum0), [sum1] "+x"(sum1), [pair] "=&x"(pair)
        : [a] "m"(*reinterpret_cast<const Pair*>(a)), [b0] "x"(b0), [b1] "x"(b1));
    to0 = sum0;
    to1 = sum1;
  }
};
#include "device/cpu/streams_ymm.inc.h"
#include "device/cpu/tile.inc.h"
}  // namespace

extern const Kernels kKernels;
const Kernels kKernels = {Policy::kLanes,
                          multiply<Policy>,
                          accumulate<Policy>,
                          pixel_norms,
                          pixel_norms_wide,
                          window_bounds,
                          interleave,
                          interleave_blocks<Policy::kLanes>,
                          channel_norms};

}  // namespace ginn::device::cpu::avxvnni
