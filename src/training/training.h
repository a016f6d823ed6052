#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/thread_pool.h"
#include "job/job.h"
#include "nn/models.h"
#include "nn/run.h"
#include "training/contribution.h"
#include "training/start.h"
#include "training/state.h"

namespace ginn::training {

// What one thread needs to compute contributions.
struct Workspace {
  nn::Run run;
  Clip clip;
  std::vector<uint8_t> record, image;
  std::vector<uint32_t> labels;
};

// Running statistics of all batch norms, channels in order.
struct RunningStatistics {
  std::vector<float> mean, var;
};

struct Evaluation {
  uint64_t images = 0;
  uint64_t correct = 0;
  double loss = 0;  // mean
};

// A job's functions: what a step IS. The honest worker, the verifier's replays and both baselines
// call these and nothing else. Immutable, shared by threads.
class Training {
 public:
  // `weights` reads the file that the job starts from; without it a job that names one has no start
  // (State's), but everything else. Codes: build_model's, start_parameters's.
  static Result<std::unique_ptr<Training>> create(const job::Job& job,
                                                  device::Level level,
                                                  const WeightsReader& weights = nullptr);
  // The job with another network than the one it names: for tests of operations.
  static Result<std::unique_ptr<Training>> create(const job::Job& job,
                                                  nn::Graph graph,
                                                  device::Level level,
                                                  const WeightsReader& weights = nullptr);

  const job::Job& job() const { return job_; }
  const nn::Graph& graph() const { return graph_; }
  const device::MapKernels& maps() const { return device::map_kernels(level_); }
  device::Level level() const { return level_; }

  // The parameters before the first step: of the seed, or of the job's weights.
  void copy_start(float* parameters) const;

  std::unique_ptr<Workspace> workspace() const;

  // As contribution(), in pieces: computes and measures the gradient ...
  Status gradient(const data::RecordSource& records,
                  const nn::StepWeights& weights,
                  uint64_t t,
                  uint32_t j,
                  Workspace& workspace) const;
  // ... then makes one parameter's part of the contribution, whose exponent is workspace.clip's.
  static void quantise(Workspace& workspace, size_t parameter, const TakeIntegers& take);
  // The contribution of microbatch j of step t at the weights `weights`: F(job, t, j, W_t). Reads
  // its own records. Codes: RecordSource's, "not_finite".
  Status contribution(const data::RecordSource& records,
                      const nn::StepWeights& weights,
                      uint64_t t,
                      uint32_t j,
                      Workspace& workspace,
                      Contribution& out) const;
  Result<nn::StepWeights> prepare(const float* parameters) const {
    return nn::prepare(graph_, level_, parameters);
  }
  // Into the memory of another step's.
  Status prepare(const float* parameters,
                 nn::StepWeights& weights,
                 ThreadPool* pool = nullptr) const {
    return nn::prepare(graph_, level_, parameters, weights, pool);
  }
  // Records of microbatch j of step t, in order.
  std::vector<uint64_t> record_indices(uint64_t t, uint32_t j) const;

  // Section 10: statistics of the final weights on the job's sample.
  Result<RunningStatistics> running_statistics(const data::RecordSource& records,
                                               const float* parameters,
                                               ThreadPool& pool) const;
  // Names and shapes as torchvision's; safetensors.
  Bytes model_file(const float* parameters, const RunningStatistics& statistics) const;

  Result<Evaluation> evaluate(const data::RecordSource& records,
                              const float* parameters,
                              const RunningStatistics& statistics,
                              ThreadPool& pool) const;

 private:
  Training(const job::Job& job, nn::Graph graph, device::Level level);
  // Reads, prepares and quantises image number `slot` of a workspace's microbatch.
  Status load(const data::RecordSource& records,
              uint64_t record,
              const data::Augmentation& augmentation,
              size_t slot,
              Workspace& workspace) const;

  job::Job job_;
  nn::Graph graph_;
  device::Level level_;
  data::BatchOrder order_;
  std::vector<int16_t> table_;  // [channels][256]: byte to operand
  int table_exponent_ = 0;
  std::vector<float> start_;  // of a job that names weights, once they are read
};

// Parameters and statistics of a model file of this network. Codes: parse_safetensors's,
// "model_tensor" naming the tensor.
struct LoadedModel {
  std::vector<float> parameters;
  RunningStatistics statistics;
};
Result<LoadedModel> load_model(const nn::Graph& graph, ByteView file);

}  // namespace ginn::training
