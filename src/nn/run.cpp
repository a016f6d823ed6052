#include "nn/run.h"

#include <algorithm>
#include <utility>

#include "arithmetic/format.h"
#include "base/text.h"

namespace ginn::nn {

Error not_finite(std::string_view layer, std::string_view what) {
  return refused("not_finite",
                 concat("layer ",
                        layer,
                        ": ",
                        what,
                        " is not finite or leaves the format's range; the step fails as a whole "
                        "(lower the learning rate, or clip_norm)"));
}

Result<StepWeights> prepare(const Graph& graph, device::Level level, const float* parameters) {
  StepWeights weights;
  GINN_TRY(prepare(graph, level, parameters, weights));
  return weights;
}

Status prepare(const Graph& graph,
               device::Level level,
               const float* parameters,
               StepWeights& weights,
               ThreadPool* pool) {
  weights.parameters = parameters;
  weights.layers.resize(graph.operations().size());
  for (size_t i = 0; i < weights.layers.size(); ++i) {
    const Operation& operation = *graph.operations()[i];
    GINN_TRY(operation.prepare(level, graph.operands(), parameters, weights.layers[i], pool));
  }
  return ok_status();
}

Run::Run(const Graph& graph, device::Level level, uint32_t microbatch, float label_smoothing)
    : graph_(graph),
      level_(level),
      maps_(device::map_kernels(level)),
      capacity_(microbatch),
      label_smoothing_(label_smoothing),
      slots_(graph.values().size()),
      values_(graph.values().size()),
      statistics_(graph.values().size()),
      operand_gradients_(graph.values().size()),
      inbox_(graph.values().size()),
      places_(graph.parameters().size()),
      gradients_(place_gradients()),
      logits_(size_t{microbatch} * graph.classes()),
      batch_means_(graph.batch_norm_channels()),
      batch_vars_(graph.batch_norm_channels()) {
  place_values();
  place_statistics();
  plan_deaths();
  for (const auto& operation : graph.operations()) states_.push_back(operation->make_state(*this));
}

// Contractions' outputs that nothing but the next operation's forward pass reads share one tensor.
void Run::place_values() {
  std::vector<size_t> counts(values_.size());
  std::optional<ValueId> shared;
  for (ValueId id = 0; id < values_.size(); ++id) {
    slots_[id] = id;
    if (graph_.passes_by(id)) slots_[id] = *(shared = shared.value_or(id));
    counts[slots_[id]] = std::max(counts[slots_[id]], capacity_count(id));
  }
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] > 0) values_[i].q = device::Buffer<int16_t>(counts[i]);
  }
}

void Run::place_statistics() {
  for (const auto& operation : graph_.operations()) {
    const std::vector<ValueId> inputs = operation->inputs();
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (!operation->reads_statistics(i)) continue;
      const size_t channels = graph_.values()[inputs[i]].extent.c;
      statistics_[inputs[i]] = std::make_unique<ChannelStatistics>(channels);
    }
  }
}

size_t Run::place_gradients() {
  for (size_t i = 0; i < graph_.operations().size(); ++i) {
    const Operation& operation = *graph_.operations()[i];
    if (!operation.recomputes_gradient(capacity_)) continue;
    for (const size_t parameter : operation.parameters()) places_[parameter].operation = i;
  }
  size_t count = 0;
  for (size_t p = 0; p < places_.size(); ++p) {
    places_[p].offset = count;
    if (!places_[p].operation) count += graph_.parameters()[p].count;
  }
  return count;
}

void Run::gradient_of(size_t parameter, const TakeGradient& take) {
  if (const auto operation = places_[parameter].operation) {
    graph_.operations()[*operation]->recompute_gradient(*this, *states_[*operation], take);
  } else {
    take(0, gradient(parameter), graph_.parameters()[parameter].count);
  }
}

std::vector<float> Run::gradients() {
  std::vector<float> all(graph_.parameter_count());
  for (size_t p = 0; p < places_.size(); ++p) {
    if (is_frozen(p)) continue;
    float* out = all.data() + graph_.parameters()[p].offset;
    gradient_of(p, [&](size_t first, const float* gradient, size_t count) {
      std::copy_n(gradient, count, out + first);
    });
  }
  return all;
}

