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

float sigmoid_f32(float x) { return 1.0f / (1.0f + exp_f32(-x)); }

float tanh_f32(float x) {
  const float a = std::fabs(x);
  if (a < 0.625f) {
    constexpr float kTanh[] = {-5.70498872745e-3f,
                               2.06390887954e-2f,
                               -5.37397155531e-2f,
                               1.33314422036e-1f,
                               -3.33332819422e-1f};
    const float z = x * x;
    return std::fma(polynomial(kTanh, z) * z, x, x);
  }
  const float y = 1.0f - 2.0f / (exp_f32(a + a) + 1.0f);
  return x < 0.0f ? -y : y;
}

float erf_f32(float x) {
  const float a = std::fabs(x);
  if (a < 1.0f) {
    constexpr float kErf[] = {7.853861353153693e-5f,
                              -8.010193625184903e-4f,
                              5.188327685732524e-3f,
                              -2.685381193529856e-2f,
                              1.128358514861418e-1f,
                              -3.761262582423300e-1f,
                              1.128379165726710f};
    return x * polynomial(kErf, x * x);
  }
  constexpr float kNear[] = {2.326819970068386e-2f,
                             -1.387039388740657e-1f,
                             3.687424674597105e-1f,
                             -5.824733027278666e-1f,
                             6.210004621745983e-1f,
                             -4.944515323274145e-1f,
                             3.404879937665872e-1f,
                             -2.741127028184656e-1f,
                             5.638259427386472e-1f};
  constexpr float kFar[] = {-1.047766399936249e+1f,
                            1.297719955372516e+1f,
                            -7.495518717768503f,
                            2.921019019210786f,
                            -1.015265279202700f,
                            4.218463358204948e-1f,
                            -2.820767439740514e-1f,
                            5.641895067754075e-1f};
  const float r = 1.0f / a;
  const float z = r * r;
  const float p = a < 2.0f ? polynomial(kNear, z) : polynomial(kFar, z);
  const float y = 1.0f - (exp_f32(-(a * a)) * r) * p;
  return x < 0.0f ? -y : y;
}

SinCosPi sincospi_f32(float v) {
  const SinCos x = reduce(v);
  switch (x.quadrant) {
    case 0:
      return {x.sine, x.cosine};
    case 1:
      return {x.cosine, -x.sine};
    case 2:
      return {-x.sine, -x.cosine};
    default:
      return {-x.cosine, x.sine};
  }
}

float sinpi_f32(float v) { return sincospi_f32(v).sine; }
float cospi_f32(float v) { return sincospi_f32(v).cosine; }

}  // namespace ginn
