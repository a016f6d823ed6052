#include "nn/batch_norm.h"

#include <algorithm>
#include <cmath>

#include "arithmetic/format.h"

namespace ginn::nn {

ChannelStatistics::ChannelStatistics(size_t channels)
    : first_(channels), second_(channels), low_(channels), high_(channels) {
  const size_t period = device::channel_period(channels);
  period_first_.resize(period);
  period_second_.resize(period);
  period_low_.resize(period);
  period_high_.resize(period);
}

void ChannelStatistics::begin(int32_t low, int32_t high) {
  std::fill(period_first_.begin(), period_first_.end(), 0);
  std::fill(period_second_.begin(), period_second_.end(), 0);
  std::fill(period_low_.begin(), period_low_.end(), low);
  std::fill(period_high_.begin(), period_high_.end(), high);
}

device::ChannelSums ChannelStatistics::sums() {
  return {period_first_.data(), period_second_.data(), period_low_.data(), period_high_.data()};
}

void ChannelStatistics::begin_values() { begin(kDfp16Max, -kDfp16Max); }

void ChannelStatistics::add_values(const device::MapKernels& maps, const int16_t* q, size_t count) {
  maps.channel_sums(q, count, period_first_.size(), sums());
}

void ChannelStatistics::of_gradients(const device::MapKernels& maps,
                                     const std::optional<device::PassMask>& mask,
                                     int16_t* g,
                                     const int16_t* q,
                                     size_t count) {
  begin(0, 0);
  if (mask) {
    maps.masked_gradient_sums(*mask, g, q, count, period_first_.size(), sums());
  } else {
    maps.gradient_sums(g, q, count, period_first_.size(), sums());
  }
  fold(true);
}

void ChannelStatistics::fold(bool gradients) {
  const size_t c = channels();
  for (size_t i = 0; i < c; ++i) {
    first_[i] = 0;
    second_[i] = 0;
    low_[i] = gradients ? 0 : kDfp16Max;
    high_[i] = gradients ? 0 : -kDfp16Max;
  }
  for (size_t i = 0; i < period_first_.size(); ++i) {
    const size_t channel = i % c;
    first_[channel] += period_first_[i];
    second_[channel] += period_second_[i];
    high_[channel] = std::max(high_[channel], period_high_[i]);
    if (!gradients) low_[channel] = std::min(low_[channel], period_low_[i]);
  }
}

Normalisation normalise(
    int64_t sum, int64_t sum_squares, uint64_t m, int exponent, float gamma, float beta) {
  const double count = static_cast<double>(m);
  // m s2 < 2^82, exact; one rounding to f64.
  const __int128 spread = static_cast<__int128>(m) * sum_squares - static_cast<__int128>(sum) * sum;
  Normalisation n;
  n.mean = static_cast<double>(sum) / count;
  n.var = static_cast<double>(spread) / (count * count);
  n.inv = 1.0 / std::sqrt(n.var + kBatchNormEpsilon * pow2(-2 * exponent));
  n.t = static_cast<double>(gamma) * n.inv;
  n.a = static_cast<float>(n.t);
  n.b = static_cast<float>(static_cast<double>(beta) - n.t * n.mean);
  return n;
}

Normalisation normalise_running(
    float running_mean, float running_var, int exponent, float gamma, float beta) {
  Normalisation n;
  n.inv = 1.0 / std::sqrt(static_cast<double>(running_var) + kBatchNormEpsilon);
  n.t = static_cast<double>(gamma) * n.inv;
  n.a = static_cast<float>(n.t * pow2(exponent));
  n.b = static_cast<float>(static_cast<double>(beta) - n.t * static_cast<double>(running_mean));
  return n;
}

NormalisationGradient normalise_gradient(const Normalisation& n,
                                         int64_t sum_g,
                                         int64_t sum_gq,
                                         uint64_t m,
                                         int exponent_g,
                                         int exponent_y) {
  const double count = static_cast<double>(m);
  const double sg = static_cast<double>(sum_g);
  const double k1 = n.t * pow2(exponent_g - exponent_y);
  const double dg = static_cast<double>(sum_gq) - n.mean * sg;
  const double h = ((n.inv * n.inv) * dg) / count;
  const double c2 = -(k1 * h);
  NormalisationGradient gradient;
  gradient.c1 = static_cast<float>(k1);
  gradient.c2 = static_cast<float>(c2);
  gradient.c0 = static_cast<float>(-(k1 * (sg / count)) - c2 * n.mean);
  gradient.dgamma = dg * n.inv;
  return gradient;
}

bool grid_statistics(
    const Normalisation& n, uint64_t m, int exponent, int64_t& mean, int64_t& var) {
  constexpr double kGrid = 4294967296.0;         // 2^32
  constexpr double kLimit = 2251799813685248.0;  // 2^51
  const double count = static_cast<double>(m);
  const double unbiased = m > 1 ? count / (count - 1.0) : 1.0;
  const double mean_grid = (n.mean * pow2(exponent)) * kGrid;
  const double var_grid = ((n.var * pow2(2 * exponent)) * unbiased) * kGrid;
  if (!(std::fabs(mean_grid) < kLimit) || !(var_grid < kLimit)) return false;
  mean = rne_wide(mean_grid);
  var = rne_wide(var_grid);
  return true;
}

}  // namespace ginn::nn
