#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "nn/batch_norm.h"
#include "nn/graph.h"

namespace ginn::nn {

// kStatistics: as training, with the batch's statistics, but without dropout.
enum class Mode { kTrain, kStatistics, kEvaluate };

// Which images of a run a microbatch holds: what dropout's random numbers depend on.
struct Place {
  uint64_t seed = 0, step = 0;
  uint32_t position = 0;  // of the first image in the batch
};

// All weights of a network as one step uses them. Immutable after prepare(); shared by threads.
struct StepWeights {
  const float* parameters = nullptr;  // not owned; outlives this
  std::vector<PackedLayer> layers;    // by operation
  // Running statistics for Mode::kEvaluate, batch norms' channels in order.
  const float* running_mean = nullptr;
  const float* running_var = nullptr;
};

// Quantises and packs every layer. Code "not_finite".
Result<StepWeights> prepare(const Graph& graph, device::Level level, const float* parameters);
// The same into the memory of another step's, large layers on the pool's threads.
Status prepare(const Graph& graph,
               device::Level level,
               const float* parameters,
               StepWeights& weights,
               ThreadPool* pool = nullptr);

// One microbatch on its way through the network, on one thread. Owns every buffer; after the first
// microbatch nothing is allocated. Values live from the forward pass to the last operation whose
// backward pass reads them; gradients take the buffers of dead values, or of a pool, and give them
// back as soon as they are used.
class Run {
 public:
  Run(const Graph& graph, device::Level level, uint32_t microbatch, float label_smoothing = 0.0f);

  // Forward pass of `images` quantised images in value(Graph::kInput). Training: followed by
  // backward().
  Status forward(const StepWeights& weights, Mode mode, std::span<const uint32_t> labels);
  // Then there are the gradients of all parameters that are not frozen (mean over the images).
  Status backward();
  // Hands over one of them, whole or in stretches, in any order; the same at every call until the
  // next forward pass.
  void gradient_of(size_t parameter, const TakeGradient& take);
  std::vector<float> gradients();  // all; 0 for frozen ones

  // For the caller. A training pass with dropout needs its place.
  void set_place(const Place& place) { place_ = place; }
  // For measurements: called where a pass begins (without one) and after each operation of it.
  using Watch = std::function<void(std::optional<size_t> operation)>;
  void set_watch(Watch watch) { watch_ = std::move(watch); }
  Tensor& input() { return value(Graph::kInput); }
  // After backward() only the input's is still there.
  const Tensor& value(ValueId id) const { return values_[slots_[id]]; }
  int64_t loss_sum() const { return loss_sum_; }  // unit 2^-24, over the images; not state
  uint32_t correct() const { return correct_; }
  std::span<const float> logits() const { return {logits_.data(), images_ * graph_.classes()}; }
  // Batch statistics of the last training-mode pass, on the grid of section 10.
  std::span<const int64_t> batch_means() const { return batch_means_; }
  std::span<const int64_t> batch_vars() const { return batch_vars_; }

  // For the operations.
  const Graph& graph() const { return graph_; }
  device::Level level() const { return level_; }
  OperandFormat operands() const { return graph_.operands(); }
  int32_t operand_max() const { return ginn::operand_max(operands()); }
  std::optional<int> fit_operand(float m) const { return ginn::fit_operand(m, operands()); }
  const device::MapKernels& maps() const { return maps_; }
  device::Scratch& scratch() { return scratch_; }
  Mode mode() const { return mode_; }
  const Place& place() const { return place_; }
  uint32_t images() const { return images_; }
  uint32_t capacity() const { return capacity_; }
  size_t count(ValueId id) const { return graph_.values()[id].extent.count() * images_; }
  size_t capacity_count(ValueId id) const { return graph_.values()[id].extent.count() * capacity_; }
  Tensor& value(ValueId id) { return values_[slots_[id]]; }
  // Of a contraction's output, filled by the contraction; null if its reader wants none.
  ChannelStatistics* statistics(ValueId id) const { return statistics_[id].get(); }
  const StepWeights& weights() const { return *weights_; }
  const float* parameter(size_t index) const {
    return weights_->parameters + graph_.parameters()[index].offset;
  }
  float* gradient(size_t parameter) { return gradients_.data() + places_[parameter].offset; }
  bool needs_gradient(ValueId id) const { return graph_.values()[id].needs_gradient; }
  bool is_frozen(size_t parameter) const { return graph_.parameters()[parameter].frozen; }
  const PackedLayer& layer() const { return weights_->layers[current_]; }
  std::span<const uint32_t> labels() const { return labels_; }
  float label_smoothing() const { return label_smoothing_; }
  // The f32 gradient of integer sums of exponent e: (sum 2^e) / images.
  void scale_sums(const int64_t* sums, size_t count, int exponent, float* gradient) const;
  // Writes that of a parameter, or of `count` of its elements from `first` on.
  void store_gradient(size_t parameter, const int64_t* sums, int exponent);
  void store_gradient(
      size_t parameter, size_t first, const int64_t* sums, size_t count, int exponent);

