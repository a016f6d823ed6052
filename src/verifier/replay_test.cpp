#include "verifier/replay.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>

#include "nn/models.h"
#include "tests/end_to_end/lab.h"

namespace ginn::verifier {
namespace {

const test::Honest& honest() {
  static const test::Honest run = test::honest_run(test::Coverage::kSample);
  return run;
}
const training::Training& training() { return *honest().training; }

Replay replay_of(uint64_t t, uint32_t j, bool lie = false) {
  const auto& weights = honest().weights[t];
  Replay replay{t,
                j,
                std::make_shared<Snapshot>(weights.data(), weights.size()),
                test::decoded(honest(), honest().payloads[honest().index(t, j)])};
  if (lie) replay.received.q[0] = static_cast<int16_t>(replay.received.q[0] == 0 ? 1 : 0);
  return replay;
}

// Records that wait at a gate, and may fail behind it.
class Gate final : public data::RecordSource {
 public:
  explicit Gate(bool open) : open_(open) {}
  const data::DatasetFacts& facts() const override { return honest().records->facts(); }
  Status read(uint64_t index, std::span<uint8_t> out) const override {
    std::unique_lock lock(mutex_);
    ++arrived_;
    changed_.wait(lock, [&] { return open_; });
    if (fail_) return refused("record_mismatch", "");
    return honest().records->read(index, out);
  }
  void open(bool fail = false) {
    std::lock_guard lock(mutex_);
    open_ = true;
    fail_ = fail;
    changed_.notify_all();
  }
  bool somebody_came() const { return arrived_ > 0; }

