#pragma once

#include <cstdint>

#include "device/scratch.h"

namespace ginn::bench {

// Bell-shaped data, as activations and gradients are: most sums need no flush. With a period the
// worst case: the largest operands, of one sign for so many elements in turn.
inline void fill(device::Buffer<int16_t>& data, uint64_t seed, size_t period = 0) {
  uint64_t state = seed;
  for (size_t i = 0; i < data.size(); ++i) {
    int64_t sum = 0;
    for (int j = 0; j < 4; ++j) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      sum += static_cast<int64_t>(state >> 52) - 2048;
    }
    data[i] = static_cast<int16_t>(sum);
    if (period != 0) data[i] = i / period % 2 == 0 ? int16_t{8191} : int16_t{-8191};
  }
}

}  // namespace ginn::bench
