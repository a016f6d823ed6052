#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "nn/operation.h"

namespace ginn::nn {

// How a parameter starts (docs/arithmetic.md, section 3).
enum class Initialiser {
  kUniformFanIn,  // U(-1/sqrt(fan_in), 1/sqrt(fan_in)): PyTorch's default for conv and linear
  kNormalFanOut,  // N(0, 2/fan_out): Kaiming, as torchvision's residual networks
  kNormalSmall,   // N(0, 0.01^2): the classifier of torchvision's VGG
  kOne,
  kZero,
};

struct Parameter {
  std::string name;             // as torchvision names it
  std::vector<uint64_t> shape;  // file order: [K, C / groups, KH, KW], [K, C] or [K]
  size_t offset = 0;            // of its first element among all parameters
  size_t count = 0;
  Initialiser initialiser = Initialiser::kZero;
  uint64_t fan_in = 1;
  uint64_t fan_out = 1;
  bool frozen = false;      // keeps its value: not in a contribution
  float rate_scale = 1.0f;  // times the learning rate
};

struct BatchNorm {
  std::string name;  // "layer1.0.bn1"
  uint32_t channels = 0;
  size_t offset = 0;  // of its first channel among all batch norms
};

struct Value {
  Extent extent;
  bool needs_gradient = true;  // false where nothing before it can be trained
};

// A network: operations in the order in which they run, the values between them, the parameters in
// the order of the contribution. Immutable once it trains; shared by all threads.
class Graph {
 public:
  static constexpr ValueId kInput = 0;

  const std::vector<Value>& values() const { return values_; }
  const std::vector<std::unique_ptr<Operation>>& operations() const { return operations_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }
  const std::vector<BatchNorm>& batch_norms() const { return batch_norms_; }
  size_t parameter_count() const { return parameter_count_; }          // elements of all parameters
  size_t batch_norm_channels() const { return batch_norm_channels_; }  // of all batch norms
  Extent input() const { return values_[kInput].extent; }
  uint32_t classes() const { return classes_; }
  size_t trainable_count() const;  // elements of the parameters that are not frozen
  // Whether operation number `index` has anything to do in the backward pass.
  bool needs_backward(size_t index) const { return needs_backward_[index]; }
  // Whether the value is a contraction's output that only the next operation's forward pass reads.
  bool passes_by(ValueId value) const;
  // Multiply-adds of one image's forward pass.
  uint64_t macs() const;

  // What the operands of contractions are stored in; dfp14 unless set before training.
  OperandFormat operands() const { return operands_; }
  void set_operands(OperandFormat format) { operands_ = format; }

  // Before training, one element a parameter: those that keep their values, and the factors of the
  // learning rate. What only leads to frozen ones has no backward pass.
  void set_training(const std::vector<bool>& frozen, const std::vector<float>& rate_scales);

 private:
  void find_gradients();
  friend class GraphBuilder;
  std::vector<Value> values_;
  std::vector<std::unique_ptr<Operation>> operations_;
  std::vector<Parameter> parameters_;
  std::vector<BatchNorm> batch_norms_;
  std::vector<bool> needs_backward_;  // by operation
  size_t parameter_count_ = 0;
  size_t batch_norm_channels_ = 0;
  uint32_t classes_ = 0;
  OperandFormat operands_ = OperandFormat::kDfp14;
};

struct ConvOptions {
  uint32_t channels = 1;  // output channels
  uint32_t kernel = 1;
  uint32_t stride = 1;
  uint32_t padding = 0;
  uint32_t groups = 1;  // divides the channels of the input and of the output
  bool bias = false;
  Initialiser initialiser = Initialiser::kUniformFanIn;
  Initialiser bias_initialiser = Initialiser::kUniformFanIn;
};
struct LinearOptions {
  uint32_t outputs = 1;
  Initialiser initialiser = Initialiser::kUniformFanIn;
  Initialiser bias_initialiser = Initialiser::kUniformFanIn;
};

// Builds a graph layer by layer, inferring every shape. The first layer that does not fit makes all
// later calls do nothing; finish() reports it (code "model_shape"), or a value that one operation
// too many reads, or one that must not.
class GraphBuilder {
 public:
  explicit GraphBuilder(Extent input);

