#pragma once

#include "base/bytes.h"

namespace ginn {

// CRC-32C (Castagnoli; RFC 3720, appendix B.4): tells a line's faults, no adversary's changes.
// `crc` is the value so far, 0 at first: crc32c(b, crc32c(a)) is that of a and b in a row.
uint32_t crc32c(ByteView bytes, uint32_t crc = 0);

}  // namespace ginn
