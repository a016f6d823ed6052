#include "certificate/issue/terms.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace ginn::certificate {
namespace {

Terms terms(guarantee::Budget budget,
            double verify_last = 0,
            guarantee::Verify verify = guarantee::Verify::kSample) {
  auto sampling = guarantee::Sampling::create(0.999, budget, verify_last, 2, verify, 600, 4);
  return Terms{0.999, budget, verify, verify_last, 2, 600, sampling.value()};
}

TEST(Terms, SampledStatementHasTheNumbersAndTheDisclaimer) {
  const std::string text = guarantee_statement(terms({true, 0.0101, 0}));
  for (const char* part : {"the probability over the verifier's coins that a certificate is issued",
                           "within the granted lives (at most 2) AND at least 25 of the 2400",
                           "(a share of 0.0101)",
                           "is at most 1 - 0.999.",
                           "not the probability that this model is clean",
                           "nor a claim that it equals the honest model"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " in " << text;
  }
  EXPECT_EQ(text.find("replayed"), std::string::npos);
  EXPECT_EQ(guarantee_statement(terms({false, 0, 24})).find("share"), std::string::npos);
}

TEST(Terms, OfAttemptsThatNobodyCounts) {
  Terms attempt = terms({true, 0.01, 0});
  attempt.unlimited_attempts = true;
  const std::string text = guarantee_statement(attempt);
  EXPECT_NE(text.find("issued within one attempt AND"), std::string::npos) << text;
  EXPECT_NE(text.find("Attempts are not limited: of n of them, one passes with at most n times"),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find("granted"), std::string::npos);
  EXPECT_EQ(*guarantee_json(attempt, 7).find("lives")->as_string(), "unlimited");
}

TEST(Terms, LastAndAll) {
  const Terms last = terms({true, 0.01, 0}, 0.1);
  EXPECT_EQ(last.forced_replays(), 240u);
  EXPECT_NE(guarantee_statement(last).find("Each of the last 240 contributions was replayed."),
            std::string::npos);
  const Terms all = terms({true, 0.01, 0}, 0, guarantee::Verify::kAll);
  EXPECT_EQ(all.forced_replays(), 2400u);
  EXPECT_TRUE(guarantee_statement(all).starts_with("Each of the 2400 contributions was replayed"));
  EXPECT_EQ(guarantee_statement(all).find("probability"), std::string::npos);
  EXPECT_EQ(terms({true, 0.01, 0}).forced_replays(), 0u);
}

TEST(Terms, APromiseSaysNothingAsDone) {
  const Terms sampled = terms({true, 0.0101, 0});
  EXPECT_EQ(guarantee_promise(sampled), guarantee_statement(sampled));
  const std::string last = guarantee_promise(terms({true, 0.01, 0}, 0.1));
  EXPECT_NE(last.find("Each of the last 240 contributions will be replayed."), std::string::npos);
  for (const Terms& all :
       {terms({true, 0.01, 0}, 0, guarantee::Verify::kAll), terms({false, 0, 1})}) {
    const std::string text = guarantee_promise(all);
    EXPECT_TRUE(text.starts_with("Each of the 2400 contributions will be replayed")) << text;
    EXPECT_EQ(text.find("was replayed"), std::string::npos) << text;
    EXPECT_EQ(text.find("differed"), std::string::npos) << text;
  }
}

TEST(Terms, JsonIsExact) {
  const Terms example = terms({true, 0.01, 0}, 0.25);
  const crypto::Json json = guarantee_json(example, 77);
  EXPECT_EQ(*crypto::integer_field(json, "threshold"), example.sampling.threshold());
  EXPECT_EQ(*crypto::integer_field(json, "replayed"), 77u);
  EXPECT_EQ(*crypto::integer_field(json, "contributions"), 2400u);
  EXPECT_EQ(*crypto::integer_field(json, "lives"), 2u);
  EXPECT_EQ(*crypto::number_field(json, "q"), example.sampling.q());
  EXPECT_EQ(*crypto::number_field(json, "expectedReplays"), example.sampling.expected_replays());
  EXPECT_EQ(*crypto::number_field(json, "verifyLast"), 0.25);
  EXPECT_EQ(*crypto::string_field(json, "verify"), "sample");
  EXPECT_EQ(*crypto::number_field(*json.find("budget"), "contributions"), 24.0);
  auto parsed = crypto::parse_json(crypto::canonical_json(json));
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(*parsed, json);
}

}  // namespace
}  // namespace ginn::certificate
