#include "worker/client.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>

#include "certificate/issue/format.h"
#include "crypto/json.h"
#include "protocol/socket.h"
#include "tests/support/synthetic.h"
#include "tests/support/temporary_folder.h"

namespace ginn::worker {
namespace {

using protocol::FrameType;

Error enough() { return environment_error("enough", ""); }

// Against a verifier that a test plays. What an honest one does with a client is in
// tests/end_to_end.
class ClientTest : public testing::Test {
 protected:
  ClientTest() {
    auto training = training::Training::create(job_, device::Level::kPortable);
    GINN_CHECK(training.ok());
    training_ = std::move(*training);
  }
  ~ClientTest() override {
    done_ = true;
    if (verifier_.joinable()) verifier_.join();
  }

  using Play = std::function<void(protocol::Connection&)>;
  void verifier(const Play& play) {
    auto listener = protocol::Listener::create(address());
    GINN_CHECK(listener.ok());
    verifier_ = std::thread([play, listener = std::move(*listener)]() mutable {
      auto stream = listener.accept(nullptr);
      GINN_CHECK(stream.ok());
      protocol::Connection connection(std::move(*stream));
      play(connection);
    });
  }
  // Keeps the connection open, and reads nothing more.
  void stand_still() {
    while (!done_) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  void shake_hands(protocol::Connection& connection) {
    Bytes payload;
    EXPECT_TRUE(connection.receive_frame({}, payload, nullptr).ok());
    EXPECT_TRUE(connection.receive_frame({}, payload, nullptr).ok());
    certificate::StartRequest request;
    request.start.nonce = job_.nonce;
    request.start.job_digest = job::digest(job_);
    request.evidence = "shown";
    const std::string text = certificate::write_request(request);
    EXPECT_TRUE(connection.send(FrameType::kStart, as_bytes(text)).ok());
    EXPECT_TRUE(connection.receive_frame({}, payload, nullptr).ok());
    EXPECT_TRUE(connection.send(FrameType::kReady, Bytes(protocol::kReadyBytes)).ok());
  }
  static void say(protocol::Connection& connection, bool environment) {
    crypto::Json::Object verdict;
    verdict["accepted"] = false;
    verdict["environment"] = environment;
    verdict["code"] = "some_code";
    verdict["message"] = "why";
    const std::string text = crypto::canonical_json(verdict);
    EXPECT_TRUE(connection.send(FrameType::kVerdict, as_bytes(text)).ok());
  }

  std::string address() const { return "unix:" + (folder_ / "s").string(); }
  Result<std::unique_ptr<Client>> client(Client::Patience patience = {}) {
    const auto grantor = [](const certificate::StartRequest&) -> Result<std::string> {
      return std::string("grant");
    };
    return Client::create(address(), *training_, grantor, std::move(patience));
  }
  // An idle function that has enough after a few calls.
  protocol::Idle few(int calls) {
    return [this, calls]() -> Status { return ++idle_ < calls ? ok_status() : enough(); };
  }

  const test::TemporaryFolder folder_;
  std::unique_ptr<data::MemoryRecords> records_ = test::synthetic_records({.records = 32});
  job::Job job_ = test::synthetic_job(*records_, "lenet");
  std::unique_ptr<training::Training> training_;
  std::thread verifier_;
  std::atomic<bool> done_{false};
  std::atomic<int> idle_{0};
};

template <typename T>
std::string code_of(const Result<T>& result) {
  return result.ok() ? "" : result.error().code;
}

TEST_F(ClientTest, NobodyListens) {
  EXPECT_EQ(code_of(client()), "cannot_connect");
  EXPECT_EQ(code_of(client({.connect_ms = 10'000, .connecting = few(3)})), "enough");
  EXPECT_EQ(idle_, 3);
}

TEST_F(ClientTest, AListenerThatNeverAnswers) {
  verifier([this](protocol::Connection&) { stand_still(); });
  EXPECT_EQ(code_of(client({.waiting = few(2)})), "enough");
  EXPECT_EQ(idle_, 2);
}

TEST_F(ClientTest, AVerifierThatDiesInTheHandshake) {
  verifier([](protocol::Connection&) {});  // hangs up with the worker's frames unread
  const auto result = client();
  EXPECT_EQ(code_of(result), "verifier_gone");
  EXPECT_EQ(result.error().kind, ErrorClass::kEnvironment) << "not an answer";
}

TEST_F(ClientTest, AVerdictInTheHandshake) {
  for (const bool environment : {false, true}) {
    verifier([environment](protocol::Connection& c) { say(c, environment); });
    const auto result = client();
    EXPECT_EQ(code_of(result), environment ? "verifier_failed" : "verifier_refused");
    EXPECT_EQ(result.error().kind, environment ? ErrorClass::kEnvironment : ErrorClass::kRefused);
    EXPECT_NE(result.error().message.find("some_code: why"), std::string::npos);
    verifier_.join();
  }
}

TEST_F(ClientTest, AVerifierThatStopsReading) {
  verifier([this](protocol::Connection& c) {
    shake_hands(c);
    stand_still();
  });
  const auto connected = client({.waiting = few(2)});
  ASSERT_TRUE(connected.ok()) << connected.error().message;
  EXPECT_EQ((*connected)->evidence(), "shown");
  const training::Contribution contribution(training_->graph());
  std::string code;
  for (int i = 0; i < 100'000 && code.empty(); ++i) {
    code = code_of((*connected)->send(0, 0, contribution));
  }
  EXPECT_EQ(code, "enough") << "the queue is full and nobody empties it";
}

TEST_F(ClientTest, AVerdictThatNeverComes) {
  verifier([this](protocol::Connection& c) {
    shake_hands(c);
    stand_still();
  });
  const auto connected = client({.waiting = few(2)});
  ASSERT_TRUE(connected.ok());
  EXPECT_EQ(code_of((*connected)->finish()), "enough");
}

TEST_F(ClientTest, TheEndFollowsWhatWasSent) {
  std::vector<FrameType> seen;
  verifier([&](protocol::Connection& c) {
    shake_hands(c);
    Bytes payload;
    const size_t size =
        protocol::kContributionPrefixBytes + training::encoded_size(training_->graph());
    for (;;) {
      const auto type = c.receive_frame({size, 0}, payload, nullptr);
      if (!type.ok()) break;  // the worker has closed its sending side
      seen.push_back(*type);
    }
    say(c, true);
  });
  const auto connected = client();
  ASSERT_TRUE(connected.ok());
  const training::Contribution contribution(training_->graph());
  for (uint32_t j = 0; j < 3; ++j) {
    ASSERT_TRUE((*connected)->send(0, j, contribution).ok());
  }
  const auto verdict = (*connected)->finish();
  ASSERT_TRUE(verdict.ok());
  EXPECT_TRUE(verdict->environment);
  EXPECT_FALSE(verdict->accepted);
  EXPECT_EQ(verdict->code, "some_code");
  verifier_.join();
  const std::vector<FrameType> expected = {FrameType::kContribution,
                                           FrameType::kContribution,
                                           FrameType::kContribution,
                                           FrameType::kEnd};
  EXPECT_EQ(seen, expected);
}

// The socket's buffer holds part of a frame when the client goes: the rest follows. (A lenet's
// contribution is small enough to enter the buffer whole or not at all.)
TEST_F(ClientTest, HangsUpBetweenFrames) {
  job_ = test::synthetic_job(*records_, "resnet8");
  auto larger = training::Training::create(job_, device::Level::kPortable);
  ASSERT_TRUE(larger.ok());
  training_ = std::move(*larger);
  std::atomic<bool> hung_up = false;
  std::string end;
  verifier([&](protocol::Connection& c) {
    shake_hands(c);
    while (!hung_up) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // the client is waiting by now
    Bytes payload;
    const size_t size =
        protocol::kContributionPrefixBytes + training::encoded_size(training_->graph());
    while (end.empty()) end = code_of(c.receive_frame({size, 0}, payload, nullptr));
  });
  auto connected = client();
  ASSERT_TRUE(connected.ok());
  const training::Contribution contribution(training_->graph());
  for (uint32_t j = 0; j < 16; ++j) {
    ASSERT_TRUE((*connected)->send(0, j, contribution).ok());
  }
  hung_up = true;
  connected->reset();
  verifier_.join();
  EXPECT_EQ(end, "peer_closed");
}

TEST_F(ClientTest, GoneInTheMiddle) {
  verifier([this](protocol::Connection& c) { shake_hands(c); });
  const auto connected = client();
  ASSERT_TRUE(connected.ok());
  verifier_.join();
  const training::Contribution contribution(training_->graph());
  std::string code;
  for (int i = 0; i < 1000 && code.empty(); ++i) {
    code = code_of((*connected)->send(0, 0, contribution));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(code, "verifier_stopped");
  EXPECT_EQ(code_of((*connected)->early_verdict()), "verifier_gone");
}

}  // namespace
}  // namespace ginn::worker
