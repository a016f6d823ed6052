// Runs that are interrupted and go on: what is left behind, what it costs, what comes out.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <cstring>

#include "attest/produce/attester.h"
#include "base/text.h"
#include "certificate/check/run_check.h"
#include "certificate/issue/format.h"
#include "tests/end_to_end/lab.h"
#include "worker/client.h"

namespace ginn::verifier {
namespace {

using test::always;
using test::contents;
using test::Honest;
using test::never;
using Kind = Outcome::Kind;

class ResumeTest : public testing::Test {
 protected:
  static const Honest& honest() {
    static const Honest run = [] {
      Honest made = test::honest_run(test::Coverage::kSample, "lenet", 2);
      made.job.lives = 3;
      return made;
    }();
    return run;
  }
  uint64_t all() const { return honest().payloads.size(); }

  struct Plan {
    uint64_t contributions = 0;  // of this connection, the worker then hangs up
    RunOptions run = {};
    std::function<uint64_t()> coin = always;
    bool end = false;                 // with the end frame
    std::optional<job::Job> job{};    // instead of the honest one
    std::function<void()> reading{};  // VerifierOptions'
    bool counter_fails = false;
    std::function<double()> seconds{};  // VerifierOptions'
  };

  // One start of the verifier with one connection of a worker that goes on where it is told.
  Result<Outcome> run(const Plan& plan) {
    int pair[2];
    GINN_CHECK(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    test::VerifierOptions options;
    options.records = records_;
    options.out = out_;
    options.coin = plan.coin;
    options.acceptor = std::make_shared<test::ListedStreams>(std::vector<int>{pair[1]});
    options.run = plan.run;
    options.reading = plan.reading;
    options.seconds = plan.seconds;
    options.counter_fails = plan.counter_fails;
    test::VerifierThread verifier(std::move(options));
    work(pair[0], plan);
    return verifier.outcome();
  }

  // "kAccepted", .. or the error's code and message.
  std::string ended(const Plan& plan) {
    const auto outcome = run(plan);
    if (!outcome.ok()) return concat(outcome.error().code, ": ", outcome.error().message);
    switch (outcome->kind) {
      case Kind::kAccepted:
        return "kAccepted";
      case Kind::kRejected:
        return concat("kRejected: ", outcome->message);
      case Kind::kSuspended:
        return "kSuspended";
    }
    return "";
  }

  void work(int descriptor, const Plan& plan) {
    protocol::Connection connection(protocol::socket_stream(descriptor));
    ByteWriter hello;
    hello.u16(protocol::kVersion);
    hello.u16(protocol::kWantsState);
    (void)connection.send(protocol::FrameType::kHello, hello.view());
    const std::string job = job::canonical(plan.job ? *plan.job : honest().job);
    (void)connection.send(protocol::FrameType::kJob, as_bytes(job));
    Bytes payload;
    if (!receive(connection, payload, protocol::FrameType::kStart)) return;
    const auto request = certificate::parse_request(as_text(payload)).value();
    needed_grant_ = request.needs_grant;
    life_ = request.start.life;
    if (needed_grant_) {
      const std::string grant = test::sign_grant(request.start).value();
      (void)connection.send(protocol::FrameType::kGrant, as_bytes(grant));
    }
    if (!receive(connection, payload, protocol::FrameType::kReady)) return;
    ByteReader ready(payload);
    const uint64_t step = ready.u64().value();
    begin_ = step * honest().job.microbatches() + ready.u32().value();
    if (begin_ > 0) {
      if (!receive(connection, payload, protocol::FrameType::kState)) return;
      const bool last = step == honest().job.steps;
      const size_t count = honest().training->graph().parameter_count();
      ASSERT_EQ(payload.size(), 2 * count * sizeof(float));
      if (!last) {
        EXPECT_EQ(std::memcmp(payload.data(), honest().weights[step].data(), count * 4), 0);
      }
    }
    const uint64_t end = std::min(all(), begin_ + plan.contributions);
    for (uint64_t i = begin_; i < end; ++i) {
      if (!connection.send(protocol::FrameType::kContribution, honest().payloads[i]).ok()) return;
    }
    if (plan.end) (void)connection.send(protocol::FrameType::kEnd, {});
    connection.finish_sending();
    while (connection.receive_frame({}, payload, nullptr).ok()) {
    }
  }
  // False for another frame, a verdict say.
  bool receive(protocol::Connection& connection, Bytes& payload, protocol::FrameType due) {
    const size_t state = 2 * sizeof(float) * honest().training->graph().parameter_count();
    const auto type = connection.receive_frame({0, state}, payload, nullptr);
    return type.ok() && *type == due;
  }

  bool has(std::string_view file) const { return std::filesystem::exists(out_ / file); }
  std::filesystem::path make_out() {
    std::filesystem::create_directory(folder_ / "run");
    return folder_ / "run";
  }
  certificate::Outcome check() const {
    return certificate::check_run(out_, {job::digest(honest().job), true, {}}).value();
  }
  static RunOptions resume(uint32_t life) {
    RunOptions options;
    options.resume = true;
    options.life = life;
    return options;
  }

  test::TemporaryFolder folder_;
  std::filesystem::path records_ = test::write_records(honest(), folder_);
  std::filesystem::path out_ = make_out();
  bool needed_grant_ = false;
  uint32_t life_ = 0;
  uint64_t begin_ = 0;
};

TEST_F(ResumeTest, SuspendedRunsGoOnAsTheSameLife) {
  // Also in the middle of a step, which has two contributions, and after the last contribution.
  for (const uint64_t at : {uint64_t{2}, uint64_t{7}, uint64_t{1}, all()}) {
    const auto stopped =
        run({.contributions = at, .run = has(kCheckpointFile) ? resume(1) : RunOptions{}});
    ASSERT_TRUE(stopped.ok()) << stopped.error().message;
    EXPECT_EQ(stopped->kind, Kind::kSuspended);
    EXPECT_EQ(stopped->code, "worker_disconnected");
    EXPECT_TRUE(has(kCheckpointFile));
    EXPECT_FALSE(has(certificate::kCertificateFile));
    EXPECT_EQ(life_, 1u);
  }
  const auto ended = run({.contributions = all(), .run = resume(1), .end = true});
  ASSERT_TRUE(ended.ok()) << ended.error().message;
  EXPECT_EQ(ended->kind, Kind::kAccepted) << ended->message;
  EXPECT_EQ(begin_, all());
  EXPECT_FALSE(needed_grant_);
  EXPECT_EQ(contents(out_ / certificate::kModelFile), honest().model);
  EXPECT_FALSE(has(kCheckpointFile));
  const auto outcome = check();
  EXPECT_EQ(outcome.verdict, certificate::Verdict::kAccepted) << outcome.summary;
}

TEST_F(ResumeTest, ASuspendedRunIsUsedUpOnce) {
  ASSERT_EQ(ended({.contributions = 5}), "kSuspended");
  const Bytes kept = contents(out_ / kCheckpointFile);
  ASSERT_EQ(ended({.contributions = 2, .run = resume(1)}), "kSuspended");
  EXPECT_EQ(begin_, 5u);
  test::write(out_ / kCheckpointFile, kept);  // an older one put back
  const auto again = run({.contributions = 2, .run = resume(1)});
  ASSERT_FALSE(again.ok());
  EXPECT_STREQ(again.error().code, "life_spent");
  // It is still one that a later life may go on from.
  ASSERT_EQ(ended({.contributions = 2, .run = resume(2)}), "kSuspended");
  EXPECT_EQ(begin_, 5u);
  EXPECT_TRUE(needed_grant_);
  EXPECT_EQ(life_, 2u);
  ASSERT_EQ(ended({.contributions = all(), .run = resume(2), .end = true}), "kAccepted");
  EXPECT_EQ(contents(out_ / certificate::kModelFile), honest().model);
  const auto outcome = check();
  EXPECT_EQ(outcome.verdict, certificate::Verdict::kAccepted) << outcome.summary;
}

TEST_F(ResumeTest, ACrashCostsALife) {
  // Checkpoints at every step; then the verifier's host kills it: the folder stays as it is.
  RunOptions often;
  often.checkpoint_seconds = 0;
  Plan plan{.contributions = 9, .run = often};
  plan.coin = [n = 0]() mutable -> uint64_t {
    if (++n == 9) throw std::bad_alloc();
    return never();  // with nothing to wait for, a checkpoint is sealed at once
  };
  ASSERT_FALSE(run(plan).ok());
  ASSERT_TRUE(has(kCheckpointFile));
  const auto spent = run({.contributions = 1, .run = resume(1)});
  ASSERT_FALSE(spent.ok());
  EXPECT_STREQ(spent.error().code, "life_spent");
  const auto ended = run({.contributions = all(), .run = resume(2), .end = true});
  ASSERT_TRUE(ended.ok()) << ended.error().message;
  EXPECT_EQ(ended->kind, Kind::kAccepted) << ended->message;
  EXPECT_GT(begin_, 0u);
  EXPECT_LT(begin_, 9u);
  EXPECT_TRUE(needed_grant_);
  EXPECT_EQ(contents(out_ / certificate::kModelFile), honest().model);
  const auto outcome = check();
  EXPECT_EQ(outcome.verdict, certificate::Verdict::kAccepted) << outcome.summary;
  for (const auto& item : outcome.checks) {
    if (item.name == "grants") {
      EXPECT_TRUE(item.detail.starts_with("life 2 of at most 3"));
    }
  }
}

TEST_F(ResumeTest, LivesEnd) {
  const auto refusal = run({.contributions = 1, .run = {.life = 4}});
  ASSERT_FALSE(refusal.ok());
  EXPECT_STREQ(refusal.error().code, "life_spent");
  EXPECT_EQ(refusal.error().kind, ErrorClass::kEnvironment) << "no word against the worker";
  const auto nothing = run({.contributions = 1, .run = resume(2)});
  ASSERT_FALSE(nothing.ok());
  EXPECT_STREQ(nothing.error().code, "no_checkpoint");
  EXPECT_EQ(nothing.error().kind, ErrorClass::kEnvironment);
}

TEST_F(ResumeTest, ADeviationBeforeTheSuspensionIsFound) {
  // Whoever sees that a tampered contribution was picked cannot get away by a suspension.
  auto contribution = test::decoded(honest(), honest().payloads[3]);
  contribution.q[0] = static_cast<int16_t>(contribution.q[0] == 0 ? 1 : 0);
  const Bytes payload = test::encoded(honest(), 1, 1, contribution);
  test::RawWorker worker(honest(), records_, out_, always, 1, test::slowly);
  ASSERT_TRUE(worker.shake_hands());
  worker.contributions(0, 3);
  worker.frame(protocol::FrameType::kContribution, payload);
  EXPECT_EQ(worker.code(), "deviation");
  EXPECT_EQ(worker.outcome()->kind, Kind::kRejected);
  EXPECT_FALSE(has(kCheckpointFile));
}

TEST_F(ResumeTest, AnotherJobOrAnotherFile) {
  ASSERT_EQ(ended({.contributions = 5}), "kSuspended");
  const Bytes kept = contents(out_ / kCheckpointFile);
  test::flip(out_ / kCheckpointFile, kept.size() / 2);
  const auto broken = run({.contributions = 1, .run = resume(2)});
  ASSERT_FALSE(broken.ok());
  EXPECT_STREQ(broken.error().code, "seal_broken");
  EXPECT_FALSE(has(certificate::kRejectionFile)) << "nothing that the worker did";
  test::write(out_ / kCheckpointFile, kept);
  test::flip(out_ / kCheckpointFile, 30);  // of the job's digest
  const auto other = run({.contributions = 1, .run = resume(2)});
  ASSERT_FALSE(other.ok());
  EXPECT_STREQ(other.error().code, "checkpoint_job");
  EXPECT_EQ(other.error().kind, ErrorClass::kEnvironment);
  test::write(out_ / kCheckpointFile, kept);  // its counter was used up above
  const auto spent = run({.contributions = 1, .run = resume(1)});
  ASSERT_FALSE(spent.ok());
  EXPECT_STREQ(spent.error().code, "life_spent");
  EXPECT_EQ(spent.error().kind, ErrorClass::kEnvironment);
  test::write(out_ / kCheckpointFile, Bytes(10));
  const auto formless = run({.contributions = 1, .run = resume(2)});
  ASSERT_FALSE(formless.ok());
  EXPECT_STREQ(formless.error().code, "checkpoint_form");
  EXPECT_EQ(formless.error().kind, ErrorClass::kEnvironment);
  EXPECT_FALSE(has(certificate::kRejectionFile));
}

// Also where it is opened late, once the owner has granted a later life.
TEST_F(ResumeTest, AHarmedCheckpointAccusesNobody) {
  ASSERT_EQ(ended({.contributions = 5}), "kSuspended");
  Bytes kept = contents(out_ / kCheckpointFile);
  ASSERT_EQ(ended({.contributions = 2, .run = resume(1)}), "kSuspended");
  kept[kept.size() / 2] ^= 1;
  test::write(out_ / kCheckpointFile, kept);  // used up, and harmed
  const auto broken = run({.contributions = 1, .run = resume(2)});
  EXPECT_TRUE(needed_grant_);
  ASSERT_FALSE(broken.ok());
  EXPECT_STREQ(broken.error().code, "seal_broken");
  EXPECT_EQ(broken.error().kind, ErrorClass::kEnvironment);
  EXPECT_FALSE(has(certificate::kRejectionFile));
}

// Its seal is good: nothing but the digest in its head says that it is not this job's.
TEST_F(ResumeTest, ACheckpointOfAnotherJobOfTheSameNetwork) {
  ASSERT_EQ(ended({.contributions = 5}), "kSuspended");
  job::Job other = honest().job;
  other.lr.peak *= 2;
  for (const uint32_t life : {1u, 2u}) {
    const auto refusal = run({.contributions = 1, .run = resume(life), .job = other});
    ASSERT_FALSE(refusal.ok());
    EXPECT_STREQ(refusal.error().code, "checkpoint_job");
    EXPECT_FALSE(has(certificate::kRejectionFile));
  }
}

// Else the host would use the same suspended run as often as it likes.
TEST_F(ResumeTest, ACounterThatFailsEndsTheResumption) {
  ASSERT_EQ(ended({.contributions = 5}), "kSuspended");
  begin_ = 0;
  const auto failed = run({.contributions = 2, .run = resume(1), .counter_fails = true});
  ASSERT_FALSE(failed.ok());
  EXPECT_STREQ(failed.error().code, "write_failed");
  EXPECT_EQ(begin_, 0u) << "nothing was said to the worker";
  EXPECT_FALSE(has(certificate::kRejectionFile));
  EXPECT_EQ(ended({.contributions = 2, .run = resume(1)}), "kSuspended") << "nothing was used up";
}

// Else a large model on a slow disk would do nothing but seal.
TEST_F(ResumeTest, CheckpointsTakeATwentiethOfARunAtMost) {
  const auto begin_after = [&](double cost) {
    std::filesystem::remove(out_ / kCheckpointFile);
    Plan plan{.contributions = 20};
    plan.run.checkpoint_seconds = 0;
    plan.seconds = [&, now = 0.0, written = false]() mutable {
      if (!written && has(kCheckpointFile)) {
        written = true;
        now += cost;
      }
      return now;
    };
    plan.coin = [n = 0]() mutable -> uint64_t {
      if (++n == 20) throw std::bad_alloc();
      return never();
    };
    EXPECT_FALSE(run(plan).ok());
    EXPECT_EQ(ended({.contributions = 0, .run = resume(2)}), "kSuspended");
    return begin_;
  };
  const uint64_t step = honest().job.microbatches();
  EXPECT_GT(begin_after(0), 2 * step) << "one at every step";
  EXPECT_EQ(begin_after(1), step) << "the first took a second: none for the next twenty";
}

// A host that sees that a lie was picked kills the verifier: no checkpoint may be behind the lie
// while its replay is not done.
TEST_F(ResumeTest, ACheckpointWaitsForItsReplays) {
  std::atomic<bool> open{false};
  Plan plan{.contributions = 9};
  plan.run.checkpoint_seconds = 0;
  plan.reading = [&] {
    while (!open) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  };
  plan.coin = [&, n = 0]() mutable -> uint64_t {
    if (++n < 8) return always();
    open = true;  // the replays end together with the verifier
    throw std::bad_alloc();
  };
  ASSERT_FALSE(run(plan).ok());
  EXPECT_FALSE(has(kCheckpointFile));
  const auto nothing = run({.contributions = 1, .run = resume(2)});
  ASSERT_FALSE(nothing.ok());
  EXPECT_STREQ(nothing.error().code, "no_checkpoint");
}

}  // namespace
}  // namespace ginn::verifier
