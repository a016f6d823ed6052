#include <gtest/gtest.h>

#include "attest/report_data.h"
#include "attest/verify/document.h"
#include "base/text.h"
#include "certificate/check/evidence_check.h"
#include "certificate/check/fake_run.h"
#include "certificate/issue/format.h"
#include "crypto/dsse.h"
#include "policy/evaluate.h"

// Evidence of hardware in a certificate, and a relying party's policy. What hardware evidence is
// worth is checked in attest/verify; here an authority in the test says what it turned out to be.
namespace ginn::certificate {
namespace {

namespace av = attest::verify;
using policy::Demand;

constexpr av::UnixSeconds kNow = 1'760'000'000;
const Bytes kMeasurement(48, 7);

av::EvidenceVerdict good_verdict(const FakeRun& run) {
  av::EvidenceVerdict verdict;
  verdict.ok = true;
  verdict.code = "ok";
  verdict.kind = av::EvidenceKind::kTdx;
  verdict.isolation = av::Isolation::kTee;
  verdict.tcb_status = av::TcbStatus::kUpToDate;
  verdict.measurement = kMeasurement;
  verdict.fields = {{"rtmr1", "00ff"}};
  const auto data =
      attest::report_data(FakeRun::verifier_key().public_key(), job::digest(run.job()), 1);
  verdict.report_data.assign(data.begin(), data.end());
  return verdict;
}

Bytes intel_body(std::string_view member, av::UnixSeconds issued, int evaluation) {
  const std::string text = concat("{\"",
                                  member,
                                  R"(":{"issueDate":")",
                                  av::utc_time_text(issued),
                                  R"(","tcbEvaluationDataNumber":)",
                                  evaluation,
                                  "}}");
  return Bytes(text.begin(), text.end());
}

// A run whose certificate carries hardware evidence, and a relying party with a strict policy.
class HardwareRun : public ::testing::Test {
 protected:
  HardwareRun() : verdict_(good_verdict(run_)) {
    run_.claim().verifier.evidence = av::evidence_document({av::EvidenceKind::kTdx, Bytes(100, 1)});
    run_.claim().grants = {issue_grant(FakeRun::owner_key(), run_.start(), false)};
    run_.sign_claim();
    av::Collateral collateral;
    collateral.tcb_info = intel_body("tcbInfo", kNow - 86400, 17);
    collateral.qe_identity = intel_body("enclaveIdentity", kNow - 3600, 18);
    run_.write("collateral.json", av::collateral_document(collateral));
  }

  RelyingParty party() {
    RelyingParty party;
    party.at = kNow;
    party.policy = strict();
    party.check_evidence = [this](ByteView evidence,
                                  av::EvidenceKind claimed,
                                  const av::CheckContext& context) -> Result<av::EvidenceVerdict> {
      EXPECT_EQ(evidence.size(), 100u);
      EXPECT_EQ(context.at, kNow);
      if (claimed != av::EvidenceKind::kTdx) {
        return refused("evidence_kind", "the evidence is a TDX quote");
      }
      if (!context.collateral.tcb_info) return refused("collateral_missing", "no TCB info");
      accepted_tcb_ = context.policy.accepted_tcb.size();
      return verdict_;
    };
    return party;
  }

  policy::Policy strict() const {
    policy::Policy policy;
    policy.job_digest = job::digest(run_.job());
    policy.dataset_root = run_.job().data.root();
    policy.probability = 0.999;
    policy.budget = guarantee::Budget{true, 0.01, 0};
    policy.lives = 1;
    policy.kinds = std::vector<std::string>{"tdx"};
    policy.measurements = std::vector<Bytes>{kMeasurement};
    policy.runtime = std::vector<std::string>{"rtmr0=any", "rtmr1=00ff", "rtmr2=any", "rtmr3=any"};
    policy.tcb = std::vector<av::TcbStatus>{av::TcbStatus::kUpToDate};
    policy.tcb_evaluation = 17;
    policy.collateral_days = 30;
    policy.owners = std::vector<crypto::PublicKey>{FakeRun::owner_key().public_key()};
    return policy;
  }

  static std::string code_of(const Outcome& outcome, std::string_view name) {
    for (const Check& check : outcome.checks) {
      if (check.name == name) return check.code;
    }
    return "no such check";
  }

