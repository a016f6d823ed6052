#pragma once

#include "nn/operation.h"

namespace ginn::nn {

// Softmax cross-entropy of the last linear layer's output, bias included, with label smoothing. In
// evaluation only logits, predictions and the loss are computed.
class Loss final : public Operation {
 public:
  struct Config {
    std::string name;
    ValueId logits = 0;  // the contraction's output
    size_t bias = 0;     // parameter index
    uint32_t classes = 0;
  };
  explicit Loss(Config config) : config_(std::move(config)) {}

  std::string_view kind() const override { return "loss"; }
  const std::string& name() const override { return config_.name; }
  std::vector<ValueId> inputs() const override { return {config_.logits}; }
  bool reads_contraction(size_t) const override { return true; }
  std::vector<size_t> parameters() const override { return {config_.bias}; }
  std::unique_ptr<OperationState> make_state(const Run& run) const override;
  Status forward(Run& run, OperationState& state) const override;
  Status backward(Run& run, OperationState& state) const override;

 private:
  Config config_;
};

}  // namespace ginn::nn
