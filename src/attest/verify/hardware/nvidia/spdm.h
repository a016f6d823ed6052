#pragma once

#include <array>
#include <map>
#include <string>

#include "base/bytes.h"

namespace ginn::attest::verify {

inline constexpr size_t kSpdmBytesMax = 1 << 14;
inline constexpr size_t kSpdmTrailingBytesMax = 16;

// A GET_MEASUREMENTS request and the MEASUREMENTS response to it (DMTF DSP0274, version 1.1,
// sections 10.11.1 and 10.11.2), one after the other as NVIDIA's tools record them, little-endian.
struct SpdmMeasurements {
  std::array<uint8_t, 32> request_nonce{};
  std::array<uint8_t, 32> response_nonce{};
  std::map<uint8_t, Bytes> measurements;  // by block index, 1 to 254; SHA-384 digests
  std::string driver_version;             // "580.95.05"; empty: none (switches)
  Bytes vbios_version;                    // eight bytes of a GPU, text of a switch
  ByteView signed_bytes;                  // of the input: both messages without the signature
  std::array<uint8_t, 96> signature{};    // r || s
  size_t trailing_bytes = 0;              // after the signature; recorders append some
};

// `bytes` outlives the result. Codes: "spdm_truncated", "spdm_too_large", "spdm_request" (not
// version 1.1, all measurements, signed, slot 0), "spdm_response", "spdm_block" (an index of 0 or
// 255, twice or not ascending; a specification other than DMTF's; sizes that disagree; no SHA-384
// digest), "spdm_block_count", "spdm_opaque" (a field that overlaps the end, or stands twice; a
// version that is not printable), "spdm_trailing" (more than 16 bytes after the signature).
Result<SpdmMeasurements> parse_spdm_measurements(ByteView bytes);

}  // namespace ginn::attest::verify