 private:
  mutable std::atomic<int> arrived_{0};
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  bool open_;
  bool fail_ = false;
};

// Waits for what another thread does, at most some seconds.
bool eventually(const std::function<bool()>& happened) {
  for (int i = 0; i < 2000; ++i) {
    if (happened()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

TEST(ReplayOnce, HonestAndNot) {
  const auto workspace = training().workspace();
  const auto honest_one = replay_once(training(), *honest().records, replay_of(2, 1), *workspace);
  ASSERT_TRUE(honest_one.ok());
  EXPECT_FALSE(honest_one.value().has_value());

  const Replay lie = replay_of(2, 1, true);
  const auto found = replay_once(training(), *honest().records, lie, *workspace);
  ASSERT_TRUE(found.ok() && found.value().has_value());
  const Deviation& deviation = **found;
  EXPECT_EQ(deviation.step, 2u);
  EXPECT_EQ(deviation.microbatch, 1u);
  EXPECT_EQ(deviation.snapshot, lie.snapshot);
  EXPECT_TRUE(*deviation.received == lie.received);
  EXPECT_TRUE(*deviation.expected == replay_of(2, 1).received);
}

TEST(ReplayOnce, AtOtherWeightsItIsADeviation) {
  const auto workspace = training().workspace();
  Replay replay = replay_of(2, 1);
  const auto& weights = honest().weights[3];
  replay.snapshot = std::make_shared<Snapshot>(weights.data(), weights.size());
  const auto found = replay_once(training(), *honest().records, replay, *workspace);
  ASSERT_TRUE(found.ok());
  EXPECT_TRUE(found.value().has_value());
}

TEST(ReplayOnce, AMachineThatDisagreesWithItself) {
  class Flickering final : public data::RecordSource {
   public:
    const data::DatasetFacts& facts() const override { return honest().records->facts(); }
    Status read(uint64_t index, std::span<uint8_t> out) const override {
      const Status status = honest().records->read(index, out);
      out[30] = static_cast<uint8_t>(out[30] + 40 * reads_++);
      return status;
    }
    mutable std::atomic<int> reads_{1};
  };
  const auto workspace = training().workspace();
  const auto found = replay_once(training(), Flickering(), replay_of(2, 1), *workspace);
  ASSERT_FALSE(found.ok());
  EXPECT_STREQ(found.error().code, "replay_unstable");
  EXPECT_EQ(found.error().kind, ErrorClass::kEnvironment);
}

TEST(ReplayQueue, LimitByMemory) {
  EXPECT_EQ(ReplayQueue::limit(training().graph()), 64u);
  const auto large = nn::build_model("mlp", 128, 128, 3, 10);  // 12.6 million: 72 MiB a replay
  ASSERT_TRUE(large.ok());
  EXPECT_EQ(ReplayQueue::limit(*large), 7u);
  const auto small = nn::build_model("mlp", 64, 64, 3, 10);  // 3.2 million: 18 MiB
  ASSERT_TRUE(small.ok());
  EXPECT_EQ(ReplayQueue::limit(*small), 28u);
}

TEST(ReplayQueue, BlocksAtItsLimitAndDropsNothing) {
  Gate gate(false);
  ReplayQueue queue(training(), gate, 1);
  const size_t limit = ReplayQueue::limit(training().graph());
  const size_t total = limit + 20;
  std::atomic<size_t> pushed{0};
  auto pusher = std::async(std::launch::async, [&] {
    for (size_t i = 0; i < total; ++i) {
      queue.push(replay_of(i % 8, i % 2));
      ++pushed;
    }
  });
  // One is being computed, `limit` wait, the next one is held back.
  ASSERT_TRUE(eventually([&] { return pushed == limit + 1; }));
  EXPECT_EQ(pusher.wait_for(std::chrono::milliseconds(100)), std::future_status::timeout);
  EXPECT_EQ(pushed, limit + 1);
  EXPECT_EQ(queue.queued(), limit + 1);
  EXPECT_EQ(queue.done(), 0u);
  gate.open();
  pusher.get();
  queue.drain();
  EXPECT_EQ(queue.done(), total);
  EXPECT_EQ(queue.queued(), 0u);
  EXPECT_FALSE(queue.failed());
  EXPECT_FALSE(queue.deviation().has_value());
  EXPECT_FALSE(queue.error().has_value());
}

// Pushes on a thread of its own until the queue holds it back.
std::future<void> blocked_push(ReplayQueue& queue, bool first_lies) {
  const size_t limit = ReplayQueue::limit(training().graph());
  auto pusher = std::async(std::launch::async, [&queue, limit, first_lies] {
    for (size_t i = 0; i < limit + 5; ++i) queue.push(replay_of(i % 8, 0, first_lies && i == 0));
  });
  EXPECT_TRUE(eventually([&] { return queue.queued() == limit + 1; }));
  return pusher;
}

TEST(ReplayQueue, ADeviationFreesABlockedPush) {
  Gate gate(false);
  ReplayQueue queue(training(), gate, 1);
  auto pusher = blocked_push(queue, true);
  gate.open();
  pusher.get();
  queue.drain();
  EXPECT_TRUE(queue.failed());
  ASSERT_TRUE(queue.deviation().has_value());
  EXPECT_EQ(queue.deviation()->step, 0u);
  EXPECT_FALSE(queue.error().has_value());
  EXPECT_EQ(queue.done(), 1u) << "nothing is computed after it";
}

TEST(ReplayQueue, AnErrorFreesABlockedPush) {
  Gate gate(false);
  ReplayQueue queue(training(), gate, 2);
  auto pusher = std::async(std::launch::async, [&] {
    for (size_t i = 0; i < 100; ++i) queue.push(replay_of(i % 8, 0));
  });
  ASSERT_TRUE(
      eventually([&] { return queue.queued() == ReplayQueue::limit(training().graph()) + 2; }));
  gate.open(true);
  pusher.get();
  queue.drain();
  EXPECT_TRUE(queue.failed());
  ASSERT_TRUE(queue.error().has_value());
  EXPECT_STREQ(queue.error()->code, "record_mismatch");
  EXPECT_FALSE(queue.deviation().has_value());
}

TEST(ReplayQueue, ExhaustedMemoryIsAnError) {
  class Exhausted final : public data::RecordSource {
   public:
    const data::DatasetFacts& facts() const override { return honest().records->facts(); }
    Status read(uint64_t, std::span<uint8_t>) const override { throw std::bad_alloc(); }
  };
  const Exhausted records;
  ReplayQueue queue(training(), records, 2);
  for (uint32_t i = 0; i < 8; ++i) queue.push(replay_of(i, 0));
  queue.drain();
  ASSERT_TRUE(queue.error().has_value());
  EXPECT_STREQ(queue.error()->code, "out_of_memory");
  EXPECT_EQ(queue.error()->kind, ErrorClass::kEnvironment);
  EXPECT_TRUE(queue.failed());
}

TEST(ReplayQueue, StopFreesABlockedPush) {
  Gate gate(false);
  ReplayQueue queue(training(), gate, 1);
  auto pusher = blocked_push(queue, false);
  queue.stop();
  pusher.get();
  queue.drain();
  EXPECT_FALSE(queue.failed());
  gate.open();  // the one that runs may end
  EXPECT_TRUE(eventually([&] { return queue.done() == 1; }));
  queue.push(replay_of(0, 0));
  EXPECT_EQ(queue.done(), 1u) << "none is started after stop()";
}

TEST(ReplayQueue, DrainOfAnEmptyQueueReturns) {
  Gate gate(true);
  ReplayQueue queue(training(), gate, 3);
  queue.drain();
  EXPECT_EQ(queue.done(), 0u);
}

TEST(ReplayQueue, DrainWaitsForTheOneThatRuns) {
  Gate gate(false);
  ReplayQueue queue(training(), gate, 1);
  queue.push(replay_of(0, 0));
  ASSERT_TRUE(eventually([&] { return gate.somebody_came(); }));
  auto drained = std::async(std::launch::async, [&] { queue.drain(); });
  EXPECT_EQ(drained.wait_for(std::chrono::milliseconds(100)), std::future_status::timeout);
  gate.open();
  drained.get();
  EXPECT_EQ(queue.done(), 1u);
}

TEST(ReplayQueue, SettledUpToTheFirstThatIsOpen) {
  Gate gate(false);
  ReplayQueue queue(training(), gate, 1);
  EXPECT_TRUE(queue.settled(0));
  EXPECT_TRUE(queue.settled(16));
  queue.push(replay_of(1, 0));  // number 2 of the run
  queue.push(replay_of(3, 1));
  EXPECT_TRUE(queue.settled(2));
  EXPECT_FALSE(queue.settled(3));
  EXPECT_FALSE(queue.settled(16));
  gate.open();
  queue.drain();
  EXPECT_TRUE(queue.settled(16));
}

TEST(ReplayQueue, NothingIsSettledAfterAFailure) {
  Gate open(true);
  ReplayQueue lied_to(training(), open, 1);
  lied_to.push(replay_of(0, 0, true));
  lied_to.drain();
  ASSERT_TRUE(lied_to.deviation().has_value());
  EXPECT_FALSE(lied_to.settled(0));
  EXPECT_FALSE(lied_to.settled(16));
  Gate failing(false);
  ReplayQueue harmed(training(), failing, 1);
  harmed.push(replay_of(0, 0));
  failing.open(true);
  harmed.drain();
  ASSERT_TRUE(harmed.error().has_value());
  EXPECT_FALSE(harmed.settled(16));
}

TEST(ReplayQueue, ManyThreadsShareASnapshot) {
  ReplayQueue queue(training(), *honest().records, 4);
  const auto& weights = honest().weights[3];
  const auto snapshot = std::make_shared<Snapshot>(weights.data(), weights.size());
  for (size_t i = 0; i < 40; ++i) {
    Replay replay = replay_of(3, i % 2);
    replay.snapshot = snapshot;
    queue.push(std::move(replay));
  }
  queue.drain();
  EXPECT_FALSE(queue.failed());
  EXPECT_EQ(queue.done(), 40u);
}

}  // namespace
}  // namespace ginn::verifier
