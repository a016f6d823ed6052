#pragma once

#include <gtest/gtest.h>

#include "base/text.h"
#include "certificate/issue/format.h"
#include "tests/end_to_end/lab.h"

namespace ginn::test {

using Lie = std::function<void(RawWorker&)>;

// The run that is lied about: every contribution is replayed.
inline const Honest& honest() {
  static const Honest run = honest_run(Coverage::kAll);
  return run;
}
inline uint64_t all() { return honest().payloads.size(); }

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
      rejected_ =
          worker.outcome().ok() && worker.outcome()->kind == verifier::Outcome::Kind::kRejected;
      suspended_ =
          worker.outcome().ok() && worker.outcome()->kind == verifier::Outcome::Kind::kSuspended;
      if (rejected_ && !worker.verdict().empty()) {
        EXPECT_EQ(worker.verdict(), code);
      }
    }
    if (code != "accepted") {
      EXPECT_FALSE(exists(out / certificate::kCertificateFile)) << code;
      EXPECT_FALSE(exists(out / certificate::kModelFile)) << code;
      EXPECT_EQ(exists(out / certificate::kRejectionFile), rejected_) << code;
      EXPECT_EQ(exists(out / verifier::kCheckpointFile), suspended_) << code;
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
  // For a payload that is a lie: signed against, and the run is over.
  std::string code_of_payload(const Bytes& payload) {
    const std::string code = code_after(
        2, [&](RawWorker& worker) { worker.frame(protocol::FrameType::kContribution, payload); });
    EXPECT_TRUE(rejected_) << code;
    return code;
  }
  std::filesystem::path fresh_out() {
    const auto out = folder_ / concat("run", runs_++);
    std::filesystem::create_directory(out);
    return out;
  }

  TemporaryFolder folder_;
  std::filesystem::path records_ = write_records(honest(), folder_);
  int runs_ = 0;
  bool rejected_ = false;   // by a verdict, with a signed rejection
  bool suspended_ = false;  // with a checkpoint to go on from
};

}  // namespace ginn::test
