#pragma once

#include "device/cpu/kernels.h"
#include "device/level.h"

namespace ginn::device::cpu {

// The kernels of a level other than kPortable. The caller has checked level_supported().
const Kernels& kernels_of(Level level);

}  // namespace ginn::device::cpu
