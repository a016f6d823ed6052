#pragma once

#include "nn/operation.h"

namespace ginn::nn {

// y = f(x), element by element: sigmoid, tanh, SiLU, GELU. An activation has few different values,
// so f is computed once for each of them.
class Elementwise final : public Operation {
 public:
  struct Config {
    std::string name;
    Function function = Function::kSigmoid;
    ValueId input = 0, output = 0;
  };
  explicit Elementwise(Config config) : config_(std::move(config)) {}

  static std::string_view function_name(Function function);
  std::string_view kind() const override { return function_name(config_.function); }
  const std::string& name() const override { return config_.name; }
  std::vector<ValueId> inputs() const override { return {config_.input}; }
  std::unique_ptr<OperationState> make_state(const Run& run) const override;
  Status forward(Run& run, OperationState& state) const override;
  Status backward(Run& run, OperationState& state) const override;

 private:
  Config config_;
};

}  // namespace ginn::nn
