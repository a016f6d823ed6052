#include "certificate/check/run_check.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "certificate/check/fake_run.h"
#include "certificate/issue/format.h"
#include "crypto/dsse.h"

namespace ginn::certificate {
namespace {

namespace fs = std::filesystem;
using crypto::Json;

constexpr const char* kAfterCertificate =
    "envelope payload_type statement signature evidence job job_file guarantee replayed transcript "
    "model grants your_job simulated";

Json::Object& predicate_of(Json::Object& statement) { return *statement["predicate"].as_object(); }

TEST(CheckRun, AcceptsAgainstTheRelyingPartysJob) {
  FakeRun run;
  const Outcome outcome = run.check();
  EXPECT_EQ(outcome.verdict, Verdict::kAccepted) << outcome.summary;
  EXPECT_EQ(failed_checks(outcome) + skipped_checks(outcome), "");
  EXPECT_TRUE(outcome.simulated);
  EXPECT_TRUE(outcome.uncovered_files.empty());
  EXPECT_TRUE(outcome.guarantee.starts_with("Whatever worker and host do"));
  EXPECT_TRUE(outcome.summary.starts_with("ACCEPTED. Whatever worker and host do"));
  EXPECT_NE(outcome.summary.find("SIMULATED"), std::string::npos);
  ASSERT_EQ(outcome.checks.size(), std::size(kCertificateChecks));
  for (size_t i = 0; i < outcome.checks.size(); ++i) {
    EXPECT_EQ(outcome.checks[i].name, kCertificateChecks[i]);
  }
  EXPECT_NE(
      outcome.checks[13].detail.find("signed locally by the host that ran the training: SIMULATED"),
      std::string::npos);
}

TEST(CheckRun, ConsistentWithoutAJob) {
  FakeRun run;
  const Outcome outcome = run.check({std::nullopt, true, std::nullopt});
  EXPECT_EQ(outcome.verdict, Verdict::kConsistent);
  EXPECT_EQ(failed_checks(outcome), "");
  EXPECT_EQ(skipped_checks(outcome), "your_job");
  EXPECT_TRUE(outcome.summary.starts_with("CONSISTENT, not accepted"));
  EXPECT_EQ(outcome.guarantee, "") << "nothing is promised without a job to compare with";
}

TEST(CheckRun, RejectedAgainstAnotherJob) {
  FakeRun run;
  RelyingParty other = run.relying_party();
  (*other.job_digest)[0] ^= 1;
  expect_rejected(run.check(other), "your_job");
}

// A job file that names its data's root, as the command line resolves it.
RelyingParty with_root(const FakeRun& run,
                       const crypto::Digest& root,
                       std::string* seen = nullptr) {
  RelyingParty party = run.relying_party();
  party.job_digest.reset();
  party.job_of_facts =
      [&run, root, seen](const data::DatasetFacts& facts) -> Result<crypto::Digest> {
    if (seen != nullptr) *seen = concat(facts.records);
    if (facts.root() != root) return refused("your_job", "other data");
    job::Job job = run.job();
    job.data = facts;
    return job::digest(job);
  };
  return party;
}

TEST(CheckRun, AJobFileThatNamesTheRoot) {
  FakeRun run;
  std::string records;
  const RelyingParty party = with_root(run, run.job().data.root(), &records);
  EXPECT_EQ(run.check(party).verdict, Verdict::kAccepted);
  EXPECT_EQ(records, "60000");
  // Nothing but the statement says what the root stands for: job.json decides nothing.
  fs::remove(run.dir() / "job.json");
  expect_rejected(run.check(party), "job_file");
  run.write("job.json", run.claim().job + " ");
  expect_rejected(run.check(party), "job_file");
  expect_rejected(run.check(with_root(run, crypto::sha256({}))), "job_file your_job");
  run.sign_changed(
      [](Json::Object& statement) { predicate_of(statement)["job"].as_object()->erase("train"); });
  expect_rejected(
      run.check(party), "job job_file your_job", "guarantee replayed transcript grants");
  fs::remove(run.dir() / "certificate.json");
  expect_rejected(run.check(party), "certificate", kAfterCertificate);
}

TEST(CheckRun, ReplaysExpectedAreRounded) {
  FakeRun run;
  const std::string detail = run.check().checks[10].detail;
  EXPECT_TRUE(detail.starts_with("700 of 7488 contributions replayed, ")) << detail;
  const size_t point = detail.find('.');
  ASSERT_NE(point, std::string::npos) << detail;
  EXPECT_EQ(detail.substr(point + 2), " expected");
}

TEST(CheckRun, SimulatedOnlyWhenAllowed) {
  FakeRun run;
  RelyingParty strict = run.relying_party();
  strict.allow_simulated = false;
  const Outcome outcome = run.check(strict);
  expect_rejected(outcome, "simulated");
  EXPECT_TRUE(outcome.simulated);
  // Without a job too, and the reason given is the one that counts.
  const Outcome no_job = run.check({});
  expect_rejected(no_job, "simulated", "your_job");
  EXPECT_TRUE(no_job.summary.starts_with("REJECTED: SIMULATED: ")) << no_job.summary;
  EXPECT_EQ(no_job.summary.find("imulated: SIM"), std::string::npos) << no_job.summary;
}

TEST(CheckRun, NoFolder) {
  FakeRun run;
  auto outcome = check_run(run.dir() / "nowhere", {});
  ASSERT_FALSE(outcome.ok());
  EXPECT_STREQ(outcome.error().code, "not_a_folder");
  EXPECT_STREQ(check_run(run.dir() / "job.json", {}).error().code, "not_a_folder");
}

TEST(CheckRun, CertificateMissingLinkedTooLargeOrBesideARejection) {
  FakeRun run;
  const std::string certificate = run.read("certificate.json");
  fs::remove(run.dir() / "certificate.json");
  expect_rejected(run.check(), "certificate", kAfterCertificate);
  run.write("elsewhere", certificate);
  fs::create_symlink("elsewhere", run.dir() / "certificate.json");
  expect_rejected(run.check(), "certificate", kAfterCertificate);
  fs::remove(run.dir() / "certificate.json");
  run.write("certificate.json", certificate + std::string(kMaxStatementBytes, ' '));
  expect_rejected(run.check(), "certificate", kAfterCertificate);
  run.write("certificate.json", certificate);
  EXPECT_EQ(run.check().verdict, Verdict::kAccepted);
  run.write("rejection.json", "{}");
  expect_rejected(run.check(), "certificate", kAfterCertificate);
}

TEST(CheckRun, TooManyEntries) {
  FakeRun run;
  for (int i = 0; i < 10000; ++i) {
    fs::create_hard_link(run.dir() / "job.json", run.dir() / concat("extra ", i));
  }
  expect_rejected(run.check(), "folder", concat("certificate ", kAfterCertificate));
}

TEST(CheckRun, Envelope) {
  FakeRun run;
  const std::string certificate = run.read("certificate.json");
  const std::string skipped = std::string(kAfterCertificate).substr(9);
  for (const std::string& text :
       {std::string(),
        std::string("{}"),
        certificate.substr(0, certificate.size() - 1),
        certificate.substr(0, certificate.size() - 1) + ",\"payloadType\":\"a\"}",
        std::string(100, '[')}) {
    run.write("certificate.json", text);
    expect_rejected(run.check(), "envelope", skipped);
  }
}

TEST(CheckRun, PayloadType) {
  FakeRun run;
  const auto envelope = crypto::parse_envelope(run.read("certificate.json"), kMaxStatementBytes);
  run.write("certificate.json",
            crypto::sign_envelope(FakeRun::verifier_key(), kGrantPayloadType, envelope->payload));
  expect_rejected(run.check(), "payload_type", std::string(kAfterCertificate).substr(22));
}

TEST(CheckRun, StatementForm) {
  FakeRun run;
  const std::string skipped = std::string(kAfterCertificate).substr(32);
  run.sign_changed([](Json::Object& statement) { predicate_of(statement)["extra"] = 1; });
  expect_rejected(run.check(), "statement", skipped);
  // A rejection under the certificate's name.
  run.write("certificate.json", issue_rejection(FakeRun::verifier_key(), run.rejection()).value());
  expect_rejected(run.check(), "statement", skipped);
}

TEST(CheckRun, Signature) {
  FakeRun run;
  auto envelope = crypto::parse_json(run.read("certificate.json"));
  const std::string good = crypto::canonical_json(*envelope);
  Json& signature = envelope->as_object()->at("signatures").as_array()->at(0);
  (*signature.as_object())["sig"] = to_base64(Bytes(64, 3));
  run.write("certificate.json", crypto::canonical_json(*envelope));
  expect_rejected(run.check(), "signature");
  // Another key's signature over the same statement.
  const auto payload = crypto::parse_envelope(good, kMaxStatementBytes)->payload;
  run.write("certificate.json",
            crypto::sign_envelope(FakeRun::owner_key(), kStatementPayloadType, payload));
  expect_rejected(run.check(), "signature");
}

TEST(CheckRun, EvidenceOfAnotherKeyJobOrNobody) {
  FakeRun run;
  const crypto::Digest job = job::digest(run.job());
  run.claim().verifier.evidence = FakeRun::evidence(FakeRun::owner_key().public_key(), job);
  run.sign_claim();
  expect_rejected(run.check(), "evidence");
  run.claim().verifier.evidence =
      FakeRun::evidence(FakeRun::verifier_key().public_key(), crypto::sha256({}));
  run.sign_claim();
  expect_rejected(run.check(), "evidence");
  run.claim().verifier.evidence = "";
  run.sign_claim();
  expect_rejected(run.check(), "evidence", "grants simulated");
}

TEST(CheckRun, JobDisagreesWithTheRestOfThePredicate) {
  FakeRun run;
  run.claim().arithmetic_format = "dfp16";
  run.sign_claim();
  expect_rejected(run.check(), "job");
  run.sign_changed([](Json::Object& statement) {
    Json::Object arithmetic;
    arithmetic["format"] = "dfp14";
    arithmetic["version"] = "2";
    predicate_of(statement)["arithmetic"] = arithmetic;
  });
  expect_rejected(run.check(), "job");
  run.claim().arithmetic_format = "dfp14";
  run.claim().batch_norm_samples -= 32;
  run.sign_claim();
  expect_rejected(run.check(), "job");
}

TEST(CheckRun, JobOfAnotherDigest) {
  FakeRun run;
  // The digest that everything else binds stays; the job shown is another one.
  job::Job other = run.job();
  other.lr.peak = 0.3;
  const std::string text = job::canonical(other);
  run.write("job.json", text);
  run.sign_changed(
      [&](Json::Object& statement) { predicate_of(statement)["job"] = *crypto::parse_json(text); });
  expect_rejected(run.check(), "job");
  run.sign_changed(
      [](Json::Object& statement) { predicate_of(statement)["job"].as_object()->erase("train"); });
  expect_rejected(run.check(), "job job_file", "guarantee replayed transcript grants");
}

TEST(CheckRun, JobFile) {
  FakeRun run;
  run.write("job.json", run.claim().job + "\n");
  expect_rejected(run.check(), "job_file");
  EXPECT_EQ(run.check().uncovered_files, std::vector<std::string>{"job.json"});
  fs::remove(run.dir() / "job.json");
  expect_rejected(run.check(), "job_file");
}

TEST(CheckRun, GuaranteeIsTheJobsOwn) {
  FakeRun run;
  const auto with = [&run](const char* key, Json value) {
    run.sign_changed([&](Json::Object& statement) {
      (*predicate_of(statement)["guarantee"].as_object())[key] = value;
    });
    expect_rejected(run.check(), "guarantee");
  };
  Json::Object budget;
  budget["contributions"] = 1;
  budget["share"] = 0.01;
  with("budget", budget);
  with("statement", "This model is clean.");
  with("probability", 0.9999);
  with("contributions", "7489");
  with("expectedReplays", 7000);
  with("q", 0.5);
  with("threshold", "18446744073709551615");
  with("verify", "all");
  with("verifyLast", 0.5);
  with("lives", "2");
  run.sign_claim();
  EXPECT_EQ(run.check().verdict, Verdict::kAccepted);
}

TEST(CheckRun, ListsWhatIsNotCovered) {
  FakeRun run;
  run.write("report.html", "<html>");
  run.write("bad\nname\x1b[31m", "");
  fs::create_directory(run.dir() / "states");
  fs::create_symlink("/etc/hostname", run.dir() / "link");
  const Outcome outcome = run.check();
  EXPECT_EQ(outcome.verdict, Verdict::kAccepted);
  EXPECT_EQ(outcome.uncovered_files,
            (std::vector<std::string>{
                "bad\\x0aname\\x1b[31m", "link (symbolic link)", "report.html", "states/"}));
}

TEST(CheckRun, DetailsFromOutsideAreEscaped) {
  FakeRun run;
  run.claim().arithmetic_format = "\x1b[2J\xc3\xa9";
  run.sign_claim();
  const Outcome outcome = run.check();
  for (const Check& check : outcome.checks) {
    for (char c : check.detail) EXPECT_TRUE(c >= 0x20 && c <= 0x7e) << check.name;
  }
  expect_rejected(outcome, "job");
}

}  // namespace
}  // namespace ginn::certificate
