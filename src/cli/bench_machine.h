#pragma once

#include <optional>
#include <string>

#include "device/level.h"

namespace ginn::cli {

// What the measurements are compared with.
struct Machine {
  std::string cpu;                         // as the CPU names itself
  unsigned cores = 0;                      // that this process may run on
  std::optional<double> int16_peak_gmacs;  // once it was measured
  std::optional<double> memory_copy_gbs;
};
Machine this_machine();

// GMAC/s of int16 multiply-adds into int32 sums on one thread, with everything in registers: no
// contraction at this level can be faster. Null for a level that has no such loop.
std::optional<double> measure_int16_peak(device::Level level);

// GB/s of copying memory that no cache holds, on one thread; bytes read plus bytes written.
double measure_memory_copy();

}  // namespace ginn::cli
