#include "device/level.h"

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

#include "base/text.h"

namespace ginn::device {

std::string_view level_name(Level level) {
  switch (level) {
    case Level::kPortable:
      return "portable";
    case Level::kAvx2:
      return "avx2";
    case Level::kAvxVnni:
      return "avxvnni";
    case Level::kAvx512Vnni:
      return "avx512vnni";
    case Level::kAmx:
      return "amx";
  }
  check_failed(__FILE__, __LINE__, "level");
}

namespace {

// Leaf 7, subleaf 1, EAX bit 4; the registers are AVX2's. (clang 14's builtin does not know it.)
bool has_avxvnni() {
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  return __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) != 0 && ((eax >> 4) & 1) != 0;
}

// XCR0, what the operating system saves of a thread: there where leaf 1 ECX bit 27 (OSXSAVE) is.
uint64_t saved_state() {
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0 || ((ecx >> 27) & 1) == 0) return 0;
  asm volatile("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
  return uint64_t{edx} << 32 | eax;
}

// Leaf 7, subleaf 0, EDX bits 24 (AMX-TILE) and 25 (AMX-INT8).
bool has_amx_int8() {
  constexpr unsigned kTileInt8 = 3u << 24;
  constexpr uint64_t kTileState = uint64_t{3} << 17;  // configuration and data
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (edx & kTileInt8) == kTileInt8 &&
         (saved_state() & kTileState) == kTileState;
}

// Without it the first tile instruction kills the process. It holds for every thread.
bool may_use_tiles() {
  constexpr long kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long kTileData = 18;               // XFEATURE_XTILEDATA
  static const bool granted = syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
  return granted;
}

}  // namespace

// __builtin_cpu_supports reads cpuid and, through xgetbv, whether the operating system saves the
// registers.
bool level_supported(Level level) {
  const bool avx2 = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
  switch (level) {
    case Level::kPortable:
      return true;
    case Level::kAvx2:
      return avx2;
    case Level::kAvxVnni:
      return avx2 && has_avxvnni();
    case Level::kAvx512Vnni:
      return avx2 && __builtin_cpu_supports("avx512f") != 0 &&
             __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
             __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512vnni") != 0;
    case Level::kAmx:
      return level_supported(Level::kAvx512Vnni) && has_amx_int8() && may_use_tiles();
  }
  check_failed(__FILE__, __LINE__, "level");
}

std::vector<Level> all_levels() {
  return {Level::kPortable, Level::kAvx2, Level::kAvxVnni, Level::kAvx512Vnni, Level::kAmx};
}

Result<Level> choose_level() {
  std::string names;
  std::string supported;
  Level fastest = Level::kPortable;
  for (const Level level : all_levels()) {
    names += concat(names.empty() ? "" : ", ", level_name(level));
    if (!level_supported(level)) continue;
    supported += concat(supported.empty() ? "" : ", ", level_name(level));
    if (level <= Level::kAvx512Vnni) fastest = level;
  }
  const char* wanted = std::getenv("GINN_CPU");
  if (wanted == nullptr || *wanted == '\0') return fastest;
  for (const Level level : all_levels()) {
    if (level_name(level) != wanted) continue;
    if (level_supported(level)) return level;
    return environment_error("unsupported_level",
                             concat("GINN_CPU: this machine has no ",
                                    wanted,
                                    "; it has ",
                                    supported,
                                    ": set one of these, or unset GINN_CPU for the fastest"));
  }
  return input_error("unknown_level",
                     concat("GINN_CPU: unknown level '",
                            printable(wanted),
                            "', expected one of ",
                            names,
                            " (this machine has ",
                            supported,
                            "); unset GINN_CPU for the fastest"));
}

}  // namespace ginn::device
