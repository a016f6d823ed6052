// Whole certificates with hardware's evidence, from the chain of its maker to the verdict: only the
// root is made up.
#include <gtest/gtest.h>

#include "attest/verify/document.h"
#include "attest/verify/hardware/check/check_evidence.h"
#include "certificate/check/bundle.h"
#include "tests/support/evidenced_run.h"

namespace ginn::test {
namespace {

using certificate::Outcome;
using certificate::Verdict;

std::string code_of(const Outcome& outcome, std::string_view name) {
  for (const certificate::Check& check : outcome.checks) {
    if (check.name == name) return check.code;
  }
  return "no such check";
}

class EvidencedCertificate : public ::testing::TestWithParam<uint16_t> {
 protected:
  EvidencedRun evidenced_{GetParam()};
};

TEST_P(EvidencedCertificate, IsAcceptedByAPolicyAlone) {
  const Outcome outcome = evidenced_.run().check(evidenced_.party());
  EXPECT_EQ(outcome.verdict, Verdict::kAccepted) << outcome.summary;
  EXPECT_FALSE(outcome.simulated);
  EXPECT_EQ(certificate::failed_checks(outcome) + certificate::skipped_checks(outcome), "");
  EXPECT_LT(evidenced_.certificate_bytes(), size_t{100} << 10);
}

TEST_P(EvidencedCertificate, IsRefusedUnderThePinnedRoots) {
  certificate::RelyingParty party = evidenced_.party();
  party.check_evidence = nullptr;
  const Outcome outcome = evidenced_.run().check(party);
  EXPECT_EQ(outcome.verdict, Verdict::kRejected);
  EXPECT_EQ(code_of(outcome, "evidence"), "root_not_pinned");
  EXPECT_EQ(code_of(outcome, "policy_tee"), "not_checked");
}

TEST_P(EvidencedCertificate, ExpiredAndMissingCollateral) {
  certificate::RelyingParty late = evidenced_.party();
  late.at = 1'720'000'000;  // after the revocation lists' next update
  EXPECT_EQ(code_of(evidenced_.run().check(late), "evidence"), "collateral_expired");
  std::filesystem::remove(evidenced_.run().dir() / "collateral.json");
  EXPECT_EQ(code_of(evidenced_.run().check(evidenced_.party()), "evidence"), "collateral_missing");
}

TEST_P(EvidencedCertificate, OfAnotherKindThanClaimed) {
  using attest::verify::EvidenceKind;
  namespace av = attest::verify;
  auto& claim = evidenced_.run().claim();
  auto document = av::parse_evidence_document(claim.verifier.evidence).value();
  document.kind = document.kind == EvidenceKind::kSgx ? EvidenceKind::kTdx : EvidenceKind::kSgx;
  claim.verifier.evidence = av::evidence_document(document);
  evidenced_.run().sign_claim();
  const Outcome outcome = evidenced_.run().check(evidenced_.party());
  EXPECT_EQ(code_of(outcome, "evidence"), "evidence_kind");
}

TEST_P(EvidencedCertificate, OfAnotherLife) {
  evidenced_.run().claim().life = 2;
  evidenced_.run().sign_claim();
  const Outcome outcome = evidenced_.run().check(evidenced_.party());
  EXPECT_EQ(code_of(outcome, "evidence"), "evidence_binding");
}

TEST_P(EvidencedCertificate, ABundleGivesTheSameVerdict) {
  const auto text = certificate::make_bundle(evidenced_.run().dir());
  ASSERT_TRUE(text.ok()) << text.error().message;
  const auto bundle = certificate::parse_bundle(as_bytes(*text));
  ASSERT_TRUE(bundle.ok()) << bundle.error().message;
  const Outcome outcome = certificate::check_bundle(
      *bundle, {evidenced_.run().dir() / "model.safetensors"}, evidenced_.party());
  EXPECT_EQ(outcome.verdict, Verdict::kAccepted) << outcome.summary;
}

INSTANTIATE_TEST_SUITE_P(Quotes, EvidencedCertificate, ::testing::Values(3, 4, 5));

}  // namespace
}  // namespace ginn::test
