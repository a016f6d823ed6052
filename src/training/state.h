#pragma once

#include <functional>
#include <memory>

#include "base/thread_pool.h"
#include "crypto/merkle.h"
#include "job/job.h"
#include "training/grid_sum.h"

namespace ginn::training {

class Training;

// Learning rate of step `step` (docs/arithmetic.md, section 9).
float learning_rate(const job::Job& job, uint64_t step);

// Gives the sum of a step's contributions, on the grid of 2^-40, of elements [first, first + count)
// of a parameter. Called by any thread, once for each element.
using SumSource = std::function<void(size_t parameter, size_t first, size_t count, int64_t* out)>;

// Weights, velocities and the running sum of a step: what the trusted side owns.
class State {
 public:
  // The job's initial weights. `training` outlives this.
  explicit State(const Training& training);
  // The same for a job that names no weights: those of its seed.
  State(const nn::Graph& graph, const job::Job& job);

  uint64_t step() const { return step_; }          // steps applied so far
  uint32_t taken() const { return sum_.taken(); }  // contributions of the current step so far
  const float* weights() const { return values_.data(); }
  size_t parameter_count() const { return graph_.parameter_count(); }

  // Contribution number taken() of the current step: where it is put together, and taken then ...
  Contribution& incoming() { return sum_.incoming(); }
  void add(const device::MapKernels& maps) { sum_.add(maps); }
  // ... or copied from elsewhere and taken.
  void add(const device::MapKernels& maps, const Contribution& contribution);
  // After all of a step's contributions: the optimiser. Code "not_finite", naming the tensor.
  Status apply(const device::MapKernels& maps);
  // The same for one who sums elsewhere and adds nothing here.
  Status apply(const device::MapKernels& maps, const SumSource& sums, ThreadPool& pool);
  // Section 11.
  crypto::Digest digest() const;

  // Weights, then velocities, as of the end of the last step.
  ByteView values() const {
    return {reinterpret_cast<const uint8_t*>(values_.data()), values_.size() * sizeof(float)};
  }
  // Of a step that has begun: the sum of what was taken, in int64.
  Bytes sums(const device::MapKernels& maps) const { return sum_.saved(maps); }
  // Puts back what was saved; `sums` is empty when `taken` is 0. Code "state_form" when a size or a
  // number is not one of this job's.
  Status restore(uint64_t step, uint32_t taken, ByteView values, ByteView sums);

 private:
  Status apply(const device::MapKernels& maps, const SumSource& sums, ThreadPool* pool);
  device::SgdConstants constants(const nn::Parameter& parameter) const;

  const nn::Graph& graph_;
  const job::Job& job_;
  device::Buffer<float> values_;  // all w, then all v
  GridSum sum_;
  uint64_t step_ = 0;
};

}  // namespace ginn::training
