#include "device/cpu/depthwise.h"

#include "base/check.h"

namespace ginn::device::cpu {

namespace depthwise_avx2 {
extern const DepthwiseKernels kDepthwise;
}
namespace depthwise_avx512 {
extern const DepthwiseKernels kDepthwise;
}

bool has_depthwise_kernels(const ConvShape& shape) {
  return shape.depthwise() && shape.operands == OperandFormat::kDfp14 &&
         int64_t{shape.kernel_h} * shape.kernel_w <= kMostNormTaps;
}

const DepthwiseKernels& depthwise_kernels(Level level) {
  switch (level) {
    case Level::kPortable:
      break;
    case Level::kAvx2:
    case Level::kAvxVnni:
      return depthwise_avx2::kDepthwise;
    case Level::kAvx512Vnni:
    case Level::kAmx:
      return depthwise_avx512::kDepthwise;
  }
  check_failed(__FILE__, __LINE__, "a level with kernels");
}

}  // namespace ginn::device::cpu
