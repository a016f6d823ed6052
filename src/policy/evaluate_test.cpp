#include "policy/evaluate.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace ginn::policy {
namespace {

using attest::verify::TcbStatus;

const crypto::Digest kJob = crypto::sha256(as_bytes("job"));
const crypto::Digest kRoot = crypto::sha256(as_bytes("root"));
const Bytes kMeasurement(48, 7);
constexpr attest::verify::UnixSeconds kNow = 1'760'000'000;

crypto::PublicKey owner(uint8_t first) {
  crypto::PublicKey key{};
  key[0] = first;
  return key;
}

Policy strict() {
  Policy policy;
  policy.job_digest = kJob;
  policy.dataset_root = kRoot;
  policy.probability = 0.999;
  policy.budget = guarantee::Budget{true, 0.01, 0};
  policy.lives = 2;
  policy.kinds = std::vector<std::string>{"tdx", "snp"};
  policy.measurements = std::vector<Bytes>{Bytes(48, 9), kMeasurement};
  policy.runtime = std::vector<std::string>{"rtmr0=aa", "rtmr3=any"};
  policy.tcb = std::vector<TcbStatus>{TcbStatus::kUpToDate, TcbStatus::kSwHardeningNeeded};
  policy.tcb_evaluation = 17;
  policy.snp_tcb = SnpVersions{3, 0, 8, 115};
  policy.advisories = std::vector<std::string>{"INTEL-SA-00615"};
  policy.collateral_days = 30;
  policy.owners = std::vector<crypto::PublicKey>{owner(1), owner(2)};
  return policy;
}

Facts good() {
  Facts facts;
  facts.tee = TeeFacts{"tdx",
                       true,
                       kMeasurement,
                       TcbStatus::kSwHardeningNeeded,
                       17,
                       std::nullopt,
                       {"INTEL-SA-00615"},
                       kNow - 30 * 86400,
                       kNow,
                       false,
                       {"rtmr0=aa", "rtmr3=cc"}};
  facts.job = JobFacts{kJob, kRoot, 0.999, 74.88, 7488, false, 2};
  facts.grants = {{owner(1), false}, {owner(2), false}};
  return facts;
}

// The names of the findings that are not met.
std::string failed(const Policy& policy, const Facts& facts, Outcome outcome = Outcome::kNotMet) {
  const auto findings = evaluate(policy, facts);
  EXPECT_EQ(findings.size(), std::size(kFindings));
  std::string out;
  for (size_t i = 0; i < findings.size(); ++i) {
    EXPECT_EQ(findings[i].name, kFindings[i]);
    EXPECT_FALSE(findings[i].demanded.empty());
    if (findings[i].outcome == outcome) out += concat(out.empty() ? "" : " ", findings[i].name);
  }
  return out;
}

TEST(Policy, TheDefaultAcceptsNothing) {
  EXPECT_EQ(failed({}, good()),
            "policy_job policy_data policy_probability policy_budget policy_lives policy_tee "
            "policy_measurement policy_runtime policy_tcb policy_advisories policy_freshness "
            "policy_grants");
}

TEST(Policy, MetAtEveryBound) {
  EXPECT_EQ(failed(strict(), good()), "");
  EXPECT_EQ(failed(strict(), good(), Outcome::kNotChecked), "");
}

TEST(Policy, WhatDidNotVerifyIsNotChecked) {
  EXPECT_EQ(failed(strict(), {}, Outcome::kMet), "");
  Facts facts = good();
  facts.tee.reset();
  EXPECT_EQ(
      failed(strict(), facts, Outcome::kNotChecked),
      "policy_tee policy_measurement policy_runtime policy_tcb policy_advisories policy_debug "
      "policy_freshness");
  facts = good();
  facts.grants = std::vector<GrantFact>{};
  EXPECT_EQ(failed(strict(), facts), "policy_grants");
}

TEST(Policy, EachFactBeyondItsBound) {
  const auto with = [](auto change) {
    Facts facts = good();
    change(facts);
    return failed(strict(), facts);
  };
  EXPECT_EQ(with([](Facts& f) { f.job->digest[0] ^= 1; }), "policy_job");
  EXPECT_EQ(with([](Facts& f) { f.job->dataset_root[31] ^= 1; }), "policy_data");
  EXPECT_EQ(with([](Facts& f) { f.job->probability = 0.998999; }), "policy_probability");
  EXPECT_EQ(with([](Facts& f) { f.job->budget_contributions = 74.881; }), "policy_budget");
  EXPECT_EQ(with([](Facts& f) { f.job->lives = 3; }), "policy_lives");
  EXPECT_EQ(with([](Facts& f) { f.job->unlimited_attempts = true; }), "policy_lives");
  EXPECT_EQ(with([](Facts& f) { f.tee->kind = "sgx"; }), "policy_tee");
  EXPECT_EQ(with([](Facts& f) { f.tee->measurement[47] ^= 1; }), "policy_measurement");
  EXPECT_EQ(with([](Facts& f) { f.tee->measurement.pop_back(); }), "policy_measurement");
  EXPECT_EQ(with([](Facts& f) { f.tee->runtime[0] = "rtmr0=ab"; }), "policy_runtime");
  EXPECT_EQ(with([](Facts& f) { f.tee->runtime[0] = "rtmr0="; }), "policy_runtime");
  EXPECT_EQ(with([](Facts& f) { f.tee->runtime[1] = "rtmr3=anything"; }), "");
  EXPECT_EQ(with([](Facts& f) { f.tee->runtime.push_back("rtmr1=aa"); }), "policy_runtime");
  EXPECT_EQ(with([](Facts& f) { f.tee->runtime.clear(); }), "");
  EXPECT_EQ(with([](Facts& f) { f.tee->tcb = TcbStatus::kOutOfDate; }), "policy_tcb");
  EXPECT_EQ(with([](Facts& f) { f.tee->tcb_evaluation = 16; }), "policy_tcb");
  EXPECT_EQ(with([](Facts& f) { f.tee->snp_tcb = SnpVersions{3, 0, 8, 115}; }), "");
  EXPECT_EQ(with([](Facts& f) { f.tee->snp_tcb = SnpVersions{2, 9, 9, 200}; }), "policy_tcb");
  EXPECT_EQ(with([](Facts& f) { f.tee->snp_tcb = SnpVersions{3, 0, 7, 200}; }), "policy_tcb");
  EXPECT_EQ(with([](Facts& f) { f.tee->snp_tcb = SnpVersions{3, 0, 8, 114}; }), "policy_tcb");
  EXPECT_EQ(with([](Facts& f) { f.tee->advisories.push_back("INTEL-SA-00289"); }),
            "policy_advisories");
  EXPECT_EQ(with([](Facts& f) { f.tee->debug = true; }), "policy_debug");
  EXPECT_EQ(with([](Facts& f) { *f.tee->issued -= 1; }), "policy_freshness");
  EXPECT_EQ(with([](Facts& f) { f.tee->issued = kNow + 1; }), "policy_freshness");
  EXPECT_EQ(with([](Facts& f) { f.tee->issued.reset(); }), "policy_freshness");
  EXPECT_EQ(with([](Facts& f) { (*f.grants)[1].owner = owner(3); }), "policy_grants");
  EXPECT_EQ(with([](Facts& f) { (*f.grants)[0].local = true; }), "policy_grants");
}

TEST(Policy, AttemptsThatNobodyCounted) {
  Facts facts = good();
  facts.job->unlimited_attempts = true;
  facts.grants = std::vector<GrantFact>{};
  EXPECT_EQ(failed(strict(), facts), "policy_lives policy_grants");
  Policy policy = strict();
  policy.lives = Demand<uint32_t>::any();
  EXPECT_EQ(failed(policy, facts), "policy_grants") << "an owner is demanded";
  policy.owners = decltype(policy.owners)::any();
  EXPECT_EQ(failed(policy, facts), "");
  facts.job->unlimited_attempts = false;
  EXPECT_EQ(failed(policy, facts), "policy_grants");
}

TEST(Policy, ABudgetAsACountAndARunReplayedInFull) {
  Policy policy = strict();
  policy.budget = guarantee::Budget{false, 0, 74};
  EXPECT_EQ(failed(policy, good()), "policy_budget");
  policy.budget = guarantee::Budget{false, 0, 75};
  EXPECT_EQ(failed(policy, good()), "");
  policy.budget = guarantee::Budget{false, 0, 1};
  Facts facts = good();
  facts.job->replays_all = true;
  EXPECT_EQ(failed(policy, facts), "");
}

TEST(Policy, AnyGivesOneDemandUp) {
  Facts bad = good();
  bad.job->digest[0] ^= 1;
  bad.job->dataset_root[0] ^= 1;
  bad.job->probability = 0.5;
  bad.job->budget_contributions = 7000;
  bad.job->lives = 64;
  bad.tee->kind = "sgx";
  bad.tee->measurement.assign(32, 1);
  bad.tee->tcb = TcbStatus::kRevoked;
  bad.tee->tcb_evaluation = 1;
  bad.tee->snp_tcb = SnpVersions{};
  bad.tee->advisories = {"INTEL-SA-1"};
  bad.tee->issued = 0;
  bad.grants = {{owner(9), true}};
  Policy policy = strict();
  const std::string all = failed(policy, bad);
  const auto gives_up = [&](auto change) {
    Policy changed = strict();
    change(changed);
    const std::string left = failed(changed, bad);
    EXPECT_LT(left.size(), all.size());
    change(policy);
  };
  gives_up([](Policy& p) { p.job_digest = Demand<crypto::Digest>::any(); });
  gives_up([](Policy& p) { p.dataset_root = Demand<crypto::Digest>::any(); });
  gives_up([](Policy& p) { p.probability = Demand<double>::any(); });
  gives_up([](Policy& p) { p.budget = Demand<guarantee::Budget>::any(); });
  gives_up([](Policy& p) { p.lives = Demand<uint32_t>::any(); });
  gives_up([](Policy& p) { p.kinds = Demand<std::vector<std::string>>::any(); });
  gives_up([](Policy& p) { p.measurements = Demand<std::vector<Bytes>>::any(); });
  gives_up([](Policy& p) {
    p.tcb = Demand<std::vector<TcbStatus>>::any();
    p.tcb_evaluation = Demand<uint64_t>::any();
    p.snp_tcb = Demand<SnpVersions>::any();
  });
  gives_up([](Policy& p) { p.advisories = Demand<std::vector<std::string>>::any(); });
  gives_up([](Policy& p) { p.collateral_days = Demand<uint64_t>::any(); });
  gives_up([](Policy& p) { p.owners = Demand<std::vector<crypto::PublicKey>>::any(); });
  EXPECT_EQ(failed(policy, bad), "");
}

TEST(Policy, SimulatedAndTpmCountOnlyByName) {
  Policy policy = strict();
  policy.kinds = Demand<std::vector<std::string>>::any();
  Facts facts = good();
  facts.tee->kind = "simulated";
  facts.tee->isolates_memory = false;
  EXPECT_EQ(failed(policy, facts), "policy_tee");
  policy.kinds = std::vector<std::string>{"simulated"};
  EXPECT_EQ(failed(policy, facts), "");
  facts.tee->kind = "tpm";
  EXPECT_EQ(failed(policy, facts), "policy_tee");
}

}  // namespace
}  // namespace ginn::policy
