#pragma once

#include "device/cpu/kernels.h"

// The tile's template over arrays in place of vectors, for tests: so the logic for sixteen lanes
// runs on machines that have no such vectors.
namespace ginn::device::cpu::emulated {

extern const Kernels kEight;
extern const Kernels kSixteen;

}  // namespace ginn::device::cpu::emulated
