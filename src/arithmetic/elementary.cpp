#include "arithmetic/elementary.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "arithmetic/format.h"

namespace ginn {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kLn2High = 0.693359375f;
constexpr float kLn2Low = 2.12194440e-4f;  // ln 2 = high - low
constexpr float kMagic = 12582912.0f;

template <int count>
float polynomial(const float (&coefficients)[count], float x) {
  float p = coefficients[0];
  for (int i = 1; i < count; ++i) p = std::fma(p, x, coefficients[i]);
  return p;
}

struct SinCos {
  float sine;  // sin(x), x = pi r, r in [-1/4, 1/4]
  float cosine;
  int quadrant;
};

SinCos reduce(float v) {
  const int j = rne_small(v + v);
  const float r = v - static_cast<float>(j) * 0.5f;
  const float x = r * 3.14159265f;
  const float z = x * x;
  constexpr float kSine[] = {-1.9515295891e-4f, 8.3321608736e-3f, -1.6666654611e-1f};
  constexpr float kCosine[] = {
      2.443315711809948e-5f, -1.388731625493765e-3f, 4.166664568298827e-2f};
  const float s = polynomial(kSine, z);
  const float c = polynomial(kCosine, z);
  return {std::fma(s * z, x, x), std::fma(c * z, z, std::fma(z, -0.5f, 1.0f)), j & 3};
}

}  // namespace

float exp_f32(float x) {
  if (x != x) return kNan;
  if (x > 88.72283f) return kInfinity;
  if (x < -87.33654f) return 0.0f;
  const float t = std::fma(x, 1.44269504f, kMagic);
  const float k = t - kMagic;
  float r = std::fma(k, -kLn2High, x);
  r = std::fma(k, kLn2Low, r);
  constexpr float kExp[] = {1.9875691500e-4f,
                            1.3981999507e-3f,
                            8.3334519073e-3f,
                            4.1665795894e-2f,
                            1.6666665459e-1f,
                            5.0000001201e-1f};
  const float y = std::fma(polynomial(kExp, r), r * r, r) + 1.0f;
  const int n = static_cast<int>(k);
  const int half = n >> 1;
  return (y * pow2f(half)) * pow2f(n - half);
}

float log_f32(float x) {
  if (x != x || x < 0.0f) return kNan;
  if (x == 0.0f) return -kInfinity;
  if (x == kInfinity) return kInfinity;
  int k = 0;
  if (x < 1.17549435e-38f) {
    x *= 8388608.0f;  // 2^23
    k = -23;
  }
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  k += static_cast<int>(bits >> 23) - 126;
  const float m = std::bit_cast<float>((bits & 0x007fffffu) | 0x3f000000u);  // [0.5, 1)
  float f;
  if (m < 0.707106781f) {
    --k;
    f = (m + m) - 1.0f;
  } else {
    f = m - 1.0f;
  }
  const float z = f * f;
  constexpr float kLog[] = {7.0376836292e-2f,
                            -1.1514610310e-1f,
                            1.1676998740e-1f,
                            -1.2420140846e-1f,
                            1.4249322787e-1f,
                            -1.6668057665e-1f,
                            2.0000714765e-1f,
                            -2.4999993993e-1f,
                            3.3333331174e-1f};
  float y = (polynomial(kLog, f) * f) * z;
  const float scale = static_cast<float>(k);
  y = std::fma(scale, -kLn2Low, y);
  y = std::fma(z, -0.5f, y);
  return std::fma(scale, kLn2High, f + y);
}

float sinpi_f32(float v) {
  const SinCos x = reduce(v);
  switch (x.quadrant) {
    case 0:
      return x.sine;
    case 1:
      return x.cosine;
    case 2:
      return -x.sine;
    default:
      return -x.cosine;
  }
}

float cospi_f32(float v) {
  const SinCos x = reduce(v);
  switch (x.quadrant) {
    case 0:
      return x.cosine;
    case 1:
      return -x.sine;
    case 2:
      return -x.cosine;
    default:
      return x.sine;
  }
}

}  // namespace ginn
