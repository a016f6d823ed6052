#pragma once

// Elementary functions of docs/arithmetic.md, section 2: explicit operations only, so that every
// device gives the same bits. Polynomials after Cephes (S. Moshier), single precision.
namespace ginn {

// Errors where the result is normal, over all arguments: exp 1.02 ulp, log 1 ulp, erf 2.5
// ulp; sigmoid 2.5 ulp and tanh 2 ulp over those that were tried.
float exp_f32(float x);
float log_f32(float x);
float sigmoid_f32(float x);  // 1 / (1 + exp(-x))
float tanh_f32(float x);
float erf_f32(float x);
float sinpi_f32(float v);  // sin(pi v), v in [0, 2]
float cospi_f32(float v);
struct SinCosPi {
  float sine, cosine;
};
SinCosPi sincospi_f32(float v);  // both, to the same bits

}  // namespace ginn
