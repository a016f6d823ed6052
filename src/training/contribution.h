#pragma once

#include <functional>
#include <span>
#include <vector>

#include "arithmetic/format.h"
#include "base/bytes.h"
#include "device/maps.h"
#include "nn/graph.h"

namespace ginn::training {

// The gradient of one microbatch as it is handed over (docs/arithmetic.md, section 7): one exponent
// a parameter, int16 integers of all parameters back to back. Frozen ones are zero and stay so:
// they are not handed over.
struct Contribution {
  explicit Contribution(const nn::Graph& graph);

  std::vector<int8_t> exponents;  // [parameters]
  device::Buffer<int16_t> q;      // [parameter_count]

  bool operator==(const Contribution& other) const;
};

// Bytes of every encoded contribution of this network: for each parameter that is not frozen its
// exponent (int8), then its integers (int16, little-endian, file order).
size_t encoded_size(const nn::Graph& graph);
void encode(const nn::Graph& graph, const Contribution& contribution, std::span<uint8_t> out);

// From hostile bytes, checking the form. Codes, in this order: "contribution_length",
// "contribution_exponent" (out of range), "contribution_integer" (-32768),
// "contribution_zero_exponent" (an all-zero tensor whose exponent is not -40); the message names
// the tensor. `squares`, one a parameter, takes each tensor's sum of squares; frozen ones' are left
// alone.
Status decode(const nn::Graph& graph,
              const device::MapKernels& maps,
              ByteView bytes,
              Contribution& out,
              std::span<uint64_t> squares);
Status decode(const nn::Graph& graph,
              const device::MapKernels& maps,
              ByteView bytes,
              Contribution& out);

// C^2 on the grid of the norm test: floor(C^2 2^80). C in (0, 2^22].
using Wide = unsigned __int128;
Wide norm_limit(double clip_norm);
// Whether the exact squared norm over all tensors, times 2^80, is at most `limit`; wide integers
// only. `squares` are as decode() gives them.
bool norm_within(const nn::Graph& graph,
                 std::span<const int8_t> exponents,
                 std::span<const uint64_t> squares,
                 Wide limit);
bool norm_within(const nn::Graph& graph,
                 const device::MapKernels& maps,
                 const Contribution& contribution,
                 Wide limit);

// Hands over the f32 gradient of a parameter, whole or in stretches; the same at every call.
using GradientSource = std::function<void(size_t parameter, const nn::TakeGradient& take)>;
// Takes elements [first, first + count) of a parameter's contribution.
using TakeIntegers = std::function<void(size_t first, const int16_t* q, size_t count)>;

// Scales gradients to norm at most C, rounded down, and quantises them: measured once, then made
// piece by piece wherever they are wanted. The result always passes norm_within (the proof is in
// docs/arithmetic.md, section 7).
class Clip {
 public:
  Clip(const nn::Graph& graph, const device::MapKernels& maps)
      : graph_(graph),
        maps_(maps),
        exponents_(graph.parameters().size()),
        tensors_(exponents_.size()) {}

  // Code "not_finite".
  Status measure(const GradientSource& gradients, double clip_norm);
  // Of what was measured last: the parameter's exponent, its integers in stretches, or all of both.
  int8_t exponent(size_t parameter) const { return exponents_[parameter]; }
  void quantise(const GradientSource& gradients, size_t parameter, const TakeIntegers& take) const;
  void quantise(const GradientSource& gradients, Contribution& out) const;

 private:
  struct Tensor {
    float largest = 0;
    int exponent = kMinContributionExponent;  // before scaling; of the last microbatch until then
  };
  Status measure_tensor(const GradientSource& gradients, size_t parameter, double& norm2);

  const nn::Graph& graph_;
  const device::MapKernels& maps_;
  float factor_ = 1.0f;
  std::vector<int8_t> exponents_;
  std::vector<Tensor> tensors_;
};

// All of it, of gradients that stand in one array.
Status clip(const nn::Graph& graph,
            const device::MapKernels& maps,
            std::span<const float> gradients,
            double clip_norm,
            Contribution& out);

}  // namespace ginn::training
