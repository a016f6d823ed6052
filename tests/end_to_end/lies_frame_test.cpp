// A worker that breaks the protocol: every way has its code, and none leaves a certificate.
#include <gtest/gtest.h>

#include <random>

#include "tests/end_to_end/lies.h"

namespace ginn::test {
namespace {

using protocol::FrameType;

TEST_F(Lies, LengthOfAFrame) {
  Bytes payload = honest().payloads[2];
  payload.push_back(0);
  EXPECT_EQ(code_of_payload(payload), "frame_length");
  payload.resize(payload.size() - 2);
  EXPECT_EQ(code_of_payload(payload), "frame_length");
  EXPECT_EQ(code_of_payload({}), "frame_length");
  for (uint32_t length : {0x7fffffffu, 0xffffffffu}) {
    const auto huge = protocol::frame_header(FrameType::kContribution, length);
    EXPECT_EQ(code_after(1, [&](RawWorker& w) { w.bytes(huge); }), "frame_length");
  }
  EXPECT_EQ(code_of([](RawWorker& w) {
              w.hello();
              w.bytes(protocol::frame_header(FrameType::kJob, protocol::kMaxJobBytes + 1));
            }),
            "frame_length");
  EXPECT_FALSE(rejected_) << "nothing names a job yet";
  EXPECT_EQ(code_of([](RawWorker& w) { w.frame(FrameType::kHello, Bytes(5)); }), "frame_length");
}

TEST_F(Lies, TypeAndReservedBytesOfAFrame) {
  for (int type : {0, 6, 63, 68, 255}) {
    const auto header = protocol::frame_header(static_cast<FrameType>(type), 0);
    EXPECT_EQ(code_after(1, [&](RawWorker& w) { w.bytes(header); }), "frame_type") << type;
  }
  for (size_t at : {5, 6, 7}) {
    auto header = protocol::frame_header(FrameType::kEnd, 0);
    header[at] = 1;
    EXPECT_EQ(code_after(1, [&](RawWorker& w) { w.bytes(header); }), "frame_reserved") << at;
  }
  EXPECT_EQ(code_of([](RawWorker& w) { w.hello(protocol::kVersion, 1); }), "frame_reserved");
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
  EXPECT_NE(code_after(all(), [](RawWorker&) {}), "accepted") << "no end frame";
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
                         w.bytes(Bytes(1));
                       }),
            "data_after_end");
}

TEST_F(Lies, TruncatedAtEveryBoundary) {
  // The whole stream up to the first contribution, cut after every byte of each header and prefix
  // and at points inside the payloads.
  const std::string job = job::canonical(honest().job);
  ByteWriter opening;
  opening.bytes(protocol::frame_header(FrameType::kHello, protocol::kHelloBytes));
  opening.u32(protocol::kVersion);
  opening.bytes(protocol::frame_header(FrameType::kJob, static_cast<uint32_t>(job.size())));
  opening.text(job);
  const size_t handshake = opening.view().size();
  for (size_t cut = 0; cut < handshake; cut = cut < 24 ? cut + 1 : cut + 97) {
    const bool between = cut == 0 || cut == 12;
    EXPECT_EQ(code_of([&](RawWorker& w) { w.bytes(ByteView(opening.view()).first(cut)); }),
              between ? "peer_closed" : "frame_truncated")
        << cut;
    EXPECT_FALSE(rejected_);
  }
  ByteWriter frame;
  frame.bytes(protocol::frame_header(FrameType::kContribution,
                                     static_cast<uint32_t>(honest().payloads[1].size())));
  frame.bytes(honest().payloads[1]);
  const size_t size = frame.view().size();
  for (size_t cut = 1; cut < size; cut = cut < 30 ? cut + 1 : cut + size / 5) {
    EXPECT_EQ(code_after(1, [&](RawWorker& w) { w.bytes(ByteView(frame.view()).first(cut)); }),
              "frame_truncated")
        << cut;
  }
  EXPECT_EQ(code_after(1, [&](RawWorker& w) { w.bytes(ByteView(frame.view()).first(size - 1)); }),
            "frame_truncated");
}

TEST_F(Lies, TruncatedGrant) {
  for (size_t cut : {0, 1, 7, 8, 9, 200}) {
    const std::string code = code_of([&](RawWorker& w) {
      w.hello();
      w.job(job::canonical(honest().job));
      const auto start = w.start();
      ASSERT_TRUE(start);
      const std::string grant = sign_grant(*start).value();
      ByteWriter frame;
      frame.bytes(protocol::frame_header(FrameType::kGrant, static_cast<uint32_t>(grant.size())));
      frame.text(grant);
      w.bytes(ByteView(frame.view()).first(cut));
    });
    EXPECT_EQ(code, cut == 0 ? "peer_closed" : "frame_truncated") << cut;
  }
}

TEST_F(Lies, Garbage) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    Bytes garbage(1 + random() % 300);
    for (uint8_t& byte : garbage) byte = static_cast<uint8_t>(random());
    EXPECT_NE(code_of([&](RawWorker& w) { w.bytes(garbage); }), "accepted") << seed;
    const std::string code = code_after(3, [&](RawWorker& w) { w.bytes(garbage); });
    EXPECT_TRUE(code == "frame_reserved" || code == "frame_truncated") << seed << " " << code;
  }
}

}  // namespace
}  // namespace ginn::test
