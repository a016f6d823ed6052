#include "import/toml_policy.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace ginn::import {
namespace {

using attest::verify::TcbStatus;

job::Job example_job() {
  job::Job job;
  job.model = "resnet8";
  job.data = {60000, 28, 28, 1, 10, {}};
  job.mean = {0.5};
  job.std = {0.25};
  job.epochs = 4;
  job.steps = 1872;
  for (const job::Problem& p : job::validate(job)) ADD_FAILURE() << p.key << ": " << p.message;
  return job;
}

PolicyChoices choices() {
  PolicyChoices out;
  out.measurements = {Bytes(48, 1), Bytes(32, 2)};
  out.owners = {crypto::PublicKey{5}};
  return out;
}

std::string example() { return policy_text(example_job(), choices()); }

// The text with the line of `key` replaced.
std::string with(const std::string& key, const std::string& line) {
  std::string text = example();
  const size_t begin = text.find("\n" + key + " = ");
  EXPECT_NE(begin, std::string::npos) << key;
  const size_t end = text.find('\n', begin + 1);
  return text.replace(begin + 1, end - begin - 1, line);
}

std::string message_of(const std::string& text) {
  const auto policy = parse_policy_file(text, "p.toml");
  if (policy.ok()) return "";
  EXPECT_STREQ(policy.error().code, "policy_file");
  EXPECT_EQ(policy.error().kind, ErrorClass::kInput);
  return policy.error().message;
}

void expect_problem(const std::string& text, const std::string& part) {
  const std::string message = message_of(text);
  EXPECT_NE(message.find(part), std::string::npos) << "expected: " << part << "\n" << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
}

TEST(PolicyText, IsTheJobsOwn) {
  const auto parsed = parse_policy_file(example(), "p.toml");
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  const job::Job job = example_job();
  const policy::Policy& p = *parsed;
  EXPECT_EQ(p.job_digest, policy::Demand(job::digest(job)));
  EXPECT_EQ(p.dataset_root, policy::Demand(job.data.root()));
  EXPECT_EQ(p.probability, policy::Demand(0.999));
  EXPECT_TRUE(p.budget.value().is_share);
  EXPECT_EQ(p.budget.value().share, 0.01);
  EXPECT_EQ(p.lives.value(), 1u);
  EXPECT_EQ(p.kinds.value(),
            (std::vector<std::string>{"sgx", "tdx", "snp", "nitro", "azure-snp", "azure-tdx"}));
  EXPECT_EQ(p.measurements.value(), choices().measurements);
  EXPECT_EQ(p.tcb.value(), std::vector<TcbStatus>{TcbStatus::kUpToDate});
  EXPECT_EQ(p.snp_tcb.value(), (policy::SnpVersions{255, 255, 255, 255}));
  EXPECT_EQ(p.advisories.value(), std::vector<std::string>{});
  EXPECT_EQ(p.collateral_days.value(), 30u);
  EXPECT_EQ(p.owners.value(), choices().owners);
  for (bool any : {p.job_digest.is_any(),
                   p.lives.is_any(),
                   p.kinds.is_any(),
                   p.tcb.is_any(),
                   p.advisories.is_any(),
                   p.collateral_days.is_any(),
                   p.owners.is_any()}) {
    EXPECT_FALSE(any);
  }
}

TEST(PolicyText, NamesNothingThatItWasNotGiven) {
  const auto parsed = parse_policy_file(policy_text(example_job(), {}), "p.toml");
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  EXPECT_TRUE(parsed->measurements.value().empty());
  EXPECT_TRUE(parsed->owners.value().empty());
}

TEST(PolicyText, ForTheSimulatedTee) {
  PolicyChoices simulated = choices();
  simulated.kinds = {"simulated"};
  job::Job job = example_job();
  job.budget = {false, 0.01, 24};
  const auto parsed = parse_policy_file(policy_text(job, simulated), "p.toml");
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  EXPECT_EQ(parsed->kinds.value(), std::vector<std::string>{"simulated"});
  EXPECT_TRUE(parsed->collateral_days.is_any());
  EXPECT_EQ(parsed->budget.value().count, 24u);
}

TEST(PolicyFile, NoKeyMayBeLeftOut) {
  size_t lines = 0;
  std::string text = example();
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = text.find('\n', begin);
    const std::string line = text.substr(begin, end - begin);
    const size_t equals = line.find(" = ");
    if (equals != std::string::npos && line[0] != '#') {
      const std::string key = line.substr(0, equals);
      expect_problem(std::string(text).erase(begin, end - begin + 1), concat(key, ": missing"));
      ++lines;
    }
    begin = end + 1;
  }
  EXPECT_EQ(lines, 16u);
  EXPECT_NE(message_of("").find("p.toml: version: missing"), std::string::npos);
}