Status Run::forward(const StepWeights& weights, Mode mode, std::span<const uint32_t> labels) {
  GINN_CHECK(labels.size() <= capacity_ && !labels.empty());
  weights_ = &weights;
  mode_ = mode;
  labels_ = labels;
  images_ = static_cast<uint32_t>(labels.size());
  forget_gradients();
  const auto& operations = graph_.operations();
  if (watch_) watch_(std::nullopt);
  for (current_ = 0; current_ < operations.size(); ++current_) {
    scratch_.reset();
    GINN_TRY(operations[current_]->forward(*this, *states_[current_]));
    if (watch_) watch_(current_);
  }
  return ok_status();
}

Status Run::backward() {
  GINN_CHECK(mode_ == Mode::kTrain);
  const auto& operations = graph_.operations();
  Status status = ok_status();
  bury(operations.size());
  if (watch_) watch_(std::nullopt);
  for (current_ = operations.size(); status.ok() && current_-- > 0;) {
    if (!graph_.needs_backward(current_)) continue;
    scratch_.reset();
    status = operations[current_]->backward(*this, *states_[current_]);
    for (const Tensor* tensor : used_up_) release(tensor);
    used_up_.clear();
    bury(current_);
    if (watch_) watch_(current_);
  }
  return status;
}

// Operation number i makes value i + 1.
std::optional<size_t> Run::last_reader(ValueId id) const {
  std::optional<size_t> last;
  const auto reads = [&](size_t operation) {
    if (graph_.needs_backward(operation) && (!last || operation < *last)) last = operation;
  };
  if (graph_.operations()[id - 1]->reads_own_backward()) reads(id - 1);
  for (size_t i = id; i < graph_.operations().size(); ++i) {
    const Operation& operation = *graph_.operations()[i];
    const std::vector<ValueId> inputs = operation.inputs();
    for (size_t k = 0; k < inputs.size(); ++k) {
      if (inputs[k] == id && operation.reads_backward(k)) reads(i);
    }
  }
  return last;
}

// The input is the caller's, and what a gradient is recomputed from is read once more.
void Run::plan_deaths() {
  const size_t operations = graph_.operations().size();
  std::vector<size_t> last(values_.size(), operations);  // by slot; that: before the backward pass
  std::vector<bool> stays(values_.size());
  stays[Graph::kInput] = true;
  for (ValueId id = 1; id < values_.size(); ++id) {
    last[slots_[id]] = std::min(last[slots_[id]], last_reader(id).value_or(operations));
  }
  for (const auto& operation : graph_.operations()) {
    if (!operation->recomputes_gradient(capacity_)) continue;
    for (const ValueId id : operation->inputs()) stays[slots_[id]] = true;
  }
  deaths_.resize(operations + 1);
  for (ValueId id = 0; id < values_.size(); ++id) {
    if (slots_[id] == id && !stays[id]) deaths_[last[id]].push_back(id);
  }
}

void Run::bury(size_t index) {
  for (const ValueId slot : deaths_[index]) buffers_.push_back({&values_[slot], true});
}

// After a pass that failed half-way some gradients are still under way.
void Run::forget_gradients() {
  buffers_.clear();
  for (const auto& tensor : pool_) buffers_.push_back({tensor.get(), true});
  for (auto& inbox : inbox_) inbox.clear();
  std::fill(operand_gradients_.begin(), operand_gradients_.end(), nullptr);
  used_up_.clear();
}

// The smallest free buffer that is large enough, but none so large that it is better left for
// others: the same one at every step, since the operations ask in the same order.
Tensor& Run::lend(size_t count) {
  constexpr size_t kMostTimes = 16;
  Lent* best = nullptr;
  for (Lent& lent : buffers_) {
    const size_t size = lent.tensor->q.size();
    if (!lent.free || size < count || size / kMostTimes > count) continue;
    if (best == nullptr || size < best->tensor->q.size()) best = &lent;
  }
  if (best == nullptr) {
    best = &idle_of_pool();
    best->tensor->q = device::Buffer<int16_t>(count);
  }
  best->free = false;
  return *best->tensor;
}

