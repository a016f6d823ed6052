#pragma once

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "cli/verbs.h"
#include "device/level.h"

namespace ginn::cli {

struct Measured {
  std::string name;
  double value = 0;
  std::string unit;
};

// Median seconds of one call, repeated for about `seconds` and at least five times.
template <typename Body>
Result<double> median(double seconds, const Body& body) {
  using Clock = std::chrono::steady_clock;
  constexpr size_t kLeast = 5;
  constexpr size_t kMost = 1000;
  const auto since = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  std::vector<double> times;
  const auto start = Clock::now();
  while (times.size() < kLeast || (since(start) < seconds && times.size() < kMost)) {
    const auto begin = Clock::now();
    GINN_TRY(body());
    times.push_back(since(begin));
  }
  const auto middle = times.begin() + static_cast<ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

// Contractions of resnet8's shapes at 28 x 28, and the maps over a tensor as its first layers have,
// all on one thread.
Status bench_primitives(const BenchOptions& options,
                        device::Level level,
                        std::vector<Measured>& out);

}  // namespace ginn::cli