  // The gradient of a contraction's output, an operand [N, P, Q, K]: made by what reads
  // that output, taken by the contraction.
  Tensor& make_operand_gradient(ValueId id);
  // The same in the place of a joined gradient of the same extent, which is not needed any more.
  Tensor& turn_into_operand_gradient(Tensor& joined, ValueId id);
  const Tensor& take_operand_gradient(ValueId id);
  // What was taken stays until the next forward pass.
  void keep(const Tensor& taken) { std::erase(used_up_, &taken); }
  // Null before it is made and after it is taken.
  const Tensor* operand_gradient(ValueId id) const { return operand_gradients_[id]; }
  // A gradient (dfp16) for an activation, to be filled and sent.
  Tensor& make_gradient(ValueId id) { return lend(capacity_count(id)); }
  void send(ValueId to, Tensor& gradient);
  // All gradients sent to `id`, joined in graph order (section 6). With one sender it is that
  // tensor. Valid until the operation ends, or longer if sent on.
  Result<Tensor*> join(ValueId id);
  size_t gradient_bytes() const;  // that were in no value's place

  void report(int64_t loss_sum, uint32_t correct) {
    loss_sum_ = loss_sum;
    correct_ = correct;
  }
  float* logits_out() { return logits_.data(); }
  void report_batch_statistics(size_t channel, int64_t mean, int64_t var) {
    batch_means_[channel] = mean;
    batch_vars_[channel] = var;
  }

 private:
  struct Sent {
    size_t operation;
    Tensor* gradient;
  };

  // Where a parameter's gradient is: in gradients_, or with an operation that recomputes it.
  struct GradientPlace {
    size_t offset = 0;
    std::optional<size_t> operation;
  };
  void place_values();
  void place_statistics();
  size_t place_gradients();  // returns how many elements are stored

  // A buffer for gradients: of the pool, or a value's once that is dead.
  struct Lent {
    Tensor* tensor;
    bool free;
  };
  void plan_deaths();
  std::optional<size_t> last_reader(ValueId id) const;  // the first operation, in backward's order
  void bury(size_t index);
  Tensor& lend(size_t count);
  Lent& idle_of_pool();
  void release(const Tensor* tensor);
  void forget_gradients();

  const Graph& graph_;
  device::Level level_;
  const device::MapKernels& maps_;
  uint32_t capacity_;
  float label_smoothing_;
  uint32_t images_ = 0;
  Mode mode_ = Mode::kTrain;
  Place place_;
  Watch watch_;
  const StepWeights* weights_ = nullptr;
  std::span<const uint32_t> labels_;
  size_t current_ = 0;  // operation that runs
  device::Scratch scratch_;
  std::vector<ValueId> slots_;  // by value: the one whose tensor it is
  std::vector<Tensor> values_;
  std::vector<std::unique_ptr<ChannelStatistics>> statistics_;  // by value
  std::vector<std::vector<ValueId>> deaths_;  // by operation: slots that nothing after it reads
  std::vector<std::unique_ptr<Tensor>> pool_;
  std::vector<Lent> buffers_;
  std::vector<Tensor*> operand_gradients_;  // by value, while they are under way
  std::vector<const Tensor*> used_up_;      // released when the operation ends
  std::vector<std::vector<Sent>> inbox_;
  std::vector<std::unique_ptr<OperationState>> states_;
  std::vector<GradientPlace> places_;  // by parameter
  device::Buffer<float> gradients_;
  std::vector<float> logits_;
  std::vector<int64_t> batch_means_, batch_vars_;
  int64_t loss_sum_ = 0;
  uint32_t correct_ = 0;
};

}  // namespace ginn::nn
