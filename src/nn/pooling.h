#pragma once

#include "nn/operation.h"

namespace ginn::nn {

// Maximum or average over windows (a rest at the right and bottom edge is left out, as in PyTorch).
// Only a maximum may have padding: what lies outside the image takes no part in it.
class Pool final : public Operation {
 public:
  struct Config {
    std::string name;
    bool max = true;
    ValueId input = 0, output = 0;
    Extent in, out;
    uint32_t kernel_h = 1, kernel_w = 1, stride = 1, padding = 0;
  };
  explicit Pool(Config config) : config_(std::move(config)) {}

  std::string_view kind() const override { return config_.max ? "max_pool" : "avg_pool"; }
  const std::string& name() const override { return config_.name; }
  std::vector<ValueId> inputs() const override { return {config_.input}; }
  bool reads_backward(size_t) const override { return config_.max; }
  bool reads_own_backward() const override { return config_.max; }
  std::unique_ptr<OperationState> make_state(const Run& run) const override;
  Status forward(Run& run, OperationState& state) const override;
  Status backward(Run& run, OperationState& state) const override;

 private:
  void max_backward(
      Run& run, OperationState& state, const Tensor& d, int64_t bound, Tensor& dx) const;
  // Windows that can contain one pixel.
  int32_t cover() const;
  Config config_;
};

// [N, H, W, C] -> [N, 1, 1, C H W], ordered by (C, H, W) as PyTorch flattens NCHW.
class Flatten final : public Operation {
 public:
  struct Config {
    std::string name;
    ValueId input = 0, output = 0;
    Extent in;
  };
  explicit Flatten(Config config) : config_(std::move(config)) {}

  std::string_view kind() const override { return "flatten"; }
  const std::string& name() const override { return config_.name; }
  std::vector<ValueId> inputs() const override { return {config_.input}; }
  bool reads_backward(size_t) const override { return false; }
  bool reads_own_backward() const override { return false; }
  std::unique_ptr<OperationState> make_state(const Run& run) const override;
  Status forward(Run& run, OperationState& state) const override;
  Status backward(Run& run, OperationState& state) const override;

 private:
  Config config_;
};

}  // namespace ginn::nn
