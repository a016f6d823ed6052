#include <immintrin.h>

#include "device/cpu/kernels.h"

// Eight lanes where sixteen would stay half empty (dispatch.cpp has the choice).
namespace ginn::device::cpu::avx512vnni_narrow {
namespace {
#define GINN_VPDPWSSD "vpdpwssd"
#include "device/cpu/policy_vnni_ymm.inc.h"
#include "device/cpu/vector_kernels.inc.h"
}  // namespace

extern const Kernels kKernels;
const Kernels kKernels = kVectorKernels;

}  // namespace ginn::device::cpu::avx512vnni_narrow
