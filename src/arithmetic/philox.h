#pragma once

#include <array>
#include <cstdint>

namespace ginn {

// What a random number is for: part of the key, so that no two uses share a stream
// (docs/arithmetic.md, "Randomness").
enum class Purpose : uint32_t { kInit = 1, kOrder = 2, kAugment = 3, kDropout = 4 };

// Philox4x32-10 (Salmon et al., SC'11): counter-based, so every value is a function of its
// coordinates and nothing depends on the order of calls.
using PhiloxBlock = std::array<uint32_t, 4>;

constexpr PhiloxBlock philox(std::array<uint32_t, 2> key, PhiloxBlock counter) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53} * counter[0];
    const uint64_t p1 = uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<uint32_t>(p1 >> 32) ^ counter[1] ^ key[0],
               static_cast<uint32_t>(p1),
               static_cast<uint32_t>(p0 >> 32) ^ counter[3] ^ key[1],
               static_cast<uint32_t>(p0)};
    key = {key[0] + 0x9E3779B9u, key[1] + 0xBB67AE85u};
  }
  return counter;
}

// A stream of a seed for one purpose: key = (low word of seed, high word of seed ^ purpose << 24).
class Random {
 public:
  constexpr Random(uint64_t seed, Purpose purpose)
      : key_{static_cast<uint32_t>(seed),
             static_cast<uint32_t>(seed >> 32) ^ (static_cast<uint32_t>(purpose) << 24)} {}

  // Four words at (a, b, c): a is 64 bits wide and takes counter words 0 and 1.
  constexpr PhiloxBlock block(uint64_t a, uint32_t b, uint32_t c) const {
    return philox(key_, {static_cast<uint32_t>(a), static_cast<uint32_t>(a >> 32), b, c});
  }

  // Uniform in [0, bound), unbiased, bound in [1, 2^31]: the words of block(a, b, 0), block(a, b,
  // 1),
  // ... masked to the bits of bound - 1; the first below bound is taken.
  constexpr uint32_t bounded(uint64_t a, uint32_t b, uint32_t bound) const {
    uint32_t mask = bound - 1;
    for (int shift = 1; shift < 32; shift *= 2) mask |= mask >> shift;
    for (uint32_t attempt = 0;; ++attempt) {
      for (uint32_t word : block(a, b, attempt)) {
        if ((word & mask) < bound) return word & mask;
      }
    }
  }

 private:
  std::array<uint32_t, 2> key_;
};

}  // namespace ginn
