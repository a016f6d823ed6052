#include "device/cpu/dispatch.h"

#include "base/check.h"

namespace ginn::device::cpu {

namespace avx2 {
extern const Kernels kKernels;
}
namespace avxvnni {
extern const Kernels kKernels;
}
namespace avx512vnni {
extern const Kernels kKernels;
}
namespace avx512vnni_narrow {
extern const Kernels kKernels;
}
namespace amx {
extern const Kernels kKernels;
}

// One vector of sixteen lanes makes a tile of one column, whose every product loads its own pair,
// and 24 columns fill two of them by three quarters: vectors of eight are faster
// (docs/performance.md).
constexpr int64_t kNarrowColumns = 24;

const Kernels& kernels_of(Level level, OperandFormat operands, int64_t columns) {
  // dfp16 does not fit the int8 digits of the tiles.
  if (level == Level::kAmx && operands == OperandFormat::kDfp16) level = Level::kAvx512Vnni;
  switch (level) {
    case Level::kPortable:
      break;
    case Level::kAvx2:
      return avx2::kKernels;
    case Level::kAvxVnni:
      return avxvnni::kKernels;
    case Level::kAvx512Vnni:
      return columns <= kNarrowColumns ? avx512vnni_narrow::kKernels : avx512vnni::kKernels;
    case Level::kAmx:
      return amx::kKernels;
  }
  check_failed(__FILE__, __LINE__, "a level with kernels");
}

}  // namespace ginn::device::cpu
