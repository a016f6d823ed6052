#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"

namespace ginn::attack {

// A PNG file (ISO/IEC 15948) of u8 [height, width, channels] pixels: gray for one channel, colour
// for three; of any other number the first. height and width in [1, 4096].
Bytes png(std::span<const uint8_t> pixels, uint32_t height, uint32_t width, uint32_t channels);

}  // namespace ginn::attack
