#include "verifier/replay.h"

#include <algorithm>

#include "base/caught.h"
#include "base/text.h"

namespace ginn::verifier {

Result<std::optional<Deviation>> replay_once(const training::Training& training,
                                             const data::RecordSource& records,
                                             const Replay& replay,
                                             training::Workspace& workspace) {
  GINN_ASSIGN(const nn::StepWeights* weights, replay.snapshot->packed(training));
  auto first = std::make_shared<training::Contribution>(training.graph());
  GINN_TRY(
      training.contribution(records, *weights, replay.step, replay.microbatch, workspace, *first));
  if (*first == replay.received) return std::optional<Deviation>();

  // An accusation is computed twice, the second time with freshly packed weights.
  GINN_ASSIGN(const nn::StepWeights fresh, training.prepare(replay.snapshot->weights()));
  training::Contribution second(training.graph());
  GINN_TRY(
      training.contribution(records, fresh, replay.step, replay.microbatch, workspace, second));
  if (!(*first == second)) {
    return environment_error(
        "replay_unstable",
        concat("(step ",
               replay.step,
               ", microbatch ",
               replay.microbatch,
               "): two computations on this machine differ; its hardware cannot be trusted"));
  }
  auto received = std::make_shared<training::Contribution>(training.graph());
  received->exponents = replay.received.exponents;
  std::copy_n(replay.received.q.data(), replay.received.q.size(), received->q.data());
  return std::optional<Deviation>(
      Deviation{replay.step, replay.microbatch, replay.snapshot, std::move(received), first});
}

size_t ReplayQueue::limit(const nn::Graph& graph) {
  constexpr size_t kBytes = size_t{512} << 20;
  const size_t each = graph.parameter_count() * (sizeof(float) + sizeof(int16_t));
  return std::clamp<size_t>(kBytes / std::max<size_t>(each, 1), 2, 64);
}

ReplayQueue::ReplayQueue(const training::Training& training,
                         const data::RecordSource& records,
                         size_t threads,
                         std::function<void()> turn)
    : training_(training),
      records_(records),
      limit_(limit(training.graph())),
      turn_(std::move(turn)) {
  GINN_CHECK((threads == 0) == (turn_ != nullptr));
  try {
    for (size_t i = 0; i < threads; ++i) {
      threads_.emplace_back([this] { run(); });
    }
  } catch (...) {  // no thread can be started: those that were must not outlive the queue
    end_threads();
    throw;
  }
}

ReplayQueue::~ReplayQueue() { end_threads(); }

void ReplayQueue::end_threads() {
  stop();
  for (std::thread& thread : threads_) thread.join();
}

uint64_t ReplayQueue::index(const Replay& replay) const {
  return replay.step * training_.job().microbatches() + replay.microbatch;
}

void ReplayQueue::wait(std::unique_lock<std::mutex>& lock, const std::function<bool()>& ready) {
  if (turn_ == nullptr) return changed_.wait(lock, ready);
  while (!ready()) {
    lock.unlock();
    turn_();
    lock.lock();
  }
}

void ReplayQueue::push(Replay replay) {
  std::unique_lock lock(mutex_);
  wait(lock, [&] { return waiting_.size() < limit_ || deviation_ || error_ || stop_; });
  if (deviation_ || error_ || stop_) return;
  open_.insert(index(replay));
  ++pushed_;
  waiting_.push_back(std::move(replay));
  changed_.notify_all();
}

void ReplayQueue::drain() {
  std::unique_lock lock(mutex_);
  wait(lock, [&] { return open_.empty() || deviation_ || error_ || stop_; });
}

bool ReplayQueue::settled(uint64_t index) const {
  std::lock_guard lock(mutex_);
  return !deviation_ && !error_ && (open_.empty() || *open_.begin() >= index);
}

uint64_t ReplayQueue::pushed() const {
  std::lock_guard lock(mutex_);
  return pushed_;
}

void ReplayQueue::stop() {
  std::lock_guard lock(mutex_);
  stop_ = true;
  changed_.notify_all();
}

bool ReplayQueue::failed() const {
  std::lock_guard lock(mutex_);
  return deviation_.has_value() || error_.has_value();
}

std::optional<Deviation> ReplayQueue::deviation() const {
  std::lock_guard lock(mutex_);
  return deviation_;
}

std::optional<Error> ReplayQueue::error() const {
  std::lock_guard lock(mutex_);
  return error_;
}

uint64_t ReplayQueue::done() const {
  std::lock_guard lock(mutex_);
  return done_;
}

uint64_t ReplayQueue::queued() const {
  std::lock_guard lock(mutex_);
  return open_.size();
}

void ReplayQueue::run() {
  check_float_environment();
  std::unique_ptr<training::Workspace> workspace;
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stop_ || deviation_ || error_ || !waiting_.empty(); });
    if (stop_ || deviation_ || error_) return;
    compute_first(lock, workspace);
  }
}

bool ReplayQueue::run_one() {
  std::unique_lock lock(mutex_);
  if (stop_ || deviation_ || error_ || waiting_.empty()) return false;
  compute_first(lock, workspace_);
  return true;
}

void ReplayQueue::compute_first(std::unique_lock<std::mutex>& lock,
                                std::unique_ptr<training::Workspace>& workspace) {
  const Replay replay = std::move(waiting_.front());
  waiting_.pop_front();
  changed_.notify_all();
  lock.unlock();
  auto outcome = caught([&]() -> Result<std::optional<Deviation>> {
    if (workspace == nullptr) workspace = training_.workspace();
    return replay_once(training_, records_, replay, *workspace);
  });
  lock.lock();
  ++done_;
  if (!outcome.ok()) {
    if (!error_) error_ = outcome.error();
  } else if (outcome.value().has_value() && !deviation_) {
    deviation_ = std::move(outcome.value());
  }
  open_.erase(open_.find(index(replay)));
  changed_.notify_all();
}

}  // namespace ginn::verifier
