#include <immintrin.h>

#include "device/cpu/kernels.h"

// Eight lanes of vpdpwssd where sixteen would stay half empty (dispatch.cpp has the choice).
namespace ginn::device::cpu::avx512vnni_narrow {
namespace {
#include "device/cpu/policy_ymm.inc.h"
// In assembly for the reason given in avx2.cpp.
struct Policy : Ymm {
  GINN_INLINE static Vec dot(Vec sum, const int16_t* a, Vec b) {
    asm volatile("vpdpwssd %[a]%{1to8%}, %[b], %[sum]"
                 : [sum] "+v"(sum)
                 : [a] "m"(*reinterpret_cast<const Pair*>(a)), [b] "v"(b));
    return sum;
  }
  GINN_INLINE static void dot(Vec& to0, Vec& to1, const int16_t* a, Vec b0, Vec b1) {
    Vec sum0 = to0;  // an operand in memory would keep the tile in memory
    Vec sum1 = to1;
    Vec pair;
    asm volatile(
        "vpbroadcastd %[a], %[pair]\n\t"
        "vpdpwssd %[b0], %[pair], %[sum0]\n\t"
        "vpdpwssd %[b1], %[pair], %[sum1]"
        : [sum0] "+v"(sum0), [sum1] "+v"(sum1), [pair] "=&v"(pair)
        : [a] "m"(*reinterpret_cast<const Pair*>(a)), [b0] "v"(b0), [b1] "v"(b1));
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

}  // namespace ginn::device::cpu::avx512vnni_narrow
