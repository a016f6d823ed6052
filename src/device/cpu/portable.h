#pragma once

#include <cstdint>

#include "device/convolution.h"

// The level that every machine has, and what the others are compared with: int64 sums written
// straight from the definition, nothing shared with the kernels but the shapes.
namespace ginn::device::cpu::portable {

int fprop(const ConvShape& shape, const int16_t* x, const int16_t* w, int16_t* y);
int dgrad(const ConvShape& shape, const int16_t* dy, const int16_t* w, int16_t* dx);
void wgrad(const ConvShape& shape, const int16_t* x, const int16_t* dy, int64_t* dw);

}  // namespace ginn::device::cpu::portable
