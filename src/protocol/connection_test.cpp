#include "protocol/connection.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <thread>

#include "base/crc32c.h"
#include "protocol/socket.h"
#include "tests/support/temporary_folder.h"

namespace ginn::protocol {
namespace {

constexpr size_t kContributionBytes = 3 << 20;  // more than any socket holds

class ConnectionTest : public testing::Test {
 protected:
  void SetUp() override {
    int pair[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    raw_ = pair[0];
    ours_.emplace(socket_stream(pair[1]));
  }
  void TearDown() override { hang_up(); }
  void hang_up() {
    if (raw_ >= 0) ::close(raw_);
    raw_ = -1;
  }
  void write(ByteView bytes) {
    ASSERT_EQ(::send(raw_, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  }
  std::string receive_code() {
    const auto type = ours_->receive_frame({kContributionBytes, 0}, payload_, nullptr);
    return type.ok() ? frame_name(*type) : type.error().code;
  }

  int raw_ = -1;
  std::optional<Connection> ours_;
  Bytes payload_;
};

TEST_F(ConnectionTest, FramesArriveInOrder) {
  Connection theirs(socket_stream(::dup(raw_)));
  ASSERT_TRUE(theirs.send(FrameType::kJob, as_bytes("{}")).ok());
  ASSERT_TRUE(theirs.send(FrameType::kEnd, {}).ok());
  ASSERT_TRUE(theirs.send(FrameType::kVerdict, as_bytes("{\"a\":1}")).ok());
  EXPECT_TRUE(ours_->readable());
  EXPECT_EQ(receive_code(), "job");
  EXPECT_EQ(as_text(payload_), "{}");
  EXPECT_EQ(receive_code(), "end");
  EXPECT_TRUE(payload_.empty());
  EXPECT_EQ(receive_code(), "verdict");
  EXPECT_EQ(as_text(payload_), "{\"a\":1}");
  EXPECT_FALSE(ours_->readable());
}

TEST_F(ConnectionTest, LargerThanTheSocket) {
  Bytes large(kContributionBytes);
  for (size_t i = 0; i < large.size(); ++i) large[i] = static_cast<uint8_t>(i * 7 + (i >> 12));
  std::thread sender([&] {
    Connection theirs(socket_stream(::dup(raw_)));
    EXPECT_TRUE(theirs.send(FrameType::kContribution, large).ok());
  });
  EXPECT_EQ(receive_code(), "contribution");
  sender.join();
  EXPECT_EQ(payload_, large);
}

TEST_F(ConnectionTest, EndOfTheStream) {
  hang_up();
  EXPECT_TRUE(ours_->readable());
  EXPECT_EQ(receive_code(), "peer_closed");
}

TEST_F(ConnectionTest, HalfClosed) {
  Connection theirs(socket_stream(::dup(raw_)));
  theirs.finish_sending();
  EXPECT_EQ(receive_code(), "peer_closed");
  // The other direction still works.
  ASSERT_TRUE(ours_->send(FrameType::kEnd, {}).ok());
  Bytes payload;
  EXPECT_TRUE(theirs.receive_frame({}, payload, nullptr).ok());
}

TEST_F(ConnectionTest, ResetIsTheEndOfTheStream) {
  // Closing with unread data resets the stream; what was sent before it still counts.
  ASSERT_TRUE(ours_->send(FrameType::kStatus, Bytes(kStatusBytes)).ok());
  write(frame_header({FrameType::kEnd, 0, 0, 0}));
  hang_up();
  EXPECT_EQ(receive_code(), "end");
  EXPECT_EQ(receive_code(), "peer_closed");
}

TEST_F(ConnectionTest, TruncatedEverywhere) {
  const auto header = frame_header({FrameType::kReady, kReadyBytes, 0, 0});
  Bytes frame(header.begin(), header.end());
  frame.resize(header.size() + kReadyBytes);
  for (size_t cut = 1; cut < frame.size(); ++cut) {
    write(ByteView(frame).first(cut));
    hang_up();
    EXPECT_EQ(receive_code(), "frame_truncated") << cut;
    SetUp();
  }
}

TEST_F(ConnectionTest, LengthIsCheckedBeforeMemoryIsTaken) {
  write(frame_header({FrameType::kContribution, 0xfffffff0, 0, 0}));
  EXPECT_EQ(receive_code(), "frame_length");
  EXPECT_EQ(payload_.capacity(), 0u);
}

TEST_F(ConnectionTest, SendingToNobody) {
  hang_up();
  const Status status = ours_->send(FrameType::kEnd, {});  // no SIGPIPE
  ASSERT_FALSE(status.ok());
  EXPECT_STREQ(status.error().code, "peer_gone");
  EXPECT_EQ(status.error().kind, ErrorClass::kEnvironment);
}

TEST_F(ConnectionTest, TrySendNeverWaits) {
  size_t sent = 0;
  while (sent < 1000000 && ours_->try_send(FrameType::kStatus, Bytes(kStatusBytes))) ++sent;
  EXPECT_GT(sent, 10u);
  EXPECT_LT(sent, 1000000u);
  // Whole frames only.
  Connection theirs(socket_stream(::dup(raw_)));
  Bytes payload;
  for (size_t i = 0; i < sent; ++i) {
    ASSERT_TRUE(theirs.receive_frame({}, payload, nullptr).ok()) << i;
  }
  EXPECT_FALSE(theirs.readable());
  EXPECT_TRUE(ours_->try_send(FrameType::kStatus, Bytes(kStatusBytes)));
}

TEST_F(ConnectionTest, AnIdleErrorEndsTheWait) {
  int calls = 0;
  const auto type = ours_->receive_frame({}, payload_, [&]() -> Status {
    if (++calls == 2) return refused("enough", "");
    return ok_status();
  });
  ASSERT_FALSE(type.ok());
  EXPECT_STREQ(type.error().code, "enough");
  EXPECT_EQ(calls, 2);
}

TEST_F(ConnectionTest, GarbledPayload) {
  Bytes payload(kReadyBytes, 3);
  const auto header = frame_header({FrameType::kReady, kReadyBytes, 0, crc32c(payload)});
  payload[7] ^= 1;
  write(header);
  write(payload);
  EXPECT_EQ(receive_code(), "frame_checksum");
}

TEST_F(ConnectionTest, TheEndAndWhatFollowsIt) {
  EXPECT_EQ(ours_->readable(), false);
  write(frame_header({FrameType::kEnd, 0, 0, 0}));
  EXPECT_STREQ(ours_->receive_end({}, nullptr).error().code, "data_after_end");
  hang_up();
  EXPECT_TRUE(ours_->receive_end({}, nullptr).ok());
}

class ListenerTest : public testing::Test {
 protected:
  std::string address(const std::string& name) const { return "unix:" + (folder_ / name).string(); }
  const test::TemporaryFolder temporary_;
  const std::filesystem::path folder_ = temporary_.path();
};

template <typename T>
std::string code_of(const Result<T>& result) {
  return result.ok() ? "" : result.error().code;
}

void pass_a_frame(std::unique_ptr<Stream> from, std::unique_ptr<Stream> to) {
  Connection sender(std::move(from));
  Connection receiver(std::move(to));
  ASSERT_TRUE(sender.send(FrameType::kJob, as_bytes("{}")).ok());
  Bytes payload;
  ASSERT_TRUE(receiver.receive_frame({}, payload, nullptr).ok());
  EXPECT_EQ(as_text(payload), "{}");
  sender.finish_sending();
  EXPECT_TRUE(receiver.receive_end({}, nullptr).ok());
}

TEST_F(ListenerTest, Tcp) {
  for (const char* any : {"tcp:127.0.0.1:0", "tcp:[::1]:0"}) {
    auto listener = Listener::create(any);
    if (!listener.ok() && std::string_view(any).find("::1") != std::string_view::npos) {
      GTEST_SKIP() << "no IPv6 here: " << listener.error().message;
    }
    ASSERT_TRUE(listener.ok()) << listener.error().message;
    const std::string chosen = listener->address();
    EXPECT_TRUE(chosen.starts_with(std::string_view(any).substr(0, std::strlen(any) - 1)));
    auto client = connect(chosen);
    ASSERT_TRUE(client.ok()) << client.error().message;
    auto server = listener->accept(nullptr);
    ASSERT_TRUE(server.ok());
    pass_a_frame(std::move(*client), std::move(*server));
  }
}

TEST_F(ListenerTest, Vsock) {
  auto listener = Listener::create("vsock:any:47114");
  if (!listener.ok()) GTEST_SKIP() << "no vsock here: " << listener.error().message;
  constexpr const char* kLoopback = "vsock:1:47114";
  auto client = connect(kLoopback);
  if (!client.ok()) GTEST_SKIP() << "no loopback of vsock here: " << client.error().message;
  auto server = listener->accept(nullptr);
  ASSERT_TRUE(server.ok());
  pass_a_frame(std::move(*client), std::move(*server));
}

TEST_F(ListenerTest, ConnectAndAccept) {
  {
    auto listener = Listener::create(address("s"));
    ASSERT_TRUE(listener.ok()) << listener.error().message;
    auto client = connect(address("s"));
    ASSERT_TRUE(client.ok());
    auto server = listener->accept(nullptr);
    ASSERT_TRUE(server.ok());
    pass_a_frame(std::move(*client), std::move(*server));
    EXPECT_EQ(code_of(Listener::create(address("s"))), "cannot_listen") << "in use";
    EXPECT_TRUE(std::filesystem::exists(folder_ / "s")) << "a failed second one removes nothing";
  }
  EXPECT_FALSE(std::filesystem::exists(folder_ / "s"));
  EXPECT_EQ(code_of(connect(address("s"))), "cannot_connect");
}

TEST_F(ListenerTest, ASocketThatAKilledVerifierLeft) {
  const int dead = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  const std::string path = (folder_ / "s").string();
  path.copy(name.sun_path, kMaxSocketPathBytes);
  ASSERT_EQ(::bind(dead, reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
  ::close(dead);
  const auto listener = Listener::create(address("s"));
  ASSERT_FALSE(listener.ok());
  EXPECT_STREQ(listener.error().code, "cannot_listen");
  EXPECT_NE(listener.error().message.find(path), std::string::npos);
  EXPECT_NE(listener.error().message.find("remove the file"), std::string::npos);
  std::filesystem::remove(path);
  EXPECT_TRUE(Listener::create(address("s")).ok());
}

TEST_F(ListenerTest, AcceptGivesUpWithIdle) {
  auto listener = Listener::create(address("s"));
  ASSERT_TRUE(listener.ok());
  EXPECT_EQ(code_of(listener->accept([]() -> Status { return refused("enough", ""); })), "enough");
}

TEST_F(ListenerTest, Addresses) {
  for (const char* bad : {"",
                          "unix:",
                          "tcp:",
                          "tcp:7000",
                          "tcp:1.2.3.4:",
                          "tcp:1.2.3.4:70000",
                          "tcp:1.2.3.4:5x",
                          "vsock:",
                          "vsock:3",
                          "vsock:x:3",
                          "vsock:3:-1",
                          "/tmp/s",
                          "UNIX:/tmp/s"}) {
    EXPECT_EQ(code_of(Listener::create(bad)), "bad_address") << bad;
    EXPECT_EQ(code_of(connect(bad)), "bad_address") << bad;
  }
  EXPECT_EQ(code_of(Listener::create("tcp:localhost:0")), "bad_address") << "numbers only";
  EXPECT_EQ(code_of(connect("vsock:any:3")), "bad_address");
  // 107 bytes are the most that a socket's name holds.
  const std::string longest(107 - folder_.string().size() - 1, 's');
  EXPECT_TRUE(Listener::create(address(longest)).ok());
  EXPECT_EQ(code_of(Listener::create(address(longest + "s"))), "bad_address");
  EXPECT_EQ(code_of(Listener::create("unix:/nowhere/s")), "cannot_listen");
}

}  // namespace
}  // namespace ginn::protocol
