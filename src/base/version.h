#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ginn {

// The N of `before` N `after`: a decimal number from 1 to 999999, without leading zeros. Every
// format that is written carries one (docs/formats.md).
std::optional<uint32_t> version_in(std::string_view text,
                                   std::string_view before,
                                   std::string_view after = "");

// The one sentence that refuses a later version: "job format version 3, this build reads up to 1;
// use a newer ginn".
std::string newer_version(std::string_view format, uint32_t found, uint32_t known);
// `code` with that sentence when there is a version and it is above `known`.
Status refuse_newer(const char* code,
                    std::string_view format,
                    const std::optional<uint32_t>& found,
                    uint32_t known);
// The same for `found`, a type's name that carries its version, like `known`: "...v1",
// "...v1+json".
Status refuse_newer_type(const char* code,
                         std::string_view format,
                         std::string_view found,
                         std::string_view known);

}  // namespace ginn
