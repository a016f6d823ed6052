#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

#include "tests/oracle/oracle.h"

// What the oracle's files share: section 1 of docs/arithmetic.md, and sizes.
namespace ginn::oracle {

using int128 = __int128;

inline constexpr int kStorageMax = 32767;  // dfp16 and contributions
inline constexpr int kContributionLo = -40, kContributionHi = 20;
inline constexpr float kInfinity = std::numeric_limits<float>::infinity();
inline constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// 2^k; in f32 that is infinity above 2^127 and 0 below 2^-149.
inline float f32_power(int k) { return std::ldexp(1.0F, k); }
inline double f64_power(int k) { return std::ldexp(1.0, k); }

// Total: NaN gives Q, so that no conversion below meets one.
inline float clamp(float x, float q_max) { return x < q_max ? (x > -q_max ? x : -q_max) : q_max; }
int32_t quant(float v, int q_max);

// NaN > infinity > finite.
float maxabs(const std::vector<float>& values);
int32_t maxabs(const Tensor16& tensor);
// The larger one; NaN if either is.
float larger(float a, float b);

Tensor16 make_tensor(std::array<int, 4> shape);
// [N,H,W,C] to [N,1,1,C H W] in the order (C, H, W), and back.
Tensor16 flatten(const Tensor16& x);
Tensor16 unflatten(const Tensor16& flat, std::array<int, 4> shape);

// Smallest s >= 0 with product <= (32767 2^s)^2; the product is below 2^100, so s <= 35.
int contraction_shift(int128 product);
// The largest shift of any group.
int groups_shift(const std::vector<int64_t>& filter, const std::vector<int64_t>& window);
// Smallest s >= 0 with m <= q_max 2^s.
int range_shift(int64_t m, int q_max);
// Rounds exact sums into `out`.
void store_shifted(const std::vector<int64_t>& sums, int s, Tensor16& out);
// How many windows of k, moved by stride, cover one pixel in one direction, at most.
inline int64_t cover(int k, int stride) { return (k + stride - 1) / stride; }

}  // namespace ginn::oracle
