#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"

namespace ginn::device {

// Instruction-set levels of the CPU kernels. A level never changes a result.
enum class Level { kPortable, kAvx2, kAvxVnni, kAvx512Vnni };

std::string_view level_name(Level level);  // "portable", "avx2", "avxvnni", "avx512vnni"
bool level_supported(Level level);         // by this CPU and this operating system
std::vector<Level> all_levels();           // slowest first
// The fastest supported level, or the one that GINN_CPU names. Codes: "unknown_level" (input),
// "unsupported_level" (environment), naming what this machine has.
Result<Level> choose_level();

}  // namespace ginn::device
