// What whoever operates the verifier's machine is told of a run, and what not.
#include "verifier/journal.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/text.h"
#include "crypto/json.h"
#include "tests/end_to_end/lab.h"

namespace ginn::verifier {
namespace {

using test::always;
using test::Honest;
using test::never;

class JournalTest : public testing::Test {
 protected:
  static const Honest& honest() {
    static const Honest run = test::honest_run(test::Coverage::kSample);
    return run;
  }

  struct Told {
    std::vector<std::string> events;  // of the log, in order
    std::vector<std::string> phases;  // of status.json, without repetitions
    std::string lines, last;
    std::vector<uint64_t> replays;  // of status.json while the run trains
    Result<Outcome> outcome = input_error("none", "");
  };
  enum class Worker { kHonest, kLies, kHangsUp };

  Told run(std::function<uint64_t()> coin, Worker kind, bool publishes = true) {
    const test::TemporaryFolder folder;
    Told told;
    test::VerifierOptions options;
    options.records = test::write_records(honest(), folder);
    options.out = folder / "run";
    std::filesystem::create_directory(options.out);
    options.coin = std::move(coin);
    options.log = Log(
        LogLevel::kDebug,
        LogFormat::kJson,
        [] { return 0.0; },
        [&](std::string_view line) {
          told.lines += line;
          told.events.push_back(
              crypto::string_field(crypto::parse_json(line).value(), "event").value());
        });
    options.publish = [&](std::string_view text) -> Status {
      if (!publishes) return environment_error("write_failed", "no space");
      told.last = text;
      const auto json = crypto::parse_json(text).value();
      const std::string phase = crypto::string_field(json, "phase").value();
      if (told.phases.empty() || told.phases.back() != phase) told.phases.push_back(phase);
      if (phase == "training") {
        told.replays.push_back(crypto::integer_field(json, "replaysDone").value());
      }
      return ok_status();
    };
    test::RawWorker worker(honest(), std::move(options));
    work(worker, kind);
    (void)worker.code();
    told.outcome = worker.outcome();
    return told;
  }

  void work(test::RawWorker& worker, Worker kind) {
    if (!worker.shake_hands()) return;
    const size_t all = honest().payloads.size();
    if (kind == Worker::kHonest) {
      worker.contributions(0, all);
      worker.end();
    } else if (kind == Worker::kLies) {
      auto lie = test::decoded(honest(), honest().payloads[0]);
      lie.q[0] = static_cast<int16_t>(lie.q[0] == 0 ? 1 : 0);
      worker.frame(protocol::FrameType::kContribution, test::encoded(honest(), 0, 0, lie));
      worker.contributions(1, all);
      worker.end();
    } else {
      worker.contributions(0, 3);
    }
  }
};

using Words = std::vector<std::string>;

TEST_F(JournalTest, OfAnAcceptedRun) {
  const Told told = run(always, Worker::kHonest);
  ASSERT_TRUE(told.outcome.ok() && told.outcome->accepted());
  EXPECT_EQ(told.events, (Words{"worker_connected", "run_began", "run_ended"}));
  EXPECT_EQ(told.phases, (Words{"waiting", "granting", "training", "finishing", "accepted"}));
  const auto last = crypto::parse_json(told.last).value();
  EXPECT_EQ(crypto::integer_field(last, "taken").value(), honest().payloads.size());
  EXPECT_EQ(crypto::integer_field(last, "replaysDone").value(), honest().payloads.size());
  EXPECT_EQ(crypto::integer_field(last, "steps").value(), honest().job.steps);
  EXPECT_EQ(crypto::string_field(last, "code").value(), "accepted");
  EXPECT_EQ(crypto::number_field(last, "life").value(), 1.0);
  EXPECT_TRUE(crypto::bool_field(last, "simulated").value());
}

// The host reads both: what they say until the verdict must not depend on a coin.
TEST_F(JournalTest, CoinsDoNotShow) {
  const Told picked = run(always, Worker::kHonest);
  const Told spared = run(never, Worker::kHonest);
  ASSERT_TRUE(picked.outcome.ok() && picked.outcome->accepted());
  ASSERT_TRUE(spared.outcome.ok() && spared.outcome->accepted());
  EXPECT_EQ(picked.events, spared.events);
  EXPECT_EQ(picked.phases, spared.phases);
  const auto before_the_verdict = [](const std::string& lines) {
    return lines.substr(0, lines.find("run_ended"));
  };
  EXPECT_EQ(before_the_verdict(picked.lines), before_the_verdict(spared.lines));
  // No status frame was due in so short a run, so no count may have been renewed either.
  for (const uint64_t count : picked.replays) EXPECT_EQ(count, 0u);
}

TEST_F(JournalTest, OfARejectedRun) {
  const Told told = run(always, Worker::kLies);
  ASSERT_TRUE(told.outcome.ok());
  EXPECT_EQ(told.phases.back(), "rejected");
  EXPECT_NE(told.lines.find("\"level\":\"error\",\"event\":\"run_ended\",\"verdict\":\"rejected\","
                            "\"code\":\"deviation\""),
            std::string::npos)
      << told.lines;
}

TEST_F(JournalTest, OfAWorkerThatHangsUp) {
  const Told told = run(never, Worker::kHangsUp);
  ASSERT_TRUE(told.outcome.ok());
  EXPECT_EQ(told.phases.back(), "suspended");
  EXPECT_NE(std::find(told.phases.begin(), told.phases.end(), "suspending"), told.phases.end());
  EXPECT_EQ(told.events.back(), "run_ended");
  const auto last = crypto::parse_json(told.last).value();
  EXPECT_EQ(crypto::integer_field(last, "taken").value(), 3u);
  EXPECT_EQ(crypto::string_field(last, "code").value(), "worker_disconnected");
}

// A full disk costs the file for people, never the run, and one line.
TEST_F(JournalTest, AStatusThatCannotBeWritten) {
  const Told told = run(never, Worker::kHonest, false);
  ASSERT_TRUE(told.outcome.ok() && told.outcome->accepted());
  EXPECT_EQ(std::count(told.events.begin(), told.events.end(), "status_not_written"), 1);
}

}  // namespace
}  // namespace ginn::verifier
