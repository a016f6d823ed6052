#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "verifier/intake.h"

namespace ginn::verifier {

// A contribution that is not what its microbatch gives: what a third party needs to see it.
struct Deviation {
  uint64_t step = 0;
  uint32_t microbatch = 0;
  std::shared_ptr<const Snapshot> snapshot;
  std::shared_ptr<const training::Contribution> received;
  std::shared_ptr<const training::Contribution> expected;
};

// Computes one picked contribution again, from its own read of the records. Returns the deviation,
// if there is one: computed twice before it counts. Codes: Training::contribution's;
// "replay_unstable" when the two computations differ (faulty hardware).
Result<std::optional<Deviation>> replay_once(const training::Training& training,
                                             const data::RecordSource& records,
                                             const Replay& replay,
                                             training::Workspace& workspace);

// A bounded queue of replays and the threads that do them, behind the training. Without threads of
// its own (a simulation) `turn` is called wherever it would wait, and calls run_one().
class ReplayQueue {
 public:
  // The most replays that wait: memory is limit * (snapshot + contribution), at most 512 MiB or 2.
  static size_t limit(const nn::Graph& graph);

  ReplayQueue(const training::Training& training,
              const data::RecordSource& records,
              size_t threads,
              std::function<void()> turn = nullptr);
  ~ReplayQueue();

  // Blocks while the queue is at its limit; drops nothing. Returns at once when the run has failed.
  void push(Replay replay);
  // Waits until every replay is done, or the run has failed.
  void drain();
  // Does one waiting replay on the caller's thread; false when none waits.
  bool run_one();
  // After this no replay is started; for a run that ends early.
  void stop();

  bool failed() const;
  // Whether every replay of a contribution before number `index` (of the run) is done, and equal.
  bool settled(uint64_t index) const;
  // The first failure: a deviation, or an error of a replay that could not be finished; also
  // caught()'s "out_of_memory" and "failed".
  std::optional<Deviation> deviation() const;
  std::optional<Error> error() const;
  uint64_t pushed() const;
  uint64_t done() const;
  uint64_t queued() const;  // waiting or being computed

 private:
  void run();
  void compute_first(std::unique_lock<std::mutex>& lock,
                     std::unique_ptr<training::Workspace>& workspace);
  void wait(std::unique_lock<std::mutex>& lock, const std::function<bool()>& ready);
  uint64_t index(const Replay& replay) const;
  void end_threads();

  const training::Training& training_;
  const data::RecordSource& records_;
  const size_t limit_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Replay> waiting_;
  std::multiset<uint64_t> open_;  // contributions whose replays wait or are being computed
  uint64_t pushed_ = 0;
  uint64_t done_ = 0;
  bool stop_ = false;
  std::optional<Deviation> deviation_;
  std::optional<Error> error_;
  const std::function<void()> turn_;
  std::unique_ptr<training::Workspace> workspace_;  // of run_one
  std::vector<std::thread> threads_;
};

}  // namespace ginn::verifier
