#include <immintrin.h>

#include "device/cpu/kernels.h"

namespace ginn::device::cpu::avxvnni {
namespace {
#define GINN_VPDPWSSD "%{vex%} vpdpwssd"
#include "device/cpu/policy_vnni_ymm.inc.h"
#include "device/cpu/vector_kernels.inc.h"
}  // namespace

extern const Kernels kKernels;
const Kernels kKernels = kVectorKernels;

}  // namespace ginn::device::cpu::avxvnni
