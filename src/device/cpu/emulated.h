#pragma once

#include "device/cpu/kernels.h"

// The tile's template over arrays in place of vectors, for tests: so the logic for sixteen lanes
// runs on machines that have no such vectors.
namespace ginn::device::cpu::emulated {

extern const Kernels kEight;
extern const Kernels kSixteen;
extern const Kernels kTiles;  // the digits of amx_tiles.inc.h over arrays in place of registers

}  // namespace ginn::device::cpu::emulated
