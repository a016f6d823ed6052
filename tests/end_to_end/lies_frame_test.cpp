// A worker that breaks the protocol: every way has its code, and none leaves a certificate.
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "base/crc32c.h"
#include "tests/end_to_end/lies.h"

namespace ginn::test {
namespace {

using protocol::FrameType;

TEST_F(Lies, LengthOfAFrame) {
  Bytes payload = honest().payloads[2];
  payload.push_back(0);
  EXPECT_EQ(code_of_payload(payload), "frame_length");
  for (int i = 0; i < 2; ++i) payload.pop_back();
  EXPECT_EQ(code_of_payload(payload), "frame_length");
  EXPECT_EQ(code_of_payload({}), "frame_length");
  for (uint32_t length : {0x7fffffffu, 0xffffffffu}) {
    EXPECT_EQ(code_after(1,
                         [&](RawWorker& w) {
                           w.bytes(w.framed({FrameType::kContribution, length, 0, 0}, {}));
                         }),
              "frame_length");
  }
  EXPECT_EQ(code_of([](RawWorker& w) {
              w.hello();
              w.bytes(w.framed({FrameType::kJob, protocol::kMaxJobBytes + 1, 0, 0}, {}));
            }),
            "frame_length");
  EXPECT_FALSE(rejected_) << "nothing names a job yet";
  EXPECT_EQ(code_of([](RawWorker& w) { w.frame(FrameType::kHello, Bytes(5)); }), "frame_length");
}

TEST_F(Lies, TypeAndReservedBytesOfAFrame) {
  for (int type : {0, 6, 63, 69, 255}) {
    EXPECT_EQ(code_after(1, [&](RawWorker& w) { w.frame(static_cast<FrameType>(type), {}); }),
              "frame_type")
        << type;
    EXPECT_TRUE(rejected_);
  }
  for (size_t at : {5, 6, 7}) {
    EXPECT_EQ(code_after(1,
                         [&](RawWorker& w) {
                           Bytes header = w.framed(FrameType::kEnd, {});
                           header[at] = 1;
                           const uint32_t own = crc32c(ByteView(header).first(16));
                           std::memcpy(header.data() + 16, &own, 4);
                           w.bytes(header);
                         }),
              "frame_reserved")
        << at;
  }
  EXPECT_EQ(code_of([](RawWorker& w) { w.hello(protocol::kVersion, 2); }), "frame_reserved");
}

// What a line can do to frames accuses nobody: the run is suspended when no worker comes back.
TEST_F(Lies, FaultsOfTheLine) {
  const Bytes& payload = honest().payloads[1];
  const auto garbled = [&](size_t at) {
    return code_after(1, [&](RawWorker& w) {
      Bytes frame = w.framed(FrameType::kContribution, payload);
      frame[at] ^= 0x10;
      w.bytes(frame);
    });
  };
  for (size_t at = 0; at < protocol::kHeaderBytes; ++at) {
    EXPECT_EQ(garbled(at), "frame_checksum") << at;
    EXPECT_TRUE(suspended_);
  }
  for (size_t at = 0; at < payload.size(); at += payload.size() / 7) {
    EXPECT_EQ(garbled(protocol::kHeaderBytes + at), "frame_checksum") << at;
    EXPECT_TRUE(suspended_);
  }
  EXPECT_EQ(code_after(1,
                       [&](RawWorker& w) {
                         const Bytes frame = w.framed(FrameType::kContribution, payload);
                         w.bytes(frame);
                         w.bytes(frame);  // delivered twice
                       }),
            "frame_sequence");
  EXPECT_TRUE(suspended_);
  EXPECT_EQ(code_after(1,
                       [&](RawWorker& w) {
                         const Bytes first = w.framed(FrameType::kContribution, payload);
                         const Bytes second =
                             w.framed(FrameType::kContribution, honest().payloads[2]);
                         w.bytes(second);  // before the first
                         w.bytes(first);
                       }),
            "frame_sequence");
  EXPECT_TRUE(suspended_);
}

TEST_F(Lies, OrderOfFrames) {
  const std::string job = job::canonical(honest().job);
  EXPECT_EQ(code_of([&](RawWorker& w) { w.job(job); }), "frame_order");
  EXPECT_EQ(code_of([](RawWorker& w) { w.end(); }), "frame_order");
  EXPECT_EQ(code_of([](RawWorker& w) {
              w.hello();
              w.hello();
            }),
            "frame_order");
  EXPECT_EQ(code_of([](RawWorker& w) {
              w.hello();
              w.contribution(0);
            }),
            "frame_length");
  EXPECT_EQ(code_of([&](RawWorker& w) {
              w.hello();
              w.job(job);
              EXPECT_TRUE(w.start());
              w.contribution(0);  // before any grant
            }),
            "frame_order");
  EXPECT_TRUE(rejected_);
  EXPECT_EQ(code_after(0, [](RawWorker& w) { w.end(); }), "frame_order");
  EXPECT_EQ(code_after(all() - 1, [](RawWorker& w) { w.end(); }), "frame_order");
  EXPECT_EQ(code_after(1, [](RawWorker& w) { w.hello(); }), "frame_order");
  EXPECT_EQ(
      code_after(
          1, [](RawWorker& w) { w.frame(FrameType::kVerdict, as_bytes("{\"accepted\":true}")); }),
      "frame_order");
  EXPECT_EQ(
      code_after(1, [](RawWorker& w) { w.frame(FrameType::kReady, Bytes(protocol::kReadyBytes)); }),
      "frame_order");
}

TEST_F(Lies, EndOfTheStream) {
  EXPECT_EQ(code_after(0, [](RawWorker&) {}), "worker_disconnected");
  EXPECT_EQ(code_after(5, [](RawWorker&) {}), "worker_disconnected");
  EXPECT_EQ(code_after(all() - 1, [](RawWorker&) {}), "worker_disconnected");
  EXPECT_EQ(code_after(all(), [](RawWorker&) {}), "worker_disconnected") << "no end frame";
  EXPECT_TRUE(suspended_);
  EXPECT_EQ(code_after(all(), [](RawWorker& w) { w.contribution(0); }), "data_after_end");
  EXPECT_EQ(code_after(all(),
                       [](RawWorker& w) {
                         w.end();
                         w.end();
                       }),
            "data_after_end");
  EXPECT_EQ(code_after(all(),
                       [](RawWorker& w) {
                         w.end();
                         w.contribution(0);
                       }),
            "data_after_end");
  EXPECT_EQ(code_after(all(),
                       [](RawWorker& w) {
                         w.end();
                         w.bytes(Bytes(1));
                       }),
            "frame_truncated");
}

TEST_F(Lies, TruncatedAtEveryBoundary) {
  // The whole stream up to the first contribution, cut after every byte of each header and prefix
  // and at points inside the payloads.
  const std::string job = job::canonical(honest().job);
  constexpr size_t kHello = protocol::kHeaderBytes + protocol::kHelloBytes;
  const size_t handshake = kHello + protocol::kHeaderBytes + job.size();
  for (size_t cut = 0; cut < handshake; cut = cut < 50 ? cut + 1 : cut + 97) {
    const bool between = cut == 0 || cut == kHello;
    EXPECT_EQ(code_of([&](RawWorker& w) {
                ByteWriter hello;
                hello.u32(protocol::kVersion);
                Bytes opening = w.framed(FrameType::kHello, hello.view());
                const Bytes second = w.framed(FrameType::kJob, as_bytes(job));
                opening.insert(opening.end(), second.begin(), second.end());
                w.bytes(ByteView(opening).first(cut));
              }),
              between ? "worker_disconnected" : "frame_truncated")
        << cut;
    EXPECT_FALSE(rejected_);
    EXPECT_FALSE(suspended_);
  }
  const size_t size = protocol::kHeaderBytes + honest().payloads[1].size();
  const auto cut_at = [&](size_t cut) {
    return code_after(1, [&](RawWorker& w) {
      const Bytes frame = w.framed(FrameType::kContribution, honest().payloads[1]);
      w.bytes(ByteView(frame).first(cut));
    });
  };
  for (size_t cut = 1; cut < size; cut = cut < 50 ? cut + 1 : cut + size / 5) {
    EXPECT_EQ(cut_at(cut), "frame_truncated") << cut;
    EXPECT_TRUE(suspended_);
  }
  EXPECT_EQ(cut_at(size - 1), "frame_truncated");
}

TEST_F(Lies, TruncatedGrant) {
  for (size_t cut : {0, 1, 7, 19, 20, 21, 200}) {
    const std::string code = code_of([&](RawWorker& w) {
      w.hello();
      w.job(job::canonical(honest().job));
      const auto start = w.start();
      ASSERT_TRUE(start);
      const std::string grant = sign_grant(*start).value();
      w.bytes(ByteView(w.framed(FrameType::kGrant, as_bytes(grant))).first(cut));
    });
    EXPECT_EQ(code, cut == 0 ? "worker_disconnected" : "frame_truncated") << cut;
    EXPECT_FALSE(rejected_) << cut;
  }
}

TEST_F(Lies, Garbage) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    Bytes garbage(1 + random() % 300);
    for (uint8_t& byte : garbage) byte = static_cast<uint8_t>(random());
    EXPECT_NE(code_of([&](RawWorker& w) { w.bytes(garbage); }), "accepted") << seed;
    const std::string code = code_after(3, [&](RawWorker& w) { w.bytes(garbage); });
    EXPECT_TRUE(code == "frame_checksum" || code == "frame_truncated") << seed << " " << code;
  }
}

}  // namespace
}  // namespace ginn::test