// One of the pool that is free and too small, or a new one.
Run::Lent& Run::idle_of_pool() {
  for (Lent& lent : buffers_) {
    const auto is = [&](const auto& tensor) { return tensor.get() == lent.tensor; };
    if (lent.free && std::any_of(pool_.begin(), pool_.end(), is)) return lent;
  }
  pool_.push_back(std::make_unique<Tensor>());
  return buffers_.emplace_back(Lent{pool_.back().get(), true});
}

void Run::release(const Tensor* tensor) {
  for (Lent& lent : buffers_) {
    if (lent.tensor == tensor) lent.free = true;
  }
}

size_t Run::gradient_bytes() const {
  size_t bytes = 0;
  for (const auto& tensor : pool_) bytes += tensor->q.size() * sizeof(int16_t);
  return bytes;
}

void Run::store_gradient(size_t parameter, const int64_t* sums, int exponent) {
  store_gradient(parameter, 0, sums, graph_.parameters()[parameter].count, exponent);
}

void Run::store_gradient(
    size_t parameter, size_t first, const int64_t* sums, size_t count, int exponent) {
  scale_sums(sums, count, exponent, gradient(parameter) + first);
}

void Run::scale_sums(const int64_t* sums, size_t count, int exponent, float* gradient) const {
  maps_.scale_sums(sums, count, pow2(exponent), static_cast<double>(images_), gradient);
}

Tensor& Run::make_operand_gradient(ValueId id) {
  operand_gradients_[id] = &lend(capacity_count(id));
  return *operand_gradients_[id];
}

Tensor& Run::turn_into_operand_gradient(Tensor& joined, ValueId id) {
  std::erase(used_up_, &joined);
  return *(operand_gradients_[id] = &joined);
}

const Tensor& Run::take_operand_gradient(ValueId id) {
  GINN_CHECK(operand_gradients_[id] != nullptr);
  const Tensor* tensor = std::exchange(operand_gradients_[id], nullptr);
  used_up_.push_back(tensor);
  return *tensor;
}

void Run::send(ValueId to, Tensor& gradient) {
  std::erase(used_up_, &gradient);
  if (graph_.values()[to].needs_gradient) {
    inbox_[to].push_back({current_, &gradient});
  } else {
    used_up_.push_back(&gradient);
  }
}

Result<Tensor*> Run::join(ValueId id) {
  auto& inbox = inbox_[id];
  GINN_CHECK(!inbox.empty() && inbox.size() <= kMostReaders);
  for (const Sent& sent : inbox) used_up_.push_back(sent.gradient);
  if (inbox.size() == 1) return std::exchange(inbox, {})[0].gradient;
  std::sort(inbox.begin(), inbox.end(), [](const Sent& a, const Sent& b) {
    return a.operation < b.operation;
  });
  float bound = 0.0f;
  const size_t n = count(id);
  const int16_t* sources[kMostReaders];
  for (size_t i = 0; i < inbox.size(); ++i) {
    const Tensor& d = *inbox[i].gradient;
    sources[i] = d.q.data();
    const float m = static_cast<float>(maps_.maxabs_i16(d.q.data(), n)) * pow2f(d.exponent);
    bound = i == 0 ? m : bound + m;
  }
  const auto exponent = fit16(bound);
  if (!exponent) return not_finite(graph_.operations()[current_]->name(), "its output's gradient");
  float scales[kMostReaders];
  for (size_t i = 0; i < inbox.size(); ++i) {
    scales[i] = pow2f(inbox[i].gradient->exponent - *exponent);
  }
  Tensor& joined = lend(capacity_count(id));
  used_up_.push_back(&joined);
  joined.exponent = *exponent;
  maps_.join(sources, scales, static_cast<int>(inbox.size()), n, joined.q.data());
  inbox.clear();
  return &joined;
}

}  // namespace ginn::nn
