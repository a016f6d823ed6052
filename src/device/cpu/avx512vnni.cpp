#include <immintrin.h>

#include "device/cpu/kernels.h"

namespace ginn::device::cpu::avx512vnni {
namespace {
#include "device/cpu/policy_zmm.inc.h"
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

}  // namespace ginn::device::cpu::avx512vnni
