#include "worker/loop.h"

#include <cmath>

namespace ginn::worker {
namespace {

constexpr double kLossUnit = 1.0 / 16777216.0;  // 2^-24

class Loop {
 public:
  Loop(const training::Training& training,
       const data::RecordSource& records,
       ThreadPool& pool,
       const Hooks& hooks,
       Start start)
      : training_(training),
        records_(records),
        pool_(pool),
        hooks_(hooks),
        state_(std::move(start.state)),
        first_wanted_(start.microbatch),
        workspaces_(pool.size()) {
    if (state_ == nullptr) {
      state_ = std::make_unique<training::State>(training);
    }
    for (uint32_t j = 0; j < training.job().microbatches(); ++j) {
      contributions_.emplace_back(training.graph());
      outcomes_.emplace_back(ok_status());
      losses_.push_back(0);
      correct_.push_back(0);
    }
  }

  Result<std::unique_ptr<training::State>> run() {
    for (uint64_t t = state_->step(); t < training_.job().steps; ++t) {
      GINN_ASSIGN(const nn::StepWeights weights, training_.prepare(state_->weights()));
      if (hooks_.weights) hooks_.weights(t, weights);
      GINN_TRY(compute(t, weights));
      GINN_TRY(hand_over(t));
      first_wanted_ = 0;
    }
    return std::move(state_);
  }

 private:
  Status compute(uint64_t t, const nn::StepWeights& weights) {
    pool_.parallel_for(contributions_.size(), [&](size_t j, size_t thread) {
      if (!workspaces_[thread]) workspaces_[thread] = training_.workspace();
      training::Workspace& workspace = *workspaces_[thread];
      outcomes_[j] = training_.contribution(
          records_, weights, t, static_cast<uint32_t>(j), workspace, contributions_[j]);
      losses_[j] = workspace.run.loss_sum();
      correct_[j] = workspace.run.correct();
    });
    for (const Status& outcome : outcomes_) GINN_TRY(outcome);
    return ok_status();
  }

  Status hand_over(uint64_t t) {
    StepReport report;
    report.step = t;
    report.learning_rate = training::learning_rate(training_.job(), t);
    for (uint32_t j = 0; j < contributions_.size(); ++j) {
      const bool wanted = hooks_.contribution && j >= first_wanted_;
      if (wanted) GINN_TRY(hooks_.contribution(t, j, contributions_[j]));
      state_->add(training_.maps(), contributions_[j]);
      report.claimed_loss += static_cast<double>(losses_[j]) * kLossUnit;
      report.claimed_accuracy += correct_[j];
    }
    GINN_TRY(state_->apply(training_.maps()));
    report.claimed_loss /= training_.job().batch;
    report.claimed_accuracy /= training_.job().batch;
    return hooks_.step ? hooks_.step(report, *state_) : ok_status();
  }

  const training::Training& training_;
  const data::RecordSource& records_;
  ThreadPool& pool_;
  const Hooks& hooks_;
  std::unique_ptr<training::State> state_;
  uint32_t first_wanted_;  // of the current step
  std::vector<std::unique_ptr<training::Workspace>> workspaces_;
  std::vector<training::Contribution> contributions_;
  std::vector<Status> outcomes_;
  std::vector<int64_t> losses_;
  std::vector<uint32_t> correct_;
};

}  // namespace

Result<std::unique_ptr<training::State>> train(const training::Training& training,
                                               const data::RecordSource& records,
                                               ThreadPool& pool,
                                               const Hooks& hooks,
                                               Start start) {
  return Loop(training, records, pool, hooks, std::move(start)).run();
}

}  // namespace ginn::worker
