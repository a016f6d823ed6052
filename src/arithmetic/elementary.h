#pragma once

// Elementary functions of docs/arithmetic.md, section 2: explicit operations only, so that every
// device gives the same bits. Polynomials after Cephes (S. Moshier), single precision.
namespace ginn {

float exp_f32(
    float x);  // error at most 1 ulp where the result is normal (measured over all arguments)
float log_f32(float x);    // at most 1 ulp
float sinpi_f32(float v);  // sin(pi v), v in [0, 2]
float cospi_f32(float v);

}  // namespace ginn
