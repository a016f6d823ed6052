// A worker that lies in form: every lie has its code, and none leaves a certificate.
#include <gtest/gtest.h>

#include <random>

#include "certificate/issue/format.h"
#include "certificate/issue/grant.h"
#include "tests/end_to_end/lab.h"

namespace ginn::test {
namespace {

using protocol::FrameType;
using Lie = std::function<void(RawWorker&)>;

const Honest& honest() {
  static const Honest run = honest_run(Coverage::kAll);
  return run;
}

class Lies : public testing::Test {
 protected:
  // The verifier's code for a worker that does this and then hangs up.
  std::string code_of(const Lie& lie, VerifierThread::Coin coin = never) {
    const auto out = fresh_out();
    std::string code;
    {
      RawWorker worker(honest(), records_, out, std::move(coin));
      lie(worker);
      code = worker.code();
      rejected_ = worker.outcome().ok();
      if (rejected_ && !worker.verdict().empty()) {
        EXPECT_EQ(worker.verdict(), code);
      }
    }
    if (code != "accepted") {
      EXPECT_FALSE(exists(out / certificate::kCertificateFile)) << code;
      EXPECT_FALSE(exists(out / certificate::kModelFile)) << code;
      EXPECT_EQ(exists(out / certificate::kRejectionFile), rejected_) << code;
    }
    return code;
  }
  // After an honest beginning.
  std::string code_after(uint64_t contributions, const Lie& lie) {
    return code_of([&](RawWorker& worker) {
      ASSERT_TRUE(worker.shake_hands());
      worker.contributions(0, contributions);
      lie(worker);
    });
  }
  std::string code_of_payload(const Bytes& payload) {
    return code_after(
        2, [&](RawWorker& worker) { worker.frame(FrameType::kContribution, payload); });
  }
  std::filesystem::path fresh_out() {
    const auto out = folder_ / concat("run", runs_++);
    std::filesystem::create_directory(out);
    return out;
  }

