#pragma once

#include "nn/operation.h"

namespace ginn::nn {

// Inverted dropout as PyTorch's: in training every element is zeroed with the stated probability
// and the others are divided by the share that is kept (docs/arithmetic.md, sections 3, 5, 6). What
// is zeroed is a function of (seed, step, position in the batch, layer, element). Otherwise the
// identity.
class Dropout final : public Operation {
 public:
  static constexpr uint32_t kMostLayers = 1 << 8;
  static constexpr size_t kMostElements = size_t{1} << 26;  // of one image

  struct Config {
    std::string name;
    ValueId input = 0, output = 0;
    double probability = 0.5;
    uint32_t layer = 0;  // counts the network's dropouts
  };
  explicit Dropout(Config config) : config_(std::move(config)) {}

  std::string_view kind() const override { return "dropout"; }
  const std::string& name() const override { return config_.name; }
  std::vector<ValueId> inputs() const override { return {config_.input}; }
  std::unique_ptr<OperationState> make_state(const Run& run) const override;
  Status forward(Run& run, OperationState& state) const override;
  Status backward(Run& run, OperationState& state) const override;

 private:
  float factor() const { return static_cast<float>(1.0 / (1.0 - config_.probability)); }
  Config config_;
};

}  // namespace ginn::nn
