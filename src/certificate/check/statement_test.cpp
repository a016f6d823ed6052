#include "certificate/check/statement.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "certificate/check/fake_run.h"
#include "crypto/dsse.h"

namespace ginn::certificate {
namespace {

using crypto::Json;

std::string payload_of(const Result<std::string>& envelope) {
  return std::string(
      as_text(crypto::parse_envelope(envelope.value(), kMaxStatementBytes)->payload));
}

// The value at a path of keys, for changing it.
Json& at(Json& json, const std::vector<std::string>& path) {
  Json* found = &json;
  for (const std::string& key : path) found = &(*found->as_object())[key];
  return *found;
}

class StatementTest : public ::testing::Test {
 protected:
  std::string certificate() {
    return payload_of(issue_certificate(FakeRun::verifier_key(), run_.claim()));
  }
  std::string rejection() {
    return payload_of(issue_rejection(FakeRun::verifier_key(), run_.rejection()));
  }

  std::string code_with(const std::vector<std::string>& path, Json value) {
    Json json = crypto::parse_json(certificate()).value();
    at(json, path) = std::move(value);
    auto parsed = parse_certificate_statement(crypto::canonical_json(json));
    return parsed.ok() ? "ok" : parsed.error().code;
  }
  std::string rejection_code_with(const std::vector<std::string>& path, Json value) {
    Json json = crypto::parse_json(rejection()).value();
    at(json, path) = std::move(value);
    auto parsed = parse_rejection_statement(crypto::canonical_json(json));
    return parsed.ok() ? "ok" : parsed.error().code;
  }

