#pragma once

#include "device/convolution.h"
#include "device/cpu/kernels.h"
#include "device/cpu/plan.h"
#include "device/scratch.h"

namespace ginn::device::cpu {

// fprop or dgrad, by its plan. Returns the shift, which is `least_shift` or more. `packed` and `w`
// are the plan's weights. `written` is called where destination rows have no phases, as in fprop.
int correlate(const Kernels& kernels,
              const Plan& plan,
              const int16_t* src,
              const int16_t* packed,
              const Norms& w,
              int16_t* dst,
              Scratch& scratch,
              int least_shift = 0,
              const Written& written = {});

// The shift alone.
int correlation_shift(
    const Kernels& kernels, const Plan& plan, const int16_t* src, const Norms& w, Scratch& scratch);

// Columns of the contraction that a wgrad is: a pointwise layer's is transposed.
int64_t gradient_columns(const ConvShape& shape);

// wgrad of a layer; see convolution.h.
void weight_gradient(const Kernels& kernels,
                     const ConvShape& shape,
                     const int16_t* x,
                     const int16_t* dy,
                     Scratch& scratch,
                     const GradientSink& sink);

}  // namespace ginn::device::cpu
