#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "arithmetic/format.h"
#include "base/result.h"
#include "device/convolution.h"
#include "device/maps.h"
#include "device/scratch.h"

namespace ginn::nn {

using ValueId = uint32_t;
inline constexpr size_t kNoParameter = ~size_t{0};
// Operations that may read one value: so many gradients are joined into one.
inline constexpr size_t kMostReaders = 4;

// One image's part of a tensor.
struct Extent {
  uint32_t h = 1, w = 1, c = 1;
  size_t count() const { return size_t{h} * w * c; }
  bool operator==(const Extent&) const = default;
};

// A quantised tensor [N, H, W, C]: value = q 2^exponent.
struct Tensor {
  device::Buffer<int16_t> q;
  int exponent = 0;
  int32_t largest = -1;  // max|q|, where whoever wrote it knows; else negative
};

// One summand of an activation.
struct Term {
  enum class Kind { kBatchNorm, kBias, kSame };
  Kind kind = Kind::kSame;
  ValueId source = 0;               // contraction output, or activation for kSame
  size_t parameter = kNoParameter;  // gamma (beta follows it), or the bias
  size_t batch_norm = 0;            // index into Graph::batch_norms()
};

// What follows a sum of terms; kRelu6 is min(max(x, 0), 6).
enum class Activation { kNone, kRelu, kRelu6 };

// Maps of one activation; gelu is x times the normal distribution's share below x.
enum class Function { kSigmoid, kTanh, kSilu, kGelu };

// What a border shows: the image mirrored at its outermost pixels (which stand there once), its
// outermost pixels, or its other end.
enum class PadMode { kReflect, kReplicate, kCircular };
struct Borders {
  uint32_t left = 0, right = 0, top = 0, bottom = 0;  // in pixels, in PyTorch's order
};

class Run;

// Takes elements [first, first + count) of a parameter's f32 gradient.
using TakeGradient = std::function<void(size_t first, const float* gradient, size_t count)>;

// What an operation keeps between its forward and its backward pass, one for each Run.
struct OperationState {
  virtual ~OperationState() = default;
};

// A contraction's weights, quantised and packed once a step.
struct PackedLayer {
  device::PackedWeights packed;
  int exponent = 0;
};

// A node of the network. Immutable; everything that changes is in the Run and the state.
class Operation {
 public:
  virtual ~Operation() = default;
  virtual std::string_view kind() const = 0;
  virtual const std::string& name() const = 0;
  virtual std::vector<ValueId> inputs() const = 0;
  // Whether input number `index` may be a contraction's output, which has a gradient (dy) of its
  // own kind.
  virtual bool reads_contraction(size_t /*index*/) const { return false; }
  // Whether it reads Run::statistics() of input number `index`, a contraction's output.
  virtual bool reads_statistics(size_t /*index*/) const { return false; }
  // Whether its backward pass reads input number `index`.
  virtual bool reads_backward(size_t /*index*/) const { return true; }
  // Whether its backward pass reads the value that it made.
  virtual bool reads_own_backward() const { return true; }
  // Indices of its own parameters, whose gradients its backward pass stores.
  virtual std::vector<size_t> parameters() const { return {}; }
  // Multiply-adds of one image's forward pass.
  virtual uint64_t macs() const { return 0; }
  // Quantises and packs this operation's weights, on the pool's threads if there is a pool;
  // `parameters` are all of the network's.
  virtual Status prepare(device::Level,
                         OperandFormat,
                         const float* /*parameters*/,
                         PackedLayer&,
                         ThreadPool* /*pool*/) const {
    return ok_status();
  }
  virtual std::unique_ptr<OperationState> make_state(const Run& run) const = 0;
  // Codes: "not_finite" naming the layer, when a value leaves the formats' range.
  virtual Status forward(Run& run, OperationState& state) const = 0;
  virtual Status backward(Run& run, OperationState& state) const = 0;
  // Whether backward stores no gradient of this operation's one parameter, since computing it anew
  // from two small tensors costs less than keeping it in memory.
  virtual bool recomputes_gradient(uint32_t /*microbatch*/) const { return false; }
  // Then, after the backward pass and as often as it is wanted: hands it over in stretches.
  virtual void recompute_gradient(Run&, OperationState&, const TakeGradient&) const {}
};

// The error of a step that left the numbers' range.
Error not_finite(std::string_view layer, std::string_view what);

}  // namespace ginn::nn
