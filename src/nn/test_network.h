#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "nn/run.h"

namespace ginn::nn {

// A graph with parameters that a test sets, and one Run of it whose tensors a test reads and
// writes.
class TestNetwork {
 public:
  TestNetwork(Graph graph, uint32_t images, device::Level level, float label_smoothing = 0.0f)
      : graph_(std::move(graph)),
        parameters_(graph_.parameter_count()),
        labels_(images),
        running_(2 * graph_.batch_norm_channels()),
        run_(graph_, level, images, label_smoothing),
        level_(level) {}

  TestNetwork(const TestNetwork&) = delete;
  TestNetwork& operator=(const TestNetwork&) = delete;

  Graph& graph() { return graph_; }
  Run& run() { return run_; }
  std::vector<uint32_t>& labels() { return labels_; }
  std::span<float> parameter(const std::string& name) {
    for (const Parameter& p : graph_.parameters()) {
      if (p.name == name) return std::span(parameters_).subspan(p.offset, p.count);
    }
    ADD_FAILURE() << "no parameter " << name;
    return {};
  }
  std::vector<float> gradient(const std::string& name) {
    for (const Parameter& p : graph_.parameters()) {
      if (p.name != name) continue;
      const std::vector<float> all = run_.gradients();
      return {all.begin() + static_cast<ptrdiff_t>(p.offset),
              all.begin() + static_cast<ptrdiff_t>(p.offset + p.count)};
    }
    ADD_FAILURE() << "no parameter " << name;
    return {};
  }
  // All means, then all variances.
  std::vector<float>& running() { return running_; }
  void fill(ValueId id, const std::vector<int>& q, int exponent) {
    fill(run_.value(id), q, exponent);
    ChannelStatistics* const statistics = run_.statistics(id);
    if (statistics == nullptr) return;
    statistics->begin_values();
    statistics->add_values(run_.maps(), run_.value(id).q.data(), q.size());
    statistics->end_values();
  }
  static void fill(Tensor& tensor, const std::vector<int>& q, int exponent) {
    ASSERT_LE(q.size(), tensor.q.size());
    for (size_t i = 0; i < q.size(); ++i) tensor.q[i] = static_cast<int16_t>(q[i]);
    tensor.exponent = exponent;
    tensor.largest = -1;
  }
  Status forward(Mode mode = Mode::kTrain) {
    auto weights = prepare(graph_, level_, parameters_.data());
    if (!weights.ok()) return weights.error();
    weights_ = std::move(*weights);
    weights_.running_mean = running_.data();
    weights_.running_var = running_.data() + running_.size() / 2;
    return run_.forward(weights_, mode, labels_);
  }

 private:
  Graph graph_;
  std::vector<float> parameters_;
  std::vector<uint32_t> labels_;
  std::vector<float> running_;
  Run run_;
  device::Level level_;
  StepWeights weights_;
};

inline std::vector<int> integers(const Tensor& tensor, size_t count) {
  return {tensor.q.data(), tensor.q.data() + count};
}

inline Graph finished(GraphBuilder& builder) {
  auto graph = builder.finish();
  GINN_CHECK(graph.ok());
  return std::move(*graph);
}

inline std::vector<device::Level> supported_levels() {
  std::vector<device::Level> levels;
  for (device::Level level : device::all_levels()) {
    if (device::level_supported(level)) levels.push_back(level);
  }
  return levels;
}

}  // namespace ginn::nn
