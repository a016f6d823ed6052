#pragma once

#include <optional>

#include "nn/operation.h"

namespace ginn::nn {

// The sum of one or two terms (batch norm, bias, residual), then ReLU or ReLU6 if asked for,
// quantised once: the fused map between a contraction's output and the next operand. Batch norm
// statistics are those of the microbatch when training, the running ones when evaluating.
class Activate final : public Operation {
 public:
  struct Config {
    std::string name;         // of its first term
    std::vector<Term> terms;  // one or two
    std::vector<std::string> term_names;
    Activation activation = Activation::kRelu;
    ValueId output = 0;
    Extent extent;
  };
  explicit Activate(Config config) : config_(std::move(config)) {}

  std::string_view kind() const override { return "activate"; }
  const std::string& name() const override { return config_.name; }
  std::vector<ValueId> inputs() const override;
  bool reads_contraction(size_t index) const override {
    return config_.terms[index].kind != Term::Kind::kSame;
  }
  bool reads_statistics(size_t index) const override { return reads_contraction(index); }
  bool reads_backward(size_t index) const override {
    return config_.terms[index].kind == Term::Kind::kBatchNorm;
  }
  std::vector<size_t> parameters() const override;
  const Config& config() const { return config_; }
  std::unique_ptr<OperationState> make_state(const Run& run) const override;
  Status forward(Run& run, OperationState& state) const override;
  Status backward(Run& run, OperationState& state) const override;

 private:
  std::optional<device::PassMask> mask_of(Run& run) const;  // of the output's gradient
  Config config_;
};

}  // namespace ginn::nn
