#pragma once

#include "nn/operation.h"

namespace ginn::nn {

// A convolution or a linear layer: the three exact contractions. The bias, if there is one, belongs
// to the term that reads the output. weight: f32 [K, C / groups, KH, KW] or [K, C].
class Conv2d final : public Operation {
 public:
  struct Config {
    std::string name;
    ValueId input = 0, output = 0;
    device::ConvShape shape;     // of one image
    bool linear = false;         // then the images of a microbatch are the width of one "image"
    bool input_gradient = true;  // the weights are packed for it, too
    size_t weight = 0;           // parameter index
    size_t weight_offset = 0;    // of its first element among all parameters
  };
  explicit Conv2d(Config config) : config_(std::move(config)) {}

  const Config& config() const { return config_; }
  std::string_view kind() const override { return config_.linear ? "linear" : "conv2d"; }
  const std::string& name() const override { return config_.name; }
  bool reads_own_backward() const override { return false; }
  std::vector<ValueId> inputs() const override { return {config_.input}; }
  std::vector<size_t> parameters() const override { return {config_.weight}; }
  uint64_t macs() const override { return config_.shape.macs(); }
  Status prepare(device::Level level,
                 OperandFormat operands,
                 const float* parameters,
                 PackedLayer& layer,
                 ThreadPool* pool) const override;
  std::unique_ptr<OperationState> make_state(const Run& run) const override;
  Status forward(Run& run, OperationState& state) const override;
  Status backward(Run& run, OperationState& state) const override;
  bool recomputes_gradient(uint32_t microbatch) const override;
  void recompute_gradient(Run& run, OperationState& state, const TakeGradient& take) const override;

 private:
  device::ConvShape shape_of(uint32_t images, OperandFormat operands) const;
  Config config_;
};

}  // namespace ginn::nn
