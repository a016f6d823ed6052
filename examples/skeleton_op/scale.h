#pragma once

#include "nn/graph.h"

namespace ginn::skeleton {

// y = factor x: an operation to copy (docs/adding-an-operation.md).
class Scale final : public nn::Operation {
 public:
  struct Config {
    std::string name;
    nn::ValueId input = 0, output = 0;
    float factor = 1.0f;
  };
  explicit Scale(Config config) : config_(std::move(config)) {}

  std::string_view kind() const override { return "scale"; }
  const std::string& name() const override { return config_.name; }
  std::vector<nn::ValueId> inputs() const override { return {config_.input}; }
  std::unique_ptr<nn::OperationState> make_state(const nn::Run& run) const override;
  Status forward(nn::Run& run, nn::OperationState& state) const override;
  Status backward(nn::Run& run, nn::OperationState& state) const override;

 private:
  Config config_;
};

// Adds one to a graph: the shape rule (the input's shape) and what does not fit (a factor that is
// not finite, or 0).
nn::ValueId scale(nn::GraphBuilder& g, nn::ValueId x, float factor);

}  // namespace ginn::skeleton
