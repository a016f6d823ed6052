// Workers that come back, stay away or say nothing: how long a session waits, and for whom.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "certificate/issue/format.h"
#include "tests/end_to_end/lab.h"

namespace ginn::verifier {
namespace {

using protocol::FrameType;
using test::never;
using Kind = Outcome::Kind;

// A stream that is at its end.
class Ended final : public protocol::Stream {
 public:
  Status write(std::span<const ByteView>) override { return refused("peer_gone", "gone"); }
  bool writable() const override { return false; }
  Result<size_t> read(std::span<uint8_t>, const protocol::Idle&) override { return size_t{0}; }
  bool readable() const override { return true; }
  void finish_writing() override {}
};

class HangsUp final : public protocol::Acceptor {
 public:
  Result<std::unique_ptr<protocol::Stream>> accept(const protocol::Idle& idle) override {
    GINN_TRY(idle());
    ++connections;
    return std::unique_ptr<protocol::Stream>(std::make_unique<Ended>());
  }
  uint64_t connections = 0;
};

// After its streams nobody comes, and it waits, some seconds at most.
class StaysAway final : public protocol::Acceptor {
 public:
  explicit StaysAway(int descriptor) : first_({descriptor}) {}
  Result<std::unique_ptr<protocol::Stream>> accept(const protocol::Idle& idle) override {
    auto stream = first_.accept(idle);
    if (stream.ok()) return stream;
    for (int i = 0; i < 500; ++i) {
      GINN_TRY(idle());
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return environment_error("waited_for_ever", "");
  }

 private:
  test::ListedStreams first_;
};

class ReconnectTest : public testing::Test {
 protected:
  ReconnectTest() {
    options_.records = test::write_records(honest(), folder_);
    options_.out = folder_ / "run";
    options_.coin = never;
    std::filesystem::create_directory(options_.out);
  }
  static const test::Honest& honest() {
    static const test::Honest run = test::honest_run(test::Coverage::kSample);
    return run;
  }
  // The worker's end of a new connection; the verifier's is `theirs`.
  static std::unique_ptr<protocol::Connection> connected(int& theirs) {
    int pair[2];
    GINN_CHECK(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    theirs = pair[1];
    return std::make_unique<protocol::Connection>(protocol::socket_stream(pair[0]));
  }
  static void open(protocol::Connection& worker, const job::Job& job) {
    ByteWriter hello;
    hello.u16(protocol::kVersion);
    hello.u16(0);
    EXPECT_TRUE(worker.send(FrameType::kHello, hello.view()).ok());
    EXPECT_TRUE(worker.send(FrameType::kJob, as_bytes(job::canonical(job))).ok());
  }
  static void begin(protocol::Connection& worker) {
    open(worker, honest().job);
    Bytes payload;
    ASSERT_TRUE(worker.receive_frame({}, payload, nullptr).ok());
    const auto request = certificate::parse_request(as_text(payload));
    ASSERT_TRUE(request.ok());
    const std::string grant = test::sign_grant(request->start).value();
    EXPECT_TRUE(worker.send(FrameType::kGrant, as_bytes(grant)).ok());
    ASSERT_TRUE(worker.receive_frame({}, payload, nullptr).ok());
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_TRUE(worker.send(FrameType::kContribution, honest().payloads[i]).ok());
    }
  }
  bool has(std::string_view file) const { return std::filesystem::exists(options_.out / file); }

  test::TemporaryFolder folder_;
  test::VerifierOptions options_;
};

TEST_F(ReconnectTest, AnotherJob) {
  int descriptors[2];
  auto first = connected(descriptors[0]);
  auto second = connected(descriptors[1]);
  options_.acceptor =
      std::make_shared<test::ListedStreams>(std::vector<int>{descriptors[0], descriptors[1]});
  test::VerifierThread verifier(options_);
  begin(*first);
  first.reset();
  job::Job other = honest().job;
  other.lr.peak *= 2;
  open(*second, other);
  second->finish_sending();
  EXPECT_EQ(verifier.code(), "job_changed");
  ASSERT_TRUE(verifier.outcome().ok());
  EXPECT_EQ(verifier.outcome()->kind, Kind::kRejected);
  EXPECT_TRUE(has(certificate::kRejectionFile));
}

TEST_F(ReconnectTest, ASilentWorker) {
  int descriptor = -1;
  auto worker = connected(descriptor);
  options_.acceptor = std::make_shared<test::ListedStreams>(std::vector<int>{descriptor});
  options_.run.silence_seconds = 0.1;
  test::VerifierThread verifier(options_);
  begin(*worker);
  Bytes payload;  // status frames, and the verdict that ends them, some seconds at most
  int waits = 0;
  const auto patience = [&]() -> Status {
    return ++waits < 25 ? ok_status() : environment_error("enough", "");
  };
  while (worker->receive_frame({}, payload, patience).ok()) {
  }
  worker.reset();
  EXPECT_EQ(verifier.code(), "peer_silent");
  ASSERT_TRUE(verifier.outcome().ok());
  EXPECT_EQ(verifier.outcome()->kind, Kind::kSuspended);
}

TEST_F(ReconnectTest, AWorkerThatStaysAway) {
  int descriptor = -1;
  auto worker = connected(descriptor);
  options_.acceptor = std::make_shared<StaysAway>(descriptor);
  options_.run.reconnect_seconds = 0.1;
  test::VerifierThread verifier(options_);
  begin(*worker);
  worker.reset();
  EXPECT_EQ(verifier.code(), "worker_disconnected");
  ASSERT_TRUE(verifier.outcome().ok());
  EXPECT_EQ(verifier.outcome()->kind, Kind::kSuspended);
  EXPECT_TRUE(has(kCheckpointFile));
}

TEST_F(ReconnectTest, APeerThatOnlyHangsUp) {
  const auto acceptor = std::make_shared<HangsUp>();
  options_.acceptor = acceptor;
  test::VerifierThread verifier(options_);
  EXPECT_EQ(verifier.code(), "worker_disconnected");
  EXPECT_FALSE(verifier.outcome().ok());
  EXPECT_EQ(acceptor->connections, kMaxConnections);
  EXPECT_FALSE(has(certificate::kRejectionFile));
}

}  // namespace
}  // namespace ginn::verifier
