#pragma once

#include <functional>

#include "training/training.h"

namespace ginn::worker {

// What a worker says about a step. Claimed: nobody has checked it.
struct StepReport {
  uint64_t step = 0;            // 0-based
  double claimed_loss = 0;      // mean over the batch
  double claimed_accuracy = 0;  // 0 to 1, on the training batch
  float learning_rate = 0;
};

struct Hooks {
  // Every contribution in order, before it is added; may change it (an attacker does).
  std::function<Status(uint64_t t, uint32_t j, training::Contribution&)> contribution;
  // After the optimiser: the state is that of the step's end.
  std::function<Status(const StepReport&, const training::State&)> step;
  // At the start of a step, before its first contribution. The weights live until the step's end.
  std::function<void(uint64_t t, const nn::StepWeights&)> weights = {};
};

// Where a run goes on: the state at the start of a step, and the first of that step's contributions
// that is still wanted (the step's others are computed again, for the sum).
struct Start {
  std::unique_ptr<training::State> state;  // null: from the job's seed
  uint32_t microbatch = 0;
};

// How many of a step's contributions are kept while they are handed over: all of them where they
// are small, so that no thread waits for the others, else one a thread.
size_t computed_at_once(const training::Training& training, size_t threads);

// Trains the job to its end on `pool`, microbatches side by side. Both baselines and the honest
// worker are this loop with different hooks. Returns the final state. Codes: those of the hooks,
// Training::contribution, State::apply.
Result<std::unique_ptr<training::State>> train(const training::Training& training,
                                               const data::RecordSource& records,
                                               ThreadPool& pool,
                                               const Hooks& hooks,
                                               Start start = {});

}  // namespace ginn::worker
