#pragma once

#include <span>
#include <string>
#include <string_view>

namespace ginn::cli {

// " (did you mean X?)" with the candidate that `word` was probably meant to be; empty when none is
// near.
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);

}  // namespace ginn::cli
