#pragma once

#include "fuzz/targets.h"

namespace ginn::fuzz {

// The parsers of hardware evidence and its collateral; rows of the registry in targets.cpp.
std::span<const Target> evidence_targets();

}  // namespace ginn::fuzz
