#pragma once

#include "arithmetic/format.h"
#include "device/cpu/kernels.h"
#include "device/level.h"

namespace ginn::device::cpu {

// The kernels of a level other than kPortable, for operands of a format. The caller has checked
// level_supported().
const Kernels& kernels_of(Level level, OperandFormat operands = OperandFormat::kDfp14);

}  // namespace ginn::device::cpu
