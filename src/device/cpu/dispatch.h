#pragma once

#include "arithmetic/format.h"
#include "device/cpu/kernels.h"
#include "device/level.h"

namespace ginn::device::cpu {

// The kernels of a level other than kPortable for operands of a format and a contraction of
// `columns`: output channels of fprop, input channels of dgrad, gradient_columns() of wgrad. The
// caller has checked level_supported().
const Kernels& kernels_of(Level level, OperandFormat operands, int64_t columns);

}  // namespace ginn::device::cpu
