#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"

namespace ginn::device {

// Instruction-set levels of the CPU kernels. A level never changes a result.
enum class Level { kPortable, kAvx2, kAvxVnni, kAvx512Vnni, kAmx };

std::string_view level_name(Level level);  // "portable", "avx2", ..., "amx"
// By this CPU and this operating system. kAmx: asks Linux, once, for the process's tile registers.
bool level_supported(Level level);
std::vector<Level> all_levels();  // slowest first
// The fastest supported level up to kAvx512Vnni, or the one that GINN_CPU names: kAmx is used only
// where it is named (docs/decisions/005-amx.md). Codes: "unknown_level" (input),
// "unsupported_level" (environment), naming what this machine has.
Result<Level> choose_level();

}  // namespace ginn::device
