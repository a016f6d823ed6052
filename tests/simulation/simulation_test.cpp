#include <gtest/gtest.h>

#include <array>

#include "base/text.h"
#include "tests/simulation/world.h"

namespace ginn::simulation {
namespace {

struct Sum {
  std::array<uint64_t, static_cast<size_t>(Event::kCount)> counts{};
  uint64_t accepted = 0, rejected = 0, out_of_lives = 0;

  uint64_t operator[](Event event) const { return counts[static_cast<size_t>(event)]; }
};

// How a failing seed is run again, and what happened in it.
std::string story(uint64_t seed, const Ended& ended) {
  return concat(
      "seed ", seed, ": ", ended.violation ? *ended.violation : "", "\n", trace_text(ended));
}

Sum run(uint64_t first, uint64_t seeds, const Settings& settings) {
  Sum sum;
  for (uint64_t seed = first; seed < first + seeds; ++seed) {
    Settings with = settings;
    with.relying_party = seed % 50 == 0;
    const Ended ended = simulate(seed, with);
    EXPECT_FALSE(ended.violation.has_value()) << story(seed, ended);
    if (testing::Test::HasFailure()) break;  // one trace is enough
    sum.accepted += ended.end == End::kAccepted ? 1 : 0;
    sum.rejected += ended.end == End::kRejected ? 1 : 0;
    sum.out_of_lives += ended.end == End::kOutOfLives ? 1 : 0;
    for (size_t i = 0; i < sum.counts.size(); ++i) {
      sum.counts[i] += ended.events.count(static_cast<Event>(i));
    }
  }
  return sum;
}

void expect_all(const Sum& sum, std::initializer_list<Event> events) {
  for (const Event event : events) EXPECT_GT(sum[event], 0u) << event_name(event);
}

TEST(Simulation, EveryFaultAndLie) {
  const Sum sum = run(1, 700, {});
  EXPECT_GT(sum.accepted, 200u);
  EXPECT_GT(sum.rejected, 50u);
  EXPECT_GT(sum.out_of_lives, 20u);
  expect_all(sum, {Event::kResume,        Event::kSuspended,        Event::kCheckpoint,
                   Event::kCrash,         Event::kCrashInWrite,     Event::kTornWrite,
                   Event::kLostWrite,     Event::kDiskFull,         Event::kCounterFailed,
                   Event::kCut,           Event::kHalfOpen,         Event::kFlipped,
                   Event::kFrameLost,     Event::kFrameDuplicated,  Event::kFramesReordered,
                   Event::kAnswerFlipped, Event::kAnswerLost,       Event::kWorkerCrash,
                   Event::kStopRequest,   Event::kRecordUnreadable, Event::kRecordMismatch,
                   Event::kLied,          Event::kFailed,           Event::kReplayed});
}

TEST(Simulation, HonestWorkersAreNeverRejected) {
  const Sum sum = run(10000, 500, {.lie = Lie::kNone});
  EXPECT_EQ(sum.rejected, 0u);
  EXPECT_EQ(sum[Event::kLied], 0u);
  EXPECT_GT(sum.accepted, 250u);
}

TEST(Simulation, NetworkAndStopsAndWorkersCostNoLife) {
  const Sum sum = run(20000, 400, {.lie = Lie::kNone, .machine_faults = false});
  EXPECT_GT(sum[Event::kSuspended], 50u);
  EXPECT_GT(sum[Event::kCut], 20u);
  EXPECT_EQ(sum[Event::kCrash], 0u);
  EXPECT_GT(sum.accepted, 380u) << "but for runs that were stopped before they began";
}

TEST(Simulation, WithoutFaultsEveryHonestRunIsAcceptedAtOnce) {
  const Sum sum = run(30000, 200, {.lie = Lie::kNone, .faults = false});
  EXPECT_EQ(sum.accepted, 200u);
  EXPECT_EQ(sum[Event::kSession], 200u);
  EXPECT_EQ(sum[Event::kResume], 0u);
}

TEST(Simulation, VerifyAllRejectsEveryDeviation) {
  const Sum sum = run(40000, 100, {.kind = Kind::kAll, .lie = Lie::kOneInteger, .faults = false});
  EXPECT_EQ(sum.rejected, 100u);
}

TEST(Simulation, TheQueueFills) {
  const Sum sum = run(50000, 24, {.kind = Kind::kLong, .lie = Lie::kNone, .faults = false});
  EXPECT_EQ(sum.accepted, 24u);
  EXPECT_GT(sum[Event::kQueueFull], 0u);
}

TEST(Simulation, ASeedReplaysExactly) {
  for (uint64_t seed = 60000; seed < 60040; ++seed) {
    const Ended first = simulate(seed);
    const Ended second = simulate(seed);
    EXPECT_EQ(trace_text(first), trace_text(second)) << seed;
    EXPECT_EQ(first.end, second.end) << seed;
  }
  EXPECT_NE(trace_text(simulate(60000)), trace_text(simulate(60001)));
}

// The simulation can fail, and tells an escape from a violation.
TEST(SimulationItself, ACoinThatNeverPicksLetsDeviationsEscape) {
  const Sum sum =
      run(70000,
          60,
          {.kind = Kind::kSample, .lie = Lie::kOneInteger, .never_pick = true, .faults = false});
  EXPECT_EQ(sum.accepted, 60u);
  EXPECT_EQ(sum[Event::kEscaped], 60u);
  const Sum picked =
      run(70000, 60, {.kind = Kind::kSample, .lie = Lie::kOneInteger, .faults = false});
  EXPECT_EQ(picked.accepted, picked[Event::kEscaped]);
  EXPECT_GT(picked.rejected, 20u);
}

TEST(SimulationItself, AnotherModelThanTheJobsIsAViolation) {
  const Ended ended = simulate(
      80000, {.kind = Kind::kSample, .lie = Lie::kNone, .wrong_model = true, .faults = false});
  ASSERT_TRUE(ended.violation.has_value());
  EXPECT_EQ(*ended.violation, "a certificate for other weights than the job's function gives");
}

}  // namespace
}  // namespace ginn::simulation