TEST(PolicyFile, AnyIsAnAnswerToEachDemand) {
  for (const char* key : {"digest",
                          "root",
                          "probability",
                          "budget",
                          "lives",
                          "kinds",
                          "measurements",
                          "runtime",
                          "tcb",
                          "tcb_evaluation",
                          "snp_tcb",
                          "advisories",
                          "collateral_days",
                          "owners"}) {
    EXPECT_EQ(message_of(with(key, concat(key, " = \"any\""))), "") << key;
  }
  expect_problem(with("debug", "debug = \"any\""), "tee.debug: found \"any\"; allowed: \"never\"");
  expect_problem(with("version", "version = \"any\""), "version: found a string");
  EXPECT_TRUE(parse_policy_file(with("tcb", "tcb = \"any\""), "p")->tcb.is_any());
}

TEST(PolicyFile, WrongValues) {
  expect_problem(with("digest", "digest = \"Any\""), "job.digest: found \"Any\"; expected");
  expect_problem(with("digest", "digest = 1"), "job.digest: found an integer; expected a string");
  expect_problem(with("root", "root = \"sha256:00\""), "data.root");
  expect_problem(with("probability", "probability = 1.5"), "guarantee.probability: found 1.5");
  expect_problem(with("probability", "probability = true"), "guarantee.probability: found true");
  expect_problem(with("budget", "budget = 0"), "guarantee.budget: found 0");
  expect_problem(with("budget", "budget = 0.0"), "guarantee.budget");
  expect_problem(with("lives", "lives = 65"), "guarantee.lives: found 65; allowed: 1 to 64");
  expect_problem(with("kinds", "kinds = [\"tdx\", \"nvidia\"]"), "tee.kinds: found \"nvidia\"");
  expect_problem(with("kinds", "kinds = \"tdx\""), "tee.kinds: found a string; expected an array");
  expect_problem(with("kinds", "kinds = [1]"), "tee.kinds: found an integer in it");
  expect_problem(with("measurements", "measurements = [\"sha384:00\"]"), "tee.measurements");
  expect_problem(
      with("measurements", concat("measurements = [\"sha256:", std::string(64, 'A'), "\"]")),
      "tee.measurements");
  expect_problem(with("tcb", "tcb = [\"uptodate\"]"), "tee.tcb: found \"uptodate\"");
  expect_problem(with("tcb_evaluation", "tcb_evaluation = -1"), "tee.tcb_evaluation");
  for (const char* bad : {"rtmr4=any", "rtmr0", "rtmr0=00", "pcr_digest=zz", "=any"}) {
    expect_problem(with("runtime", concat("runtime = [\"", bad, "\"]")), "tee.runtime");
  }
  EXPECT_EQ(message_of(with("runtime",
                            concat("runtime = [\"rtmr0=",
                                   std::string(96, 'a'),
                                   "\", \"rtmr3=any\", \"pcr_digest=",
                                   std::string(64, '0'),
                                   "\"]"))),
            "");
  expect_problem(with("snp_tcb", "snp_tcb = [1, 2, 3]"), "tee.snp_tcb");
  expect_problem(with("snp_tcb", "snp_tcb = [1, 2, 3, 256]"), "tee.snp_tcb");
  expect_problem(with("advisories", "advisories = [\"\"]"), "tee.advisories");
  expect_problem(with("collateral_days", "collateral_days = 36501"), "tee.collateral_days");
  expect_problem(with("owners", "owners = [\"ed25519:00\"]"), "grants.owners");
  expect_problem(with("version", "version = 2"), "version: policy format version 2, this build");
  expect_problem(with("version", "version = 0"), "version: found 0");
}

TEST(PolicyFile, UnknownAndRepeatedKeysAndSyntaxNameTheirLine) {
  expect_problem(example() + "owner = []\n",
                 "grants.owner: unknown key; did you mean grants.owners?");
  expect_problem(example() + "[tees]\n", "unknown key; did you mean tee?");
  expect_problem(example() + "[unheard]\n", "docs/policy.md");
  expect_problem(example() + "owners = []\n", "TOML: ");
  expect_problem("version = \n", "p.toml:1: TOML: ");
  const std::string both = with("lives", "lives = 0\nlifes = 1");
  const std::string message = message_of(both);
  EXPECT_NE(message.find("guarantee.lives: found 0"), std::string::npos) << message;
  EXPECT_NE(message.find("guarantee.lifes: unknown key; did you mean guarantee.lives?"),
            std::string::npos)
      << message;
}

TEST(PolicyFile, NamesFromOutsideAreEscaped) {
  const std::string message = message_of(example() + "\"\\u001b[2J\" = 1\n");
  EXPECT_NE(message.find("\\x1b[2J"), std::string::npos) << message;
  EXPECT_NE(message_of(std::string(kPolicyFileBytesMax + 1, ' ')).find("at most"),
            std::string::npos);
}

}  // namespace
}  // namespace ginn::import
