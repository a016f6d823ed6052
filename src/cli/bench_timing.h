#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <vector>

#include "base/result.h"

namespace ginn::cli {

// kThread: CPU time of the calling thread, so that what a busy machine gives to others does not
// count; for work on one thread.
enum class ClockKind { kWall, kThread };

inline double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

inline double seconds_of(ClockKind clock) {
  if (clock == ClockKind::kWall) return wall_seconds();
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

inline double median(std::vector<double> values) {
  GINN_CHECK(!values.empty());
  const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Median seconds of one call of `body`, a Status(), called for about `seconds` of wall time: at
// least three times, and short bodies many times between two readings of the clock. The first call
// also warms up: it counts only when it is long.
template <typename Body>
Result<double> median_seconds(ClockKind clock, double seconds, const Body& body) {
  constexpr size_t kLeast = 3;
  constexpr size_t kMost = 1000;
  constexpr double kShortest = 100e-6;  // of one reading, far above the clock's own time
  const double start = wall_seconds();
  size_t calls = 1;  // between two readings
  std::vector<double> times;
  const auto once = [&]() -> Status {
    const double begin = seconds_of(clock);
    for (size_t i = 0; i < calls; ++i) GINN_TRY(body());
    times.push_back((seconds_of(clock) - begin) / static_cast<double>(calls));
    return ok_status();
  };
  GINN_TRY(once());
  const double first = times[0];
  if (first < kShortest) calls = static_cast<size_t>(std::ceil(kShortest / std::max(first, 1e-7)));
  if (wall_seconds() - start < seconds / kLeast) times.clear();
  while (times.size() < kLeast || (wall_seconds() - start < seconds && times.size() < kMost)) {
    GINN_TRY(once());
  }
  return median(std::move(times));
}

}  // namespace ginn::cli
