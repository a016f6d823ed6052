#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>

// Formats, rounding and exponent rules of docs/arithmetic.md, section 1.
namespace ginn {

inline constexpr int32_t kDfp14Max = 8191;
inline constexpr int32_t kDfp16Max = 32767;
inline constexpr int kMinExponent = -60;  // of operands, and dfp16 where `fit` chooses it
inline constexpr int kMaxExponent = 60;
inline constexpr int kMinContributionExponent = -40;  // also the grid of the sum: 2^-40
inline constexpr int kMaxContributionExponent = 20;

// What the operands of contractions are stored in, by job. Contraction outputs, gradients of
// activations and contributions are dfp16 in both.
enum class OperandFormat : uint8_t { kDfp14, kDfp16 };

constexpr std::optional<OperandFormat> operand_format(std::string_view name) {
  if (name == "dfp14") return OperandFormat::kDfp14;
  if (name == "dfp16") return OperandFormat::kDfp16;
  return std::nullopt;
}
constexpr int32_t operand_max(OperandFormat format) {
  return format == OperandFormat::kDfp14 ? kDfp14Max : kDfp16Max;
}
// Of the loss's gradient, whose values are in [-1, 1]: operand_max + 1 = 2^-exponent.
constexpr int loss_gradient_exponent(OperandFormat format) {
  return format == OperandFormat::kDfp14 ? -13 : -15;
}

// 2^k as f32, k in [-126, 127]; out of range: 0 below -149, subnormal between, infinity above.
inline float pow2f(int k) {
  if (k >= -126 && k <= 127) return std::bit_cast<float>(static_cast<uint32_t>(k + 127) << 23);
  if (k > 127) return std::bit_cast<float>(0x7f800000u);
  if (k < -149) return 0.0f;
  return std::bit_cast<float>(1u << (k + 149));
}

// 2^k as f64, k in [-1022, 1023].
inline double pow2(int k) { return std::bit_cast<double>(static_cast<uint64_t>(k + 1023) << 52); }

// |x| as an ordered unsigned integer: NaN > infinity > every finite value.
inline uint32_t magnitude_bits(float x) { return std::bit_cast<uint32_t>(x) & 0x7fffffffu; }
inline float from_magnitude(uint32_t bits) { return std::bit_cast<float>(bits); }

// The larger magnitude; NaN wins.
inline float max_magnitude(float a, float b) {
  const uint32_t x = magnitude_bits(a);
  const uint32_t y = magnitude_bits(b);
  return from_magnitude(x > y ? x : y);
}

// The smallest e in [lo, hi] with m <= q_max 2^e; nothing when m is not finite or too large. m >=
// 0, q_max 2^e exact in f32 for every e in the range.
inline std::optional<int> fit(float m, int32_t q_max, int lo, int hi) {
  if (!(m <= static_cast<float>(q_max) * pow2f(hi))) return std::nullopt;  // NaN, infinity too
  int e = lo;
  while (m > static_cast<float>(q_max) * pow2f(e)) ++e;
  return e;
}
// The smallest s >= 0 with bound <= q_max 2^s: for integers that stay integers.
constexpr int range_shift(int64_t bound, int32_t q_max) {
  int shift = 0;
  while (bound > (int64_t{q_max} << shift)) ++shift;
  return shift;
}
inline std::optional<int> fit_operand(float m, OperandFormat format) {
  return fit(m, operand_max(format), kMinExponent, kMaxExponent);
}
inline std::optional<int> fit16(float m) { return fit(m, kDfp16Max, kMinExponent, kMaxExponent); }
inline std::optional<int> fit_contribution(float m) {
  return fit(m, kDfp16Max, kMinContributionExponent, kMaxContributionExponent);
}

// Round to nearest even of |x| <= 2^22 by the addition of 1.5 * 2^23.
inline int32_t rne_small(float x) {
  constexpr float kMagic = 12582912.0f;
  return static_cast<int32_t>((x + kMagic) - kMagic);
}
// Of |x| <= 2^51, likewise.
inline int64_t rne_wide(double x) {
  constexpr double kMagic = 6755399441055744.0;
  return static_cast<int64_t>((x + kMagic) - kMagic);
}

// NaN gives q_max.
inline float clampf(float x, float q_max) { return x < q_max ? (x > -q_max ? x : -q_max) : q_max; }
inline int16_t quant(float scaled, int32_t q_max) {
  return static_cast<int16_t>(rne_small(clampf(scaled, static_cast<float>(q_max))));
}

}  // namespace ginn
