#include <immintrin.h>

#include "device/cpu/kernels.h"

namespace ginn::device::cpu::avx512vnni {
namespace {
#include "device/cpu/policy_zmm.inc.h"
#include "device/cpu/vector_kernels.inc.h"
}  // namespace

extern const Kernels kKernels;
const Kernels kKernels = kVectorKernels;

}  // namespace ginn::device::cpu::avx512vnni
