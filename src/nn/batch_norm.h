#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "device/maps.h"

namespace ginn::nn {

// The f64 constants of one channel (docs/arithmetic.md, sections 5 and 6).
struct Normalisation {
  double mean = 0, var = 0, inv = 0;  // of the integers q
  double t = 0;                       // gamma inv
  float a = 0, b = 0;                 // value = fma(a, q, b)
};

inline constexpr double kBatchNormEpsilon = 1e-5;

// Per-channel integer sums, folded from a kernel's positions.
class ChannelStatistics {
 public:
  ChannelStatistics() = default;
  explicit ChannelStatistics(size_t channels);

  // Of values that are made stretch by stretch, of whole pixels: begin, add each, end.
  void begin_values();
  void add_values(const device::MapKernels& maps, const int16_t* q, size_t count);
  void end_values() { fold(false); }
  // `g` is masked first, where there is a mask.
  void of_gradients(const device::MapKernels& maps,
                    const std::optional<device::PassMask>& mask,
                    int16_t* g,
                    const int16_t* q,
                    size_t count);

  size_t channels() const { return first_.size(); }
  int64_t first(size_t c) const { return first_[c]; }    // sum of q, or of g
  int64_t second(size_t c) const { return second_[c]; }  // sum of q^2, or of g q
  int32_t low(size_t c) const { return low_[c]; }        // smallest q
  int32_t high(size_t c) const { return high_[c]; }      // largest q, or largest |g|
  const std::vector<int64_t>& firsts() const { return first_; }

 private:
  void begin(int32_t low, int32_t high);
  device::ChannelSums sums();
  void fold(bool gradients);
  std::vector<int64_t> first_, second_, period_first_, period_second_;
  std::vector<int32_t> low_, high_, period_low_, period_high_;
};

// Training: from the microbatch's sums over m values of exponent e.
Normalisation normalise(
    int64_t sum, int64_t sum_squares, uint64_t m, int exponent, float gamma, float beta);
// Evaluation: a and b only.
Normalisation normalise_running(
    float running_mean, float running_var, int exponent, float gamma, float beta);

// Gradient through one channel's normalisation: dy = fma(c1, g, fma(c2, q, c0)).
struct NormalisationGradient {
  float c1 = 0, c2 = 0, c0 = 0;
  double dgamma = 0;  // in units 2^(e_g); dbeta is the integer sum of g
};
NormalisationGradient normalise_gradient(const Normalisation& n,
                                         int64_t sum_g,
                                         int64_t sum_gq,
                                         uint64_t m,
                                         int exponent_g,
                                         int exponent_y);

// A microbatch's statistics of one channel on the grid of section 10: value 2^32, rounded. False
// when out of range.
bool grid_statistics(const Normalisation& n, uint64_t m, int exponent, int64_t& mean, int64_t& var);

}  // namespace ginn::nn
