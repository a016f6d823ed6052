// A worker that lies before the first contribution: version, job, grant.
#include <gtest/gtest.h>

#include "certificate/issue/grant.h"
#include "tests/end_to_end/lies.h"

namespace ginn::test {
namespace {

using protocol::FrameType;

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

TEST_F(Lies, EarlyEndsAreToldTo) {
  // Without a job there is nothing to sign, but the worker learns why.
  const auto told = [&](const Lie& lie) {
    std::string verdict;
    const std::string code = code_of([&](RawWorker& w) {
      lie(w);
      w.listen();
      verdict = w.verdict();
      EXPECT_FALSE(w.environment());
    });
    EXPECT_EQ(verdict, code);
    EXPECT_FALSE(rejected_);
    return code;
  };
  EXPECT_EQ(told([](RawWorker& w) { w.hello(protocol::kVersion + 1); }), "protocol_version");
  EXPECT_EQ(told([](RawWorker& w) {
              w.hello();
              w.job("{}");
            }),
            "json_field");
  EXPECT_EQ(told([](RawWorker& w) { w.end(); }), "frame_order");
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
