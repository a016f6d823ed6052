#include <gtest/gtest.h>

#include "base/text.h"
#include "certificate/check/fake_run.h"
#include "certificate/issue/format.h"
#include "crypto/dsse.h"

// What an auditor would try first, each with the code and the words that a relying party gets.
namespace ginn::certificate {
namespace {

using crypto::Json;

void expect_first(const Outcome& outcome,
                  std::string_view name,
                  std::string_view code,
                  std::string_view words) {
  EXPECT_EQ(outcome.verdict, Verdict::kRejected);
  for (const Check& check : outcome.checks) {
    if (check.ok) continue;
    EXPECT_EQ(check.name, name);
    EXPECT_EQ(check.code, code);
    EXPECT_NE(check.detail.find(words), std::string::npos) << check.detail;
    EXPECT_EQ(outcome.summary, concat("REJECTED: ", name, ": ", check.detail));
    return;
  }
  ADD_FAILURE() << "nothing failed";
}

Json envelope_json(const FakeRun& run) {
  return crypto::parse_json(run.read("certificate.json")).value();
}

TEST(BadCases, TwoSignaturesOrNone) {
  FakeRun run;
  Json envelope = envelope_json(run);
  Json::Array& signatures = *envelope.as_object()->at("signatures").as_array();
  signatures.push_back(signatures[0]);
  run.write("certificate.json", crypto::canonical_json(envelope));
  expect_first(
      run.check(), "envelope", "bad_signature_form", "found 2 signatures; expected exactly one");
  signatures.clear();
  run.write("certificate.json", crypto::canonical_json(envelope));
  expect_first(run.check(), "envelope", "bad_signature_form", "found 0 signatures");
}

TEST(BadCases, DuplicateKeysInEnvelopeAndStatement) {
  FakeRun run;
  std::string text = run.read("certificate.json");
  text.insert(1, R"("payloadType":"application/vnd.in-toto+json",)");
  run.write("certificate.json", text);
  expect_first(run.check(), "envelope", "json_duplicate_key", "payloadType");
  run.sign_claim();
  const auto envelope = crypto::parse_envelope(run.read("certificate.json"), kMaxStatementBytes);
  std::string payload(as_text(envelope->payload));
  payload.insert(1, concat(R"("_type":")", kStatementType, "\","));
  run.write(
      "certificate.json",
      crypto::sign_envelope(FakeRun::verifier_key(), kStatementPayloadType, as_bytes(payload)));
  expect_first(run.check(), "statement", "json_duplicate_key", "_type");
}

TEST(BadCases, EscapeSequencesAndPathsInNames) {
  FakeRun run;
  const auto with = [&run](const std::string& name) {
    run.sign_changed([&name](Json::Object& statement) {
      (*statement["subject"].as_array()->at(0).as_object())["name"] = name;
    });
    return run.check();
  };
  expect_first(with("\x1b[2Jmodel"), "statement", "statement_form", R"(name "\x1b[2Jmodel")");
  expect_first(with("../model"), "statement", "statement_form", R"(name "../model")");
  expect_first(with("collateral.json"), "statement", "statement_form", "a run's folder reserves");
  expect_first(with("model.onnx"), "statement", "statement_form", "first subject must be");
}

TEST(BadCases, AModelThatTheCertificateDoesNotCover) {
  FakeRun run;
  run.write("model.onnx", "onnx");
  const Outcome outcome = run.check();
  EXPECT_EQ(outcome.verdict, Verdict::kAccepted);
  EXPECT_EQ(outcome.uncovered_files, std::vector<std::string>{"model.onnx"});
}

TEST(BadCases, TheCertificateOfAnotherJob) {
  job::Job other = FakeRun::example_job();
  other.nonce = "run 2";
  FakeRun run;
  FakeRun theirs(other);
  run.write("certificate.json", theirs.read("certificate.json"));
  const Outcome outcome = run.check();
  expect_first(outcome, "job_file", "job_file", "differs from the job in the statement");
  EXPECT_EQ(failed_checks(outcome), "job_file transcript your_job");
}

}  // namespace
}  // namespace ginn::certificate
