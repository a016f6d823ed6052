#include "training/training.h"

#include <atomic>
#include <cstring>
#include <mutex>

#include "arithmetic/format.h"
#include "base/text.h"
#include "job/selection.h"

namespace ginn::training {
namespace {

// The first error of a parallel loop by index, so that what is reported does not depend on threads.
class FirstError {
 public:
  void note(size_t index, Status status) {
    if (status.ok()) return;
    std::lock_guard lock(mutex_);
    if (index < index_) {
      index_ = index;
      error_ = status.error();
    }
  }
  Status status() const {
    if (index_ == ~size_t{0}) return ok_status();
    return error_;
  }

 private:
  std::mutex mutex_;
  size_t index_ = ~size_t{0};
  Error error_;
};

GradientSource source_of(nn::Run& run) {
  return
      [&run](size_t parameter, const nn::TakeGradient& take) { run.gradient_of(parameter, take); };
}

}  // namespace

Result<std::unique_ptr<Training>> Training::create(const job::Job& job,
                                                   device::Level level,
                                                   const WeightsReader& weights) {
  GINN_ASSIGN(
      nn::Graph graph,
      nn::build_model(
          job.model, job.input_height(), job.input_width(), job.data.channels, job.data.classes));
  return create(job, std::move(graph), level, weights);
}

Result<std::unique_ptr<Training>> Training::create(const job::Job& job,
                                                   nn::Graph graph,
                                                   device::Level level,
                                                   const WeightsReader& weights) {
  const job::Selection selected = job::select(job, graph);
  graph.set_training(selected.frozen, selected.rate_scales);
  graph.set_operands(job.operands());
  auto training = std::unique_ptr<Training>(new Training(job, std::move(graph), level));
  // Section 5, "input".
  const size_t channels = job.data.channels;
  std::vector<float> values(channels * 256);
  float largest = 0.0f;
  for (size_t c = 0; c < channels; ++c) {
    for (size_t u = 0; u < 256; ++u) {
      const float v = (static_cast<float>(u) / 255.0f - static_cast<float>(job.mean[c])) /
                      static_cast<float>(job.std[c]);
      values[c * 256 + u] = v;
      largest = max_magnitude(largest, v);
    }
  }
  const auto exponent = fit_operand(largest, job.operands());
  if (!exponent) {
    return input_error("job_invalid", "data.mean and data.std: normalised pixels are out of range");
  }
  training->table_exponent_ = *exponent;
  const int32_t most = operand_max(job.operands());
  for (float v : values) training->table_.push_back(quant(v * pow2f(-*exponent), most));
  if (job.weights && weights) {
    GINN_ASSIGN(training->start_, start_parameters(training->graph_, job, selected.fresh, weights));
  }
  return training;
}

Training::Training(const job::Job& job, nn::Graph graph, device::Level level)
    : job_(job),
      graph_(std::move(graph)),
      level_(level),
      order_(job.seed, job.data.records, job.batch, job.last_batch) {}

void Training::copy_start(float* parameters) const {
  if (!job_.weights) return nn::initialise(graph_, job_.seed, parameters);
  GINN_CHECK(!start_.empty());
  std::memcpy(parameters, start_.data(), start_.size() * sizeof(float));
}

std::unique_ptr<Workspace> Training::workspace() const {
  return std::make_unique<Workspace>(
      Workspace{nn::Run(graph_, level_, job_.microbatch, static_cast<float>(job_.label_smoothing)),
                Clip(graph_, maps()),
                std::vector<uint8_t>(job_.data.record_bytes()),
                std::vector<uint8_t>(graph_.input().count()),
                {}});
}

Status Training::load(const data::RecordSource& records,
                      uint64_t record,
                      const data::Augmentation& augmentation,
                      size_t slot,
                      Workspace& workspace) const {
  GINN_TRY(records.read(record, workspace.record));
  const uint32_t label = data::prepare_image(
      job_.data, job_.preprocess, augmentation, workspace.record, workspace.image);
  if (label >= graph_.classes()) {
    return input_error(
        "label_range",
        concat("record ", record, ": label ", label, " is not below ", graph_.classes()));
  }
  workspace.labels.push_back(label);
  nn::Tensor& input = workspace.run.input();
  input.exponent = table_exponent_;
  const size_t channels = job_.data.channels;
  const size_t count = workspace.image.size();
  int16_t* out = input.q.data() + slot * count;
  for (size_t c = 0; c < channels; ++c) {
    const int16_t* table = table_.data() + c * 256;
    for (size_t i = c; i < count; i += channels) out[i] = table[workspace.image[i]];
  }
  return ok_status();
}

std::vector<uint64_t> Training::record_indices(uint64_t t, uint32_t j) const {
  std::vector<uint64_t> indices;
  for (uint32_t i = 0; i < job_.microbatch; ++i) {
    indices.push_back(order_.record(t, j * job_.microbatch + i));
  }
  return indices;
}

Status Training::gradient(const data::RecordSource& records,
                          const nn::StepWeights& weights,
                          uint64_t t,
                          uint32_t j,
                          Workspace& workspace) const {
  workspace.labels.clear();
  const std::vector<uint64_t> indices = record_indices(t, j);
  for (uint32_t i = 0; i < job_.microbatch; ++i) {
    const data::Augmentation augmentation =
        data::augmentation(job_.preprocess, job_.seed, t, j * job_.microbatch + i);
    GINN_TRY(load(records, indices[i], augmentation, i, workspace));
  }
  workspace.run.set_place({job_.seed, t, j * job_.microbatch});
  GINN_TRY(workspace.run.forward(weights, nn::Mode::kTrain, workspace.labels));
  GINN_TRY(workspace.run.backward());
  return workspace.clip.measure(source_of(workspace.run), job_.clip_norm);
}

void Training::quantise(Workspace& workspace, size_t parameter, const TakeIntegers& take) {
  workspace.clip.quantise(source_of(workspace.run), parameter, take);
}

Status Training::contribution(const data::RecordSource& records,
                              const nn::StepWeights& weights,
                              uint64_t t,
                              uint32_t j,
                              Workspace& workspace,
                              Contribution& out) const {
  GINN_TRY(gradient(records, weights, t, j, workspace));
  workspace.clip.quantise(source_of(workspace.run), out);
  return ok_status();
}

Result<RunningStatistics> Training::running_statistics(const data::RecordSource& records,
                                                       const float* parameters,
                                                       ThreadPool& pool) const {
  GINN_ASSIGN(const nn::StepWeights weights, prepare(parameters));
  const size_t channels = graph_.batch_norm_channels();
  RunningStatistics statistics{std::vector<float>(channels), std::vector<float>(channels)};
  if (channels == 0) return statistics;
  const size_t microbatches = job_.bn_samples / job_.microbatch;
  // Epoch number `epochs` is the first one that training did not use.
  const data::BatchOrder order(job_.seed, job_.data.records, 1, data::LastBatch::kDrop);
  const uint64_t first = uint64_t{job_.epochs} * job_.data.records;
  std::vector<std::unique_ptr<Workspace>> workspaces(pool.size());
  std::vector<int64_t> means(channels), vars(channels);
  std::mutex mutex;
  FirstError error;
  auto one = [&](size_t b, Workspace& workspace) -> Status {
    workspace.labels.clear();
    for (uint32_t i = 0; i < job_.microbatch; ++i) {
      const uint64_t record = order.record(first + b * job_.microbatch + i, 0);
      GINN_TRY(load(records, record, data::identity_augmentation(job_.preprocess), i, workspace));
    }
    GINN_TRY(workspace.run.forward(weights, nn::Mode::kStatistics, workspace.labels));
    std::lock_guard lock(mutex);
    for (size_t c = 0; c < channels;
         ++c) {  // |value| < 2^51 each, at most 2^12 microbatches a call
      means[c] += workspace.run.batch_means()[c];
      vars[c] += workspace.run.batch_vars()[c];
    }
    return ok_status();
  };
  pool.parallel_for(microbatches, [&](size_t b, size_t thread) {
    if (!workspaces[thread]) workspaces[thread] = workspace();
    error.note(b, one(b, *workspaces[thread]));
  });
  GINN_TRY(error.status());
  for (size_t c = 0; c < channels; ++c) {
    const double count = static_cast<double>(microbatches);
    statistics.mean[c] = static_cast<float>((static_cast<double>(means[c]) * pow2(-32)) / count);
    statistics.var[c] = static_cast<float>((static_cast<double>(vars[c]) * pow2(-32)) / count);
  }
  return statistics;
}

Result<Evaluation> Training::evaluate(const data::RecordSource& records,
                                      const float* parameters,
                                      const RunningStatistics& statistics,
                                      ThreadPool& pool) const {
  const data::DatasetFacts& facts = records.facts();
  if (facts.height != job_.data.height || facts.width != job_.data.width ||
      facts.channels != job_.data.channels || facts.classes > job_.data.classes) {
    return input_error("dataset_shape",
                       concat("the model takes images of ",
                              job_.data.height,
                              " x ",
                              job_.data.width,
                              " x ",
                              job_.data.channels,
                              " in ",
                              job_.data.classes,
                              " classes; this data has ",
                              facts.height,
                              " x ",
                              facts.width,
                              " x ",
                              facts.channels,
                              " in ",
                              facts.classes));
  }
  GINN_ASSIGN(nn::StepWeights weights, prepare(parameters));
  weights.running_mean = statistics.mean.data();
  weights.running_var = statistics.var.data();
  const uint64_t n = job_.microbatch;
  const uint64_t batches = (facts.records + n - 1) / n;
  std::vector<std::unique_ptr<Workspace>> workspaces(pool.size());
  std::atomic<int64_t> loss{0};
  std::atomic<uint64_t> correct{0};
  FirstError error;
  auto one = [&](size_t b, Workspace& workspace) -> Status {
    workspace.labels.clear();
    const uint64_t end = std::min(facts.records, (b + 1) * n);
    for (uint64_t record = b * n; record < end; ++record) {
      GINN_TRY(load(records,
                    record,
                    data::identity_augmentation(job_.preprocess),
                    record - b * n,
                    workspace));
    }
    GINN_TRY(workspace.run.forward(weights, nn::Mode::kEvaluate, workspace.labels));
    loss += workspace.run.loss_sum();
    correct += workspace.run.correct();
    return ok_status();
  };
  pool.parallel_for(batches, [&](size_t b, size_t thread) {
    if (!workspaces[thread]) workspaces[thread] = workspace();
    error.note(b, one(b, *workspaces[thread]));
  });
  GINN_TRY(error.status());
  const double images = static_cast<double>(facts.records);
  return Evaluation{
      facts.records, correct.load(), static_cast<double>(loss.load()) * pow2(-24) / images};
}

}  // namespace ginn::training
