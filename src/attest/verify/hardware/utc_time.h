#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ginn::attest::verify {

using UnixSeconds = int64_t;  // since 1970-01-01T00:00:00Z, without leap seconds

// RFC 3339 in UTC, to the second, years 1970 to 9999: "2025-07-04T10:16:31Z". Code "bad_time".
Result<UnixSeconds> parse_utc_time(std::string_view text);
std::string utc_time_text(UnixSeconds time);

}  // namespace ginn::attest::verify