  FakeRun run_;
};

Json subject(const std::string& name) {
  Json::Object digest;
  digest["sha256"] = std::string(64, 'a');
  Json::Object entry;
  entry["name"] = name;
  entry["digest"] = digest;
  return entry;
}

Json subjects(const std::vector<std::string>& names) {
  Json::Array out;
  for (const std::string& name : names) out.push_back(subject(name));
  return out;
}

TEST_F(StatementTest, ParsesWhatIsIssued) {
  auto parsed = parse_certificate_statement(certificate());
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  const Claim& claim = run_.claim();
  EXPECT_EQ(parsed->head.job, claim.job);
  EXPECT_EQ(parsed->head.job_digest, job::digest(run_.job()));
  EXPECT_EQ(parsed->head.key, FakeRun::verifier_key().public_key());
  EXPECT_EQ(parsed->head.version, "0.1.0");
  EXPECT_EQ(parsed->head.evidence, claim.verifier.evidence);
  EXPECT_EQ(parsed->head.subjects.at(0).sha256, claim.subjects.at(0).sha256);
  EXPECT_EQ(parsed->arithmetic_format, "dfp14");
  EXPECT_EQ(parsed->replayed, 700u);
  EXPECT_EQ(parsed->transcript_head, claim.transcript_head);
  EXPECT_EQ(parsed->transcript_entries, 12u);
  EXPECT_EQ(parsed->life, 1u);
  EXPECT_EQ(parsed->grants, claim.grants);
  EXPECT_EQ(parsed->batch_norm_samples, 2048u);
  auto rejected = parse_rejection_statement(rejection());
  ASSERT_TRUE(rejected.ok()) << rejected.error().message;
  EXPECT_EQ(rejected->code, "deviation");
  EXPECT_EQ(rejected->message, "one integer differs");
  EXPECT_EQ(rejected->step, 12u);
  EXPECT_EQ(rejected->microbatch, 3u);
}

TEST_F(StatementTest, TypesAreNotInterchangeable) {
  EXPECT_STREQ(parse_certificate_statement(rejection()).error().code, "statement_type");
  EXPECT_STREQ(parse_rejection_statement(certificate()).error().code, "statement_type");
  EXPECT_EQ(code_with({"_type"}, "https://in-toto.io/Statement/v0.1"), "statement_type");
  EXPECT_EQ(code_with({"predicateType"}, "urn:ginn:predicate:verified-training:v2"),
            "statement_version");
  EXPECT_EQ(code_with({"predicateType"}, "urn:ginn:predicate:verified-training:v0"),
            "statement_type");
}

TEST_F(StatementTest, ExactFieldsAtEveryLevel) {
  for (const std::vector<std::string>& path : {std::vector<std::string>{"x"},
                                               {"predicate", "x"},
                                               {"predicate", "arithmetic", "x"},
                                               {"predicate", "guarantee", "x"},
                                               {"predicate", "transcript", "x"},
                                               {"predicate", "verifier", "simulated"}}) {
    EXPECT_EQ(code_with(path, false), "json_field") << path.back();
  }
  EXPECT_EQ(rejection_code_with({"predicate", "x"}, false), "json_field");
  EXPECT_EQ(code_with({"predicate"}, "x"), "json_field");
  EXPECT_EQ(code_with({"predicate", "transcript"}, "x"), "json_field");
}

TEST_F(StatementTest, Values) {
  EXPECT_EQ(code_with({"predicate", "verdict"}, "rejected"), "statement_form");
  EXPECT_EQ(code_with({"predicate", "job"}, "x"), "statement_form");
  EXPECT_EQ(code_with({"predicate", "jobDigest"}, "x"), "bad_digest");
  EXPECT_EQ(code_with({"predicate", "verifier", "program"}, "other"), "statement_form");
  EXPECT_EQ(code_with({"predicate", "verifier", "publicKey"}, "x"), "bad_key");
  EXPECT_EQ(code_with({"predicate", "transcript", "life"}, "0"), "statement_form");
  EXPECT_EQ(code_with({"predicate", "transcript", "life"}, "4294967296"), "statement_form");
  EXPECT_EQ(code_with({"predicate", "transcript", "entries"}, 3), "json_field");
  EXPECT_EQ(code_with({"predicate", "guarantee", "replayed"}, "07"), "json_field");
  EXPECT_EQ(code_with({"predicate", "grants"}, Json::Array{1}), "statement_form");
  EXPECT_EQ(code_with({"predicate", "grants"}, Json::Array(65, "a")), "statement_form");
  EXPECT_EQ(code_with({"predicate", "batchNormSamples"}, "-1"), "json_field");
  EXPECT_EQ(rejection_code_with({"predicate", "verdict"}, "accepted"), "statement_form");
  EXPECT_EQ(rejection_code_with({"predicate", "records"}, Json::Array{1}), "statement_form");
  EXPECT_EQ(rejection_code_with({"predicate", "received"}, "x"), "bad_digest");
  EXPECT_EQ(rejection_code_with({"predicate", "received"}, ""), "ok");
}

TEST_F(StatementTest, Subjects) {
  EXPECT_EQ(code_with({"subject"}, subjects({"model.safetensors", "model.onnx"})), "ok");
  EXPECT_EQ(code_with({"subject"}, subjects({})), "statement_form");
  EXPECT_EQ(code_with({"subject"}, subjects({"model.onnx"})), "statement_form");
  for (const char* name : {"",
                           ".",
                           "..",
                           "../x",
                           "a/b",
                           ".hidden",
                           "a b",
                           "\x1b",
                           "certificate.json",
                           "rejection.json",
                           "job.json",
                           "transcript.jsonl",
                           "model.safetensors"}) {
    EXPECT_EQ(code_with({"subject"}, subjects({"model.safetensors", name})), "statement_form")
        << name;
  }
  const std::string long_name(129, 'a');
  EXPECT_EQ(code_with({"subject"}, subjects({"model.safetensors", long_name})), "statement_form");
  EXPECT_EQ(rejection_code_with({"subject"}, subjects({"rejection-evidence.safetensors"})), "ok");
  EXPECT_EQ(rejection_code_with({"subject"}, subjects({"model.safetensors"})), "statement_form");
}

TEST_F(StatementTest, OnlyCanonicalJson) {
  auto json = crypto::parse_json(certificate());
  EXPECT_STREQ(parse_certificate_statement(crypto::pretty_json(*json)).error().code,
               "statement_form");
  EXPECT_STREQ(parse_certificate_statement("").error().code, "json_syntax");
  EXPECT_STREQ(parse_certificate_statement(std::string(40, '[')).error().code, "json_too_deep");
}

}  // namespace
}  // namespace ginn::certificate
