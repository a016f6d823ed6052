#include <gtest/gtest.h>

#include "base/text.h"
#include "certificate/check/fake_run.h"
#include "certificate/issue/format.h"
#include "crypto/dsse.h"

namespace ginn::certificate {
namespace {

namespace fs = std::filesystem;

TEST(RejectedRun, SaysWhichContributionGaveItAway) {
  FakeRun run;
  run.reject(run.rejection());
  const Outcome outcome = run.check();
  EXPECT_EQ(outcome.verdict, Verdict::kRejected);
  EXPECT_EQ(failed_checks(outcome) + skipped_checks(outcome), "");
  EXPECT_TRUE(outcome.summary.starts_with(
      "REJECTED by the verifier: deviation at step 12, microbatch 3: one integer differs"))
      << outcome.summary;
  EXPECT_NE(outcome.summary.find("SIMULATED"), std::string::npos);
  EXPECT_TRUE(outcome.simulated);
  EXPECT_EQ(outcome.guarantee, "");
  EXPECT_EQ(outcome.uncovered_files, std::vector<std::string>{"transcript.jsonl"});
  ASSERT_EQ(outcome.checks.size(), std::size(kRejectionChecks));
  for (size_t i = 0; i < outcome.checks.size(); ++i) {
    EXPECT_EQ(outcome.checks[i].name, kRejectionChecks[i]);
  }
}

TEST(RejectedRun, EvidenceFile) {
  FakeRun run;
  RejectionClaim claim = run.rejection();
  claim.evidence_file = crypto::sha256(as_bytes("gradients"));
  run.reject(claim);
  EXPECT_EQ(failed_checks(run.check()), "rejection_evidence");
  run.write("rejection-evidence.safetensors", "gradients");
  EXPECT_EQ(failed_checks(run.check()), "");
  run.write("rejection-evidence.safetensors", "gradient");
  EXPECT_EQ(failed_checks(run.check()), "rejection_evidence");
}

TEST(RejectedRun, ForgedRejectionIsNotTheVerifiers) {
  FakeRun run;
  RejectionClaim claim = run.rejection();
  claim.verifier.evidence =
      FakeRun::evidence(FakeRun::owner_key().public_key(), job::digest(run.job()));
  run.reject(claim);
  const Outcome outcome = run.check();
  EXPECT_EQ(outcome.verdict, Verdict::kRejected);
  EXPECT_EQ(failed_checks(outcome), "evidence");
  EXPECT_NE(outcome.summary.find("cannot be verified"), std::string::npos);
  run.write("rejection.json", "{}");
  EXPECT_EQ(failed_checks(run.check()), "envelope");
  EXPECT_NE(run.check().summary.find("cannot be verified"), std::string::npos);
}

TEST(RejectedRun, CertificateUnderTheRejectionsName) {
  FakeRun run;
  fs::rename(run.dir() / "certificate.json", run.dir() / "rejection.json");
  const Outcome outcome = run.check();
  EXPECT_EQ(outcome.verdict, Verdict::kRejected);
  EXPECT_EQ(failed_checks(outcome), "statement");
}

TEST(RejectedRun, JobAndRelyingParty) {
  FakeRun run;
  run.reject(run.rejection());
  run.write("job.json", "{}");
  EXPECT_EQ(failed_checks(run.check()), "job_file");
  run.write("job.json", run.claim().job);
  RelyingParty other = run.relying_party();
  (*other.job_digest)[3] ^= 1;
  EXPECT_EQ(failed_checks(run.check(other)), "your_job");
  EXPECT_EQ(failed_checks(run.check({})), "simulated");
  EXPECT_EQ(run.check({}).verdict, Verdict::kRejected);
}

// The digest that evidence and signature bind stays; the job shown is another one.
TEST(RejectedRun, AJobOfAnotherDigest) {
  FakeRun run;
  run.reject(run.rejection());
  job::Job other = run.job();
  other.lr.peak = 0.3;
  const std::string text = job::canonical(other);
  run.write("job.json", text);
  const auto envelope = crypto::parse_envelope(run.read("rejection.json"), kMaxStatementBytes);
  crypto::Json statement = crypto::parse_json(as_text(envelope->payload)).value();
  crypto::Json& predicate = (*statement.as_object())["predicate"];
  (*predicate.as_object())["job"] = crypto::parse_json(text).value();
  const std::string payload = crypto::canonical_json(statement);
  run.write(
      "rejection.json",
      crypto::sign_envelope(FakeRun::verifier_key(), kStatementPayloadType, as_bytes(payload)));
  EXPECT_EQ(failed_checks(run.check()), "job");
}

TEST(RejectedRun, NoFlipTurnsItIntoSomethingElse) {
  FakeRun run;
  run.reject(run.rejection());
  const std::string good = run.read("rejection.json");
  for (size_t at = 0; at < good.size(); at += 41) {
    std::string changed = good;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    run.write("rejection.json", changed);
    const Outcome outcome = run.check();
    EXPECT_EQ(outcome.verdict, Verdict::kRejected);
    EXPECT_NE(failed_checks(outcome), "") << at;
  }
}

}  // namespace
}  // namespace ginn::certificate
