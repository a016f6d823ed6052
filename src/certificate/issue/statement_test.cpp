#include "certificate/issue/statement.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "certificate/issue/format.h"
#include "crypto/dsse.h"
#include "crypto/json.h"

namespace ginn::certificate {
namespace {

crypto::SigningKey key() { return crypto::SigningKey::from_seed(Bytes(32, 5)).value(); }
const crypto::Digest kDigest = crypto::sha256(as_bytes("x"));
const std::string kDigestText = crypto::tagged(kDigest);

Claim example() {
  const guarantee::Budget budget{true, 0.01, 0};
  auto sampling = guarantee::Sampling::create(
      0.999, budget, 0, 1, guarantee::Verify::kSample, uint64_t{1} << 39, 4);
  Terms terms{0.999, budget, guarantee::Verify::kSample, 0, 1, uint64_t{1} << 39, sampling.value()};
  return Claim{.subjects = {{"model.safetensors", kDigest}},
               .job = "{\"a\":1}",
               .arithmetic_format = "dfp14",
               .terms = terms,
               .replayed = 9007199254740993,
               .transcript_head = kDigest,
               .transcript_entries = 3,
               .life = 1,
               .verifier = {"0.1.0", "evidence"},
               .grants = {"grant"},
               .batch_norm_samples = 2048};
}

crypto::Json statement_of(const Result<std::string>& text) {
  auto envelope = crypto::parse_envelope(text.value(), kMaxStatementBytes);
  EXPECT_TRUE(crypto::verify_envelope(*envelope, key().public_key()));
  EXPECT_EQ(envelope->payload_type, "application/vnd.in-toto+json");
  return crypto::parse_json(as_text(envelope->payload)).value();
}

TEST(Certificate, IsAnInTotoStatement) {
  const crypto::Json statement = statement_of(issue_certificate(key(), example()));
  EXPECT_TRUE(crypto::exact_fields(statement, {"_type", "subject", "predicateType", "predicate"}));
  EXPECT_EQ(*crypto::string_field(statement, "_type"), "https://in-toto.io/Statement/v1");
  EXPECT_EQ(*crypto::string_field(statement, "predicateType"),
            "urn:ginn:predicate:verified-training:v1");
  EXPECT_EQ(crypto::canonical_json(*statement.find("subject")),
            concat("[{\"digest\":{\"sha256\":\"",
                   crypto::hex(kDigest),
                   "\"},\"name\":\"model.safetensors\"}]"));
  const crypto::Json& predicate = *statement.find("predicate");
  EXPECT_EQ(*crypto::string_field(predicate, "verdict"), "accepted");
  EXPECT_EQ(crypto::canonical_json(*predicate.find("job")), "{\"a\":1}");
  EXPECT_EQ(*crypto::string_field(predicate, "jobDigest"),
            crypto::tagged(crypto::sha256(as_bytes("{\"a\":1}"))));
  EXPECT_EQ(crypto::canonical_json(*predicate.find("arithmetic")),
            "{\"format\":\"dfp14\",\"version\":\"1\"}");
  EXPECT_EQ(*crypto::integer_field(*predicate.find("guarantee"), "replayed"), 9007199254740993u);
  EXPECT_EQ(crypto::canonical_json(*predicate.find("transcript")),
            concat("{\"entries\":\"3\",\"head\":\"", kDigestText, "\",\"life\":\"1\"}"));
  EXPECT_EQ(crypto::canonical_json(*predicate.find("verifier")),
            concat("{\"evidence\":\"evidence\",\"program\":\"ginn-verifier\",\"publicKey\":\"",
                   key_text(key().public_key()),
                   "\",\"version\":\"0.1.0\"}"));
  EXPECT_EQ(crypto::canonical_json(*predicate.find("grants")), "[\"grant\"]");
  EXPECT_EQ(*crypto::integer_field(predicate, "batchNormSamples"), 2048u);
}

TEST(Certificate, RefusesWhatCannotBeRead) {
  Claim claim = example();
  claim.job = std::string("{");
  EXPECT_STREQ(issue_certificate(key(), claim).error().code, "json_syntax");
  claim = example();
  claim.verifier.evidence = std::string(kMaxStatementBytes, 'a');
  EXPECT_STREQ(issue_certificate(key(), claim).error().code, "statement_too_large");
}

TEST(Rejection, SaysWhatAThirdPartyNeeds) {
  RejectionClaim claim{.job = "{\"a\":1}",
                       .code = "deviation",
                       .message = "bad\nthing",
                       .step = 12,
                       .microbatch = 3,
                       .life = 2,
                       .records = {5, 1ull << 60},
                       .received = kDigest,
                       .expected = std::nullopt,
                       .evidence_file = std::nullopt,
                       .verifier = {"0.1.0", "evidence"}};
  crypto::Json statement = statement_of(issue_rejection(key(), claim));
  EXPECT_EQ(crypto::canonical_json(*statement.find("subject")), "[]");
  EXPECT_EQ(*crypto::string_field(statement, "predicateType"),
            "urn:ginn:predicate:training-rejection:v1");
  const crypto::Json& predicate = *statement.find("predicate");
  EXPECT_EQ(*crypto::string_field(predicate, "verdict"), "rejected");
  EXPECT_EQ(*crypto::string_field(predicate, "code"), "deviation");
  EXPECT_EQ(*crypto::string_field(predicate, "message"), "bad\\x0athing");
  EXPECT_EQ(*crypto::integer_field(predicate, "step"), 12u);
  EXPECT_EQ(*crypto::integer_field(predicate, "life"), 2u);
  EXPECT_EQ(crypto::canonical_json(*predicate.find("records")), "[\"5\",\"1152921504606846976\"]");
  EXPECT_EQ(*crypto::string_field(predicate, "received"), kDigestText);
  EXPECT_EQ(*crypto::string_field(predicate, "expected"), "");
  claim.evidence_file = kDigest;
  statement = statement_of(issue_rejection(key(), claim));
  EXPECT_EQ(*crypto::string_field(statement.find("subject")->as_array()->at(0), "name"),
            "rejection-evidence.safetensors");
}

}  // namespace
}  // namespace ginn::certificate
