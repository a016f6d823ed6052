#pragma once

#include "nn/operation.h"

namespace ginn::nn {

// Normalises every image over each group of its channels: exact integer statistics as batch norm's,
// but of one image, so training and evaluation are the same.
class GroupNorm final : public Operation {
 public:
  static constexpr size_t kMostValues = size_t{1} << 26;  // of a group

  struct Config {
    std::string name;
    ValueId input = 0, output = 0;
    bool operand = false;  // the input is a contraction's output
    Extent extent;
    uint32_t groups = 1;
    size_t parameter = 0;  // gamma [C]; beta follows it
  };
  explicit GroupNorm(Config config) : config_(std::move(config)) {}

  std::string_view kind() const override { return "group_norm"; }
  const std::string& name() const override { return config_.name; }
  std::vector<ValueId> inputs() const override { return {config_.input}; }
  bool reads_contraction(size_t) const override { return true; }
  std::vector<size_t> parameters() const override {
    return {config_.parameter, config_.parameter + 1};
  }
  std::unique_ptr<OperationState> make_state(const Run& run) const override;
  Status forward(Run& run, OperationState& state) const override;
  Status backward(Run& run, OperationState& state) const override;

 private:
  Config config_;
};

}  // namespace ginn::nn
