#pragma once

#include "nn/operation.h"

namespace ginn::nn {

// Activations [N, H, W, C_i] side by side: [N, H, W, sum of C_i], in the largest of their scales.
class Concatenate final : public Operation {
 public:
  struct Config {
    std::string name;
    std::vector<ValueId> inputs;  // each once
    std::vector<uint32_t> channels;
    ValueId output = 0;
  };
  explicit Concatenate(Config config) : config_(std::move(config)) {}

  std::string_view kind() const override { return "concatenate"; }
  const std::string& name() const override { return config_.name; }
  std::vector<ValueId> inputs() const override { return config_.inputs; }
  std::unique_ptr<OperationState> make_state(const Run& run) const override;
  Status forward(Run& run, OperationState& state) const override;
  Status backward(Run& run, OperationState& state) const override;

 private:
  Config config_;
};

}  // namespace ginn::nn
