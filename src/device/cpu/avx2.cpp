#include <immintrin.h>

#include "device/cpu/kernels.h"

namespace ginn::device::cpu::avx2 {
namespace {
#include "device/cpu/policy_ymm.inc.h"
// |a| <= 8191: vpmaddwd's sum of two products is below 2^27 and exact. In assembly, because
// compilers move the broadcasts and products of all rows ahead of the additions and run out of
// registers.
struct Policy : Ymm {
  GINN_INLINE static Vec dot(Vec sum, const int16_t* a, Vec b) {
    asm volatile(
        "vpbroadcastd %[a], %%ymm15\n\t"
        "vpmaddwd %[b], %%ymm15, %%ymm15\n\t"
        "vpaddd %%ymm15, %[sum], %[sum]"
        : [sum] "+x"(sum)
        : [a] "m"(*reinterpret_cast<const Pair*>(a)), [b] "x"(b)
        : "xmm15");
    return sum;
  }
  GINN_INLINE static void dot(Vec& to0, Vec& to1, const int16_t* a, Vec b0, Vec b1) {
    Vec sum0 = to0;  // an operand in memory would keep the tile in memory
    Vec sum1 = to1;
    asm volatile(
        "vpbroadcastd %[a], %%ymm15\n\t"
        "vpmaddwd %[b0], %%ymm15, %%ymm14\n\t"
        "vpmaddwd %[b1], %%ymm15, %%ymm15\n\t"
        "vpaddd %%ymm14, %[sum0], %[sum0]\n\t"
        "vpaddd %%ymm15, %[sum1], %[sum1]"
        : [sum0] "+x"(sum0), [sum1] "+x"(sum1)
        : [a] "m"(*reinterpret_cast<const Pair*>(a)), [b0] "x"(b0), [b1] "x"(b1)
        : "xmm14", "xmm15");
    to0 = sum0;
    to1 = sum1;
  }
};
#include "device/cpu/vector_kernels.inc.h"
}  // namespace

extern const Kernels kKernels;
const Kernels kKernels = kVectorKernels;

}  // namespace ginn::device::cpu::avx2