  // Fails, with these checks and this code for the first of them.
  static void expect_failed(const Outcome& outcome,
                            const std::string& failed,
                            std::string_view code) {
    EXPECT_EQ(outcome.verdict, Verdict::kRejected);
    EXPECT_EQ(failed_checks(outcome), failed);
    EXPECT_EQ(code_of(outcome, failed.substr(0, failed.find(' '))), code);
    EXPECT_EQ(outcome.guarantee, "");
  }

  FakeRun run_;
  av::EvidenceVerdict verdict_;
  size_t accepted_tcb_ = 0;
};

TEST_F(HardwareRun, IsAcceptedAndNotSimulated) {
  const Outcome outcome = run_.check(party());
  EXPECT_EQ(outcome.verdict, Verdict::kAccepted) << outcome.summary;
  EXPECT_EQ(failed_checks(outcome) + skipped_checks(outcome), "");
  EXPECT_FALSE(outcome.simulated);
  EXPECT_TRUE(outcome.uncovered_files.empty());
  ASSERT_EQ(outcome.checks.size(), std::size(kCertificateChecks) + std::size(policy::kFindings));
  for (const Check& check : outcome.checks) {
    EXPECT_FALSE(why_it_matters(check.name).empty()) << check.name;
    EXPECT_EQ(check.code, "");
  }
  for (std::string_view name : kRejectionChecks) EXPECT_FALSE(why_it_matters(name).empty());
  EXPECT_TRUE(why_it_matters("nothing").empty());
}

TEST_F(HardwareRun, WithoutAPolicyTheOwnersKeyAndTheJobAreEnough) {
  RelyingParty plain = party();
  plain.policy.reset();
  plain.job_digest = job::digest(run_.job());
  plain.owner_key = FakeRun::owner_key().public_key();
  EXPECT_EQ(run_.check(plain).verdict, Verdict::kAccepted);
  EXPECT_EQ(accepted_tcb_, 4u);  // the default; a policy judges by itself
  (void)run_.check(party());
  EXPECT_EQ(accepted_tcb_, 8u);
}

TEST_F(HardwareRun, ANoOfTheEvidencesOwnCheckKeepsItsCode) {
  for (const char* code : {"collateral_expired", "cert_revoked", "debug_enabled"}) {
    verdict_.ok = false;
    verdict_.code = code;
    verdict_.message = "because";
    const Outcome outcome = run_.check(party());
    expect_failed(outcome, "evidence", code);
    EXPECT_EQ(code_of(outcome, "policy_tee"), "not_checked");
    EXPECT_TRUE(outcome.summary.starts_with("REJECTED: evidence: because")) << outcome.summary;
  }
}

TEST_F(HardwareRun, CollateralMissingUnreadableOrTheRelyingPartysOwn) {
  const std::string good = run_.read("collateral.json");
  std::filesystem::remove(run_.dir() / "collateral.json");
  expect_failed(run_.check(party()), "evidence", "collateral_missing");
  RelyingParty own = party();
  own.collateral = good;
  EXPECT_EQ(run_.check(own).verdict, Verdict::kAccepted);
  run_.write("collateral.json", "{}");
  EXPECT_EQ(run_.check(own).verdict, Verdict::kAccepted);
  expect_failed(run_.check(party()), "evidence", "json_field");
  run_.write("elsewhere", good);
  std::filesystem::remove(run_.dir() / "collateral.json");
  std::filesystem::create_symlink("elsewhere", run_.dir() / "collateral.json");
  expect_failed(run_.check(party()), "evidence", "is_a_link");
}

TEST_F(HardwareRun, EvidenceOfAnotherKindThanClaimed) {
  run_.claim().verifier.evidence = av::evidence_document({av::EvidenceKind::kSnp, Bytes(100, 1)});
  run_.sign_claim();
  expect_failed(run_.check(party()), "evidence", "evidence_kind");
  run_.claim().verifier.evidence =
      av::evidence_document({av::EvidenceKind::kNvidia, Bytes(100, 1)});
  run_.sign_claim();
  expect_failed(run_.check(party()), "evidence", "evidence_device");
}

TEST_F(HardwareRun, EvidenceForAnotherKeyJobOrLife) {
  const Bytes good = verdict_.report_data;
  const crypto::Digest job = job::digest(run_.job());
  const crypto::PublicKey key = FakeRun::verifier_key().public_key();
  for (const auto& data : {attest::report_data(FakeRun::owner_key().public_key(), job, 1),
                           attest::report_data(key, crypto::Digest{}, 1),
                           attest::report_data(key, job, 2)}) {
    verdict_.report_data.assign(data.begin(), data.end());
    expect_failed(run_.check(party()), "evidence", "evidence_binding");
  }
  verdict_.report_data.assign(good.begin(), good.begin() + 32);
  expect_failed(run_.check(party()), "evidence", "evidence_binding");
  verdict_.report_data = good;
  verdict_.report_data.push_back(0);
  expect_failed(run_.check(party()), "evidence", "evidence_binding");
}

TEST_F(HardwareRun, ATpmsShorterReportData) {
  verdict_.kind = av::EvidenceKind::kAzureSnp;
  verdict_.report_data.resize(32);
  RelyingParty azure = party();
  azure.policy->kinds = std::vector<std::string>{"azure-snp"};
  azure.policy->snp_tcb = Demand<policy::SnpVersions>::any();
  azure.policy->runtime = std::vector<std::string>{"pcr_digest=any"};
  EXPECT_EQ(run_.check(azure).verdict, Verdict::kAccepted);
  verdict_.report_data.resize(31);
  expect_failed(run_.check(azure), "evidence", "evidence_binding");
}

TEST_F(HardwareRun, ASwappedKey) {
  // Signed by a key of the attacker's, under the evidence of the run's.
  run_.sign_changed([](crypto::Json::Object& statement) {
    auto& verifier = *statement["predicate"].as_object()->at("verifier").as_object();
    verifier["publicKey"] = key_text(FakeRun::owner_key().public_key());
  });
  const auto envelope =
      crypto::parse_envelope(run_.read("certificate.json"), kMaxStatementBytes).value();
  run_.write("certificate.json",
             crypto::sign_envelope(FakeRun::owner_key(), kStatementPayloadType, envelope.payload));
  expect_failed(run_.check(party()), "evidence grants", "evidence_binding");
}

TEST_F(HardwareRun, AReplayedNonce) {
  StartStatement other = run_.start();
  other.nonce = "run 0";
  run_.claim().grants = {issue_grant(FakeRun::owner_key(), other, false)};
  run_.sign_claim();
  const Outcome outcome = run_.check(party());
  expect_failed(outcome, "grants", "grants_binding");
  EXPECT_EQ(code_of(outcome, "policy_grants"), "not_checked");
}

TEST_F(HardwareRun, ALocalGrantIsNoOwners) {
  run_.claim().grants = {issue_grant(FakeRun::owner_key(), run_.start(), true)};
  run_.sign_claim();
  expect_failed(run_.check(party()), "grants", "grants_local");
}

TEST_F(HardwareRun, EachDemandOfThePolicy) {
  const auto with = [this](auto change) {
    RelyingParty changed = party();
    change(*changed.policy);
    return run_.check(changed);
  };
  expect_failed(with([](policy::Policy& p) { p.dataset_root = crypto::Digest{}; }),
                "policy_data",
                "policy_data");
  expect_failed(with([](policy::Policy& p) { p.job_digest = crypto::Digest{}; }),
                "your_job policy_job",
                "your_job");
  expect_failed(with([](policy::Policy& p) { p.probability = 0.9999; }),
                "policy_probability",
                "policy_probability");
  expect_failed(with([](policy::Policy& p) {
                  p.budget = guarantee::Budget{false, 0, 74};
                }),
                "policy_budget",
                "policy_budget");
  expect_failed(with([](policy::Policy& p) { p.lives = 0; }), "policy_lives", "policy_lives");
  expect_failed(with([](policy::Policy& p) {
                  p.kinds = std::vector<std::string>{"sgx", "simulated"};
                }),
                "policy_tee",
                "policy_tee");
  expect_failed(with([](policy::Policy& p) { p.measurements = std::vector<Bytes>{}; }),
                "policy_measurement",
                "policy_measurement");
  expect_failed(with([](policy::Policy& p) { p.runtime = std::vector<std::string>{}; }),
                "policy_runtime",
                "policy_runtime");
  verdict_.fields = {{"rtmr1", "00fe"}};  // another kernel
  expect_failed(run_.check(party()), "policy_runtime", "policy_runtime");
  verdict_.fields = {};
  expect_failed(run_.check(party()), "policy_runtime", "policy_runtime");
  verdict_.fields = {{"rtmr1", "00ff"}};
  expect_failed(with([](policy::Policy& p) { p.tcb_evaluation = 18; }), "policy_tcb", "policy_tcb");
  expect_failed(with([](policy::Policy& p) { p.collateral_days = 0; }),
                "policy_freshness",
                "policy_freshness");
  expect_failed(with([](policy::Policy& p) {
                  p.owners = std::vector<crypto::PublicKey>{FakeRun::verifier_key().public_key()};
                }),
                "policy_grants",
                "policy_grants");
  EXPECT_EQ(with([](policy::Policy& p) { p.job_digest = Demand<crypto::Digest>::any(); }).verdict,
            Verdict::kAccepted);
}

TEST_F(HardwareRun, WhatThePlatformTurnedOutToBe) {
  verdict_.tcb_status = av::TcbStatus::kOutOfDate;
  expect_failed(run_.check(party()), "policy_tcb", "policy_tcb");
  verdict_ = good_verdict(run_);
  verdict_.advisories = {"INTEL-SA-00615"};
  expect_failed(run_.check(party()), "policy_advisories", "policy_advisories");
  verdict_ = good_verdict(run_);
  verdict_.isolation = av::Isolation::kNoMemoryIsolation;
  RelyingParty any = party();
  any.policy->kinds = Demand<std::vector<std::string>>::any();
  expect_failed(run_.check(any), "policy_tee", "policy_tee");
}

TEST_F(HardwareRun, FactsOfAmdAndAws) {
  verdict_.kind = av::EvidenceKind::kSnp;
  verdict_.tcb_status.reset();
  verdict_.fields = {{"tcb", "bootloader 3, tee 1, snp 8, microcode 115"}};
  policy::TeeFacts facts = facts_of(verdict_, {}, kNow);
  EXPECT_EQ(facts.snp_tcb, (policy::SnpVersions{3, 1, 8, 115}));
  EXPECT_FALSE(facts.issued || facts.tcb_evaluation);
  verdict_.fields = {{"tcb", "unheard of"}};
  EXPECT_EQ(facts_of(verdict_, {}, kNow).snp_tcb, policy::SnpVersions{});
  verdict_.kind = av::EvidenceKind::kNitro;
  verdict_.fields = {{"timestamp", av::utc_time_text(kNow - 60)}};
  facts = facts_of(verdict_, {}, kNow);
  EXPECT_EQ(facts.issued, kNow - 60);
  EXPECT_FALSE(facts.snp_tcb);
}

TEST_F(HardwareRun, AJobOfTheirOwnBesideThePolicy) {
  RelyingParty both = party();
  both.job_digest = crypto::Digest{};
  expect_failed(run_.check(both), "your_job", "your_job");
}

class SimulatedRun : public HardwareRun {
 protected:
  RelyingParty simulated_party() {
    RelyingParty out = party();
    out.policy->kinds = std::vector<std::string>{"simulated"};
    out.policy->measurements = std::vector<Bytes>{[] {
      const auto digest = crypto::sha256(as_bytes("program"));
      return Bytes(digest.begin(), digest.end());
    }()};
    out.policy->collateral_days = Demand<uint64_t>::any();
    out.policy->owners = Demand<std::vector<crypto::PublicKey>>::any();
    return out;
  }
  FakeRun simulated_;
};

TEST_F(SimulatedRun, OnlyAPolicyThatNamesItTakesIt) {
  const Outcome outcome = simulated_.check(simulated_party());
  EXPECT_EQ(outcome.verdict, Verdict::kAccepted) << outcome.summary;
  EXPECT_TRUE(outcome.simulated);
  EXPECT_NE(outcome.summary.find("SIMULATED"), std::string::npos);
  for (auto kinds :
       {Demand<std::vector<std::string>>::any(), Demand(std::vector<std::string>{"tdx"})}) {
    RelyingParty other = simulated_party();
    other.policy->kinds = kinds;
    other.allow_simulated = true;  // overrides no policy
    expect_failed(simulated_.check(other), "simulated policy_tee", "simulated");
  }
}

TEST_F(SimulatedRun, ItsLocalGrantIsNoOwners) {
  RelyingParty owner = simulated_party();
  owner.policy->owners = std::vector<crypto::PublicKey>{FakeRun::owner_key().public_key()};
  expect_failed(simulated_.check(owner), "policy_grants", "policy_grants");
}

TEST_F(SimulatedRun, OfAnotherLife) {
  simulated_.claim().verifier.evidence =
      FakeRun::evidence(FakeRun::verifier_key().public_key(), job::digest(simulated_.job()), 2);
  simulated_.sign_claim();
  expect_failed(simulated_.check(simulated_party()), "evidence", "evidence_binding");
}

}  // namespace
}  // namespace ginn::certificate
