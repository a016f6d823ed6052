#pragma once

#include <cstdint>
#include <random>

namespace ginn::simulation {

// Every decision of a simulated world, from its seed.
class Chance {
 public:
  explicit Chance(uint64_t seed) : engine_(seed) {}
  uint64_t next() { return engine_(); }
  uint64_t below(uint64_t n) { return n == 0 ? 0 : engine_() % n; }
  // 0 means never.
  bool once_in(uint64_t n) { return n != 0 && below(n) == 0; }

 private:
  std::mt19937_64 engine_;
};

}  // namespace ginn::simulation