  // Contractions: the result may only be the source of one bias() or batch_norm() term, or the
  // logits.
  ValueId conv2d(ValueId x, const std::string& name, const ConvOptions& options);
  ValueId linear(ValueId x, const std::string& name, const LinearOptions& options);  // with bias
  ValueId linear(ValueId x, const std::string& name, uint32_t outputs);

  Term batch_norm(ValueId y, const std::string& name);
  Term bias(ValueId y);
  Term same(ValueId activation);
  ValueId activate(std::vector<Term> terms, Activation activation);  // one or two terms
  ValueId activate(std::vector<Term> terms, bool relu) {
    return activate(std::move(terms), relu ? Activation::kRelu : Activation::kNone);
  }

  ValueId max_pool(ValueId x, uint32_t kernel, uint32_t stride, uint32_t padding = 0);
  ValueId average_pool(ValueId x, uint32_t kernel, uint32_t stride);
  ValueId global_average_pool(ValueId x);
  // To `height` x `width`, each of which must divide the input's or be a multiple of it.
  ValueId adaptive_average_pool(ValueId x, uint32_t height, uint32_t width);
  // Zeros a share of an activation's elements in training, probability in [0, 1).
  ValueId dropout(ValueId x, double probability);
  ValueId flatten(ValueId x);
  ValueId elementwise(ValueId x, Function function);
  // Over each of `groups` parts of an image's channels, of a contraction's output or an activation;
  // gamma and beta by channel. One group of a flat value: layer normalisation.
  ValueId group_norm(ValueId y, const std::string& name, uint32_t groups);
  // Activations of one height and width, different from each other: their channels in order.
  ValueId concatenate(const std::vector<ValueId>& inputs);
  // Over an activation's channels, at most Softmax::kMostChannels, pixel by pixel.
  ValueId softmax(ValueId x);
  // Of an activation or the input, before a convolution without padding: borders smaller than the
  // image for kReflect, not larger for kCircular; at most CopyPixels::kMostCopies copies of a
  // pixel.
  ValueId pad(ValueId x, PadMode mode, const Borders& borders);
  void loss(ValueId logits);

  // For operations that have no function here (docs/adding-an-operation.md): adds the value that an
  // operation makes, and the operation that `make` gives for it. Activations in, an activation out.
  using MakeOperation = std::function<std::unique_ptr<Operation>(ValueId output)>;
  ValueId add(Extent output, bool needs_gradient, const MakeOperation& make);
  Extent extent(ValueId value) const { return graph_.values_[value].extent; }
  bool needs_gradient(ValueId value) const { return graph_.values_[value].needs_gradient; }
  bool failed() const { return !problem_.empty(); }
  void fail(std::string message);  // keeps the first message

  Result<Graph> finish();

 private:
  struct Contraction {
    device::ConvShape shape;
    Extent output;
    bool linear, bias;
    Initialiser initialiser, bias_initialiser;
  };
  ValueId contraction(ValueId x, const std::string& name, const Contraction& contraction);
  size_t add_scale_and_shift(const std::string& name, uint32_t channels);  // gamma; beta follows
  bool is_contraction(ValueId value) const;
  void check_readers();
  ValueId add_value(Extent extent, bool needs_gradient);
  size_t add_parameter(Parameter parameter);
  ValueId pool(ValueId x,
               bool max,
               uint32_t kernel_h,
               uint32_t kernel_w,
               uint32_t stride,
               uint32_t padding = 0);
  ValueId repeat(ValueId x, uint32_t times_h, uint32_t times_w);

  Graph graph_;
  std::vector<size_t> bias_of_;  // parameter index by value, or kNoParameter
  uint32_t dropouts_ = 0;
  std::string problem_;
};

}  // namespace ginn::nn
