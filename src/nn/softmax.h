#pragma once

#include "nn/operation.h"

namespace ginn::nn {

// p_k = exp(x_k) / sum_j exp(x_j) over the channels of every pixel, or over the features of a flat
// activation: [N, H, W, C] to the same. The sums of both passes are of integers, so their order
// cannot matter.
class Softmax final : public Operation {
 public:
  static constexpr uint32_t kMostChannels = 1 << 20;  // bounds of the sums

  struct Config {
    std::string name;
    ValueId input = 0, output = 0;
    uint32_t channels = 1;  // at most kMostChannels
  };
  explicit Softmax(Config config) : config_(std::move(config)) {}

  std::string_view kind() const override { return "softmax"; }
  const std::string& name() const override { return config_.name; }
  std::vector<ValueId> inputs() const override { return {config_.input}; }
  std::unique_ptr<OperationState> make_state(const Run& run) const override;
  Status forward(Run& run, OperationState& state) const override;
  Status backward(Run& run, OperationState& state) const override;

 private:
  Config config_;
};

}  // namespace ginn::nn
