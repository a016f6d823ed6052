// Eight int32 lanes of vpdpwssd, which does not saturate. Included inside a level's namespace,
// after GINN_VPDPWSSD names the instruction in the level's encoding. In assembly for the reason
// given in avx2.cpp.
#include "device/cpu/policy_ymm.inc.h"
struct Policy : Ymm {
  GINN_INLINE static Vec dot(Vec sum, const int16_t* a, Vec b) {
    Vec pair;
    asm volatile("vpbroadcastd %[a], %[pair]\n\t" GINN_VPDPWSSD " %[b], %[pair], %[sum]"
                 : [sum] "+x"(sum), [pair] "=&x"(pair)
                 : [a] "m"(*reinterpret_cast<const Pair*>(a)), [b] "x"(b));
    return sum;
  }
  GINN_INLINE static void dot(Vec& to0, Vec& to1, const int16_t* a, Vec b0, Vec b1) {
    Vec sum0 = to0;  // an operand in memory would keep the tile in memory
    Vec sum1 = to1;
    Vec pair;
    asm volatile("vpbroadcastd %[a], %[pair]\n\t" GINN_VPDPWSSD
                 " %[b0], %[pair], %[sum0]\n\t" GINN_VPDPWSSD " %[b1], %[pair], %[sum1]"
                 : [sum0] "+x"(sum0), [sum1] "+x"(sum1), [pair] "=&x"(pair)
                 : [a] "m"(*reinterpret_cast<const Pair*>(a)), [b0] "x"(b0), [b1] "x"(b1));
    to0 = sum0;
    to1 = sum1;
  }
};
