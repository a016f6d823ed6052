#include "worker/loop.h"

#include <algorithm>

#include "worker/step_sum.h"

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
        sum_(training.graph(), training.maps(), training.job().microbatches()),
        workspaces_(pool.size()),
        microbatches_(training.job().microbatches()) {
    if (state_ == nullptr) {
      state_ = std::make_unique<training::State>(training);
    }
    if (!hooks_.contribution) return;
    for (size_t i = computed_at_once(training, pool.size()); i > 0; --i) {
      contributions_.emplace_back(training.graph());
    }
  }

  Result<std::unique_ptr<training::State>> run() {
    for (uint64_t t = state_->step(); t < training_.job().steps; ++t) {
      GINN_TRY(training_.prepare(state_->weights(), weights_, &pool_));
      if (hooks_.weights) hooks_.weights(t, weights_);
      GINN_TRY(hooks_.contribution ? hand_over(t) : compute(t));
      GINN_TRY(apply(t));
      first_wanted_ = 0;
    }
    return std::move(state_);
  }

 private:
  struct Microbatch {
    Status outcome = ok_status();
    int64_t loss = 0;
    uint32_t correct = 0;
  };

  // Calls body(j, workspace) for microbatches [first, first + count), side by side.
  template <typename Body>
  Status for_microbatches(uint32_t first, size_t count, const Body& body) {
    pool_.parallel_for(count, [&](size_t i, size_t thread) {
      if (!workspaces_[thread]) workspaces_[thread] = training_.workspace();
      const auto j = first + static_cast<uint32_t>(i);
      training::Workspace& workspace = *workspaces_[thread];
      microbatches_[j] = {body(j, workspace), workspace.run.loss_sum(), workspace.run.correct()};
    });
    for (size_t i = 0; i < count; ++i) GINN_TRY(microbatches_[first + i].outcome);
    return ok_status();
  }

  // Nobody wants to see the contributions: they are summed as they come into being.
  Status compute(uint64_t t) {
    const auto body = [&](uint32_t j, training::Workspace& workspace) -> Status {
      GINN_TRY(training_.gradient(records_, weights_, t, j, workspace));
      const auto& parameters = training_.graph().parameters();
      for (size_t p = 0; p < parameters.size(); ++p) {
        if (parameters[p].frozen) continue;
        const int exponent = workspace.clip.exponent(p);
        training::Training::quantise(
            workspace, p, [&](size_t first, const int16_t* q, size_t count) {
              sum_.add(p, first, q, count, exponent);
            });
      }
      return ok_status();
    };
    return for_microbatches(0, microbatches_.size(), body);
  }

  Status hand_over(uint64_t t) {
    const auto all = static_cast<uint32_t>(microbatches_.size());
    for (uint32_t first = 0; first < all;) {
      const auto count = std::min(all - first, static_cast<uint32_t>(contributions_.size()));
      GINN_TRY(for_microbatches(first, count, [&](uint32_t j, training::Workspace& workspace) {
        return training_.contribution(
            records_, weights_, t, j, workspace, contributions_[j - first]);
      }));
      for (uint32_t i = 0; i < count; ++i) {
        const uint32_t j = first + i;
        if (j >= first_wanted_) GINN_TRY(hooks_.contribution(t, j, contributions_[i]));
        sum_.add(contributions_[i]);
      }
      first += count;
    }
    return ok_status();
  }

  Status apply(uint64_t t) {
    StepReport report;
    report.step = t;
    report.learning_rate = training::learning_rate(training_.job(), t);
    for (const Microbatch& microbatch : microbatches_) {
      report.claimed_loss += static_cast<double>(microbatch.loss) * kLossUnit;
      report.claimed_accuracy += microbatch.correct;
    }
    report.claimed_loss /= training_.job().batch;
    report.claimed_accuracy /= training_.job().batch;
    const auto take = [&](size_t parameter, size_t first, size_t count, int64_t* out) {
      sum_.take(parameter, first, count, out);
    };
    GINN_TRY(state_->apply(training_.maps(), take, pool_));
    sum_.clear();
    return hooks_.step ? hooks_.step(report, *state_) : ok_status();
  }

  const training::Training& training_;
  const data::RecordSource& records_;
  ThreadPool& pool_;
  const Hooks& hooks_;
  std::unique_ptr<training::State> state_;
  uint32_t first_wanted_;  // of the current step
  StepSum sum_;
  nn::StepWeights weights_;
  std::vector<std::unique_ptr<training::Workspace>> workspaces_;
  std::vector<Microbatch> microbatches_;               // of the current step
  std::vector<training::Contribution> contributions_;  // those under way to be handed over
};

}  // namespace

size_t computed_at_once(const training::Training& training, size_t threads) {
  constexpr size_t kSmallBytes = size_t{64} << 20;  // of a step
  const size_t all = training.job().microbatches();
  const bool small = all * training::encoded_size(training.graph()) <= kSmallBytes;
  return small ? all : std::min(all, threads);
}

Result<std::unique_ptr<training::State>> train(const training::Training& training,
                                               const data::RecordSource& records,
                                               ThreadPool& pool,
                                               const Hooks& hooks,
                                               Start start) {
  return Loop(training, records, pool, hooks, std::move(start)).run();
}

}  // namespace ginn::worker