  Folder folder_;
  std::filesystem::path records_ = write_records(honest(), folder_);
  int runs_ = 0;
  bool rejected_ = false;   // by a verdict, with a signed rejection
};

uint64_t all() { return honest().payloads.size(); }

TEST_F(Lies, AnHonestRunPasses) {
  EXPECT_EQ(code_after(all(), [](RawWorker& w) { w.end(); }), "accepted");
}

TEST_F(Lies, AboveTheNorm) {
  // Enlarge one integer after the other, minimally, until the squared norm is above C^2.
  training::Contribution c = decoded(honest(), honest().payloads[2]);
  const auto& graph = honest().training->graph();
  const auto& maps = honest().training->maps();
  const training::Wide limit = training::norm_limit(honest().job.clip_norm);
  const auto within = [&] { return training::norm_within(graph, maps, c, limit); };
  ASSERT_TRUE(within());
  size_t at = 0;
  for (;; ++at) {
    ASSERT_LT(at, c.q.size());
    const int16_t before = c.q[at];
    c.q[at] = before < 0 ? int16_t{-32767} : int16_t{32767};
    if (within()) continue;
    c.q[at] = before;
    break;
  }
  const int16_t step = c.q[at] < 0 ? int16_t{-1} : int16_t{1};
  while (within()) c.q[at] = static_cast<int16_t>(c.q[at] + step);
  EXPECT_EQ(code_of_payload(encoded(honest(), 1, 0, c)), "contribution_norm");
  EXPECT_TRUE(rejected_);
  c.q[at] = static_cast<int16_t>(c.q[at] - step);
  ASSERT_TRUE(within());
  // One step less has a permitted norm: only the replay stops it.
  EXPECT_EQ(code_after(2,
                       [&](RawWorker& w) {
                         w.frame(FrameType::kContribution, encoded(honest(), 1, 0, c));
                         w.contributions(3, all());
                         w.end();
                       }),
            "deviation");
}

TEST_F(Lies, FormOfAContribution) {
  const Bytes& good = honest().payloads[2];
  const auto changed = [&](size_t at, int value) {
    Bytes payload = good;
    payload[at] = static_cast<uint8_t>(value);
    return code_of_payload(payload);
  };
  constexpr size_t kExponent = protocol::kContributionPrefixBytes;
  EXPECT_EQ(changed(kExponent, -41), "contribution_exponent");
  EXPECT_EQ(changed(kExponent, 21), "contribution_exponent");
  EXPECT_EQ(changed(kExponent, -128), "contribution_exponent");
  EXPECT_EQ(changed(kExponent, 127), "contribution_exponent");
  EXPECT_EQ(changed(kExponent, 20), "contribution_norm");
  EXPECT_EQ(changed(12, 1), "frame_reserved");
  EXPECT_EQ(changed(15, 128), "frame_reserved");

  Bytes payload = good;
  payload[kExponent + 1] = 0x00;
  payload[kExponent + 2] = 0x80;   // -32768
  EXPECT_EQ(code_of_payload(payload), "contribution_integer");

  training::Contribution zero = decoded(honest(), good);
  const nn::Parameter& tensor = honest().training->graph().parameters()[1];
  for (size_t i = 0; i < tensor.count; ++i) zero.q[tensor.offset + i] = 0;
  zero.exponents[1] = -39;
  EXPECT_EQ(code_of_payload(encoded(honest(), 1, 0, zero)), "contribution_zero_exponent");
}

TEST_F(Lies, IndexOfAContribution) {
  const auto claimed = [&](uint64_t t, uint32_t j) {
    return code_of_payload(encoded(honest(), t, j, decoded(honest(), honest().payloads[2])));
  };
  EXPECT_EQ(claimed(honest().job.steps, 0), "contribution_index");
  EXPECT_EQ(claimed(~uint64_t{0}, 0), "contribution_index");
  EXPECT_EQ(claimed(1, 2), "contribution_index");
  EXPECT_EQ(claimed(1, ~uint32_t{0}), "contribution_index");
  EXPECT_EQ(claimed(1, 1), "contribution_order");
  EXPECT_EQ(claimed(2, 0), "contribution_order");
  EXPECT_EQ(claimed(0, 1), "contribution_duplicate");
  EXPECT_EQ(claimed(0, 0), "contribution_duplicate");
  EXPECT_EQ(code_after(2,
                       [](RawWorker& w) {
                         w.contribution(3);   // swapped with the one before
                         w.contribution(2);
                       }),
            "contribution_order");
}

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
  EXPECT_EQ(code_of([](RawWorker& w) { w.hello(); w.hello(); }), "frame_order");
  EXPECT_EQ(code_of([](RawWorker& w) { w.hello(); w.contribution(0); }), "frame_length");
  EXPECT_EQ(code_of([&](RawWorker& w) {
              w.hello();
              w.job(job);
              EXPECT_TRUE(w.start());
              w.contribution(0);   // before any grant
            }),
            "frame_order");
  EXPECT_TRUE(rejected_);
  EXPECT_EQ(code_after(0, [](RawWorker& w) { w.end(); }), "frame_order");
  EXPECT_EQ(code_after(all() - 1, [](RawWorker& w) { w.end(); }), "frame_order");
  EXPECT_EQ(code_after(1, [](RawWorker& w) { w.hello(); }), "frame_order");
  EXPECT_EQ(code_after(1,
                       [](RawWorker& w) {
                         w.frame(FrameType::kVerdict, as_bytes("{\"accepted\":true}"));
                       }),
            "frame_order");
  EXPECT_EQ(code_after(1,
                       [](RawWorker& w) {
                         w.frame(FrameType::kReady, Bytes(protocol::kReadyBytes));
                       }),
            "frame_order");
}

TEST_F(Lies, EndOfTheStream) {
  EXPECT_EQ(code_after(0, [](RawWorker&) {}), "worker_disconnected");
  EXPECT_EQ(code_after(5, [](RawWorker&) {}), "worker_disconnected");
  EXPECT_EQ(code_after(all() - 1, [](RawWorker&) {}), "worker_disconnected");
  EXPECT_NE(code_after(all(), [](RawWorker&) {}), "accepted") << "no end frame";
  EXPECT_EQ(code_after(all(), [](RawWorker& w) { w.contribution(0); }), "data_after_end");
  EXPECT_EQ(code_after(all(), [](RawWorker& w) { w.end(); w.end(); }), "data_after_end");
  EXPECT_EQ(code_after(all(), [](RawWorker& w) { w.end(); w.bytes(Bytes(1)); }),
            "data_after_end");
}

TEST_F(Lies, TruncatedAtEveryBoundary) {
  // The whole stream up to the first contribution, cut after every byte of each header and prefix and at
  // points inside the payloads.
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

TEST_F(Lies, VersionAndJob) {
  EXPECT_EQ(code_of([](RawWorker& w) { w.hello(protocol::kVersion + 1); }), "protocol_version");
  EXPECT_EQ(code_of([](RawWorker& w) { w.hello(0); }), "protocol_version");
  const std::string good = job::canonical(honest().job);
  const auto offered = [&](const std::string& text) {
    return code_of([&](RawWorker& w) {
      w.hello();
      w.job(text);
    });
  };
  EXPECT_EQ(offered(good + " "), "job_not_canonical");
  EXPECT_EQ(offered(" " + good), "job_not_canonical");
  EXPECT_EQ(offered(good.substr(0, good.size() - 1)), "json_syntax");
  EXPECT_FALSE(rejected_);
  job::Job other = honest().job;
  other.clip_norm = 0.0;
  EXPECT_EQ(offered(job::canonical(other)), "job_invalid");
  other = honest().job;
  other.data.tree[0] ^= 1;
  EXPECT_EQ(offered(job::canonical(other)), "dataset_root_mismatch");
  EXPECT_TRUE(rejected_);
  other = honest().job;
  other.data.records = 63;
  derive_steps(other);
  EXPECT_EQ(offered(job::canonical(other)), "dataset_size");
}

TEST_F(Lies, Grants) {
  const auto with = [&](const std::function<std::string(certificate::StartStatement)>& sign) {
    return code_of([&](RawWorker& w) {
      w.hello();
      w.job(job::canonical(honest().job));
      const auto start = w.start();
      ASSERT_TRUE(start);
      w.frame(FrameType::kGrant, as_bytes(sign(*start)));
      EXPECT_FALSE(w.ready());
    });
  };
  const auto altered = [&](const std::function<void(certificate::StartStatement&)>& change) {
    return with([&](certificate::StartStatement start) {
      change(start);
      return sign_grant(start).value();
    });
  };
  using Start = certificate::StartStatement;
  EXPECT_EQ(altered([](Start& s) { s.verifier_key[0] ^= 1; }), "grant_mismatch");
  EXPECT_EQ(altered([](Start& s) { s.job_digest[31] ^= 1; }), "grant_mismatch");
  EXPECT_EQ(altered([](Start& s) { s.life = 2; }), "grant_mismatch");
  EXPECT_EQ(altered([](Start& s) { s.nonce = "other"; }), "grant_mismatch");
  EXPECT_EQ(altered([](Start& s) { s.checkpoint = crypto::Digest{}; }), "grant_mismatch");
  EXPECT_TRUE(rejected_);
  EXPECT_EQ(with([](const Start& start) {
              std::string grant = sign_grant(start).value();
              const size_t at = grant.find("\"sig\":\"") + 7;
              grant[at] = grant[at] == 'A' ? 'B' : 'A';
              return grant;
            }),
            "grant_signature");
  EXPECT_EQ(with([](const Start&) { return std::string("{}"); }), "json_field");
}

}  // namespace
}  // namespace ginn::test
