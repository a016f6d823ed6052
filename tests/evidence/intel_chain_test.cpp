// Chains of a made-up Intel with one defect each: every one is refused with its code.
#include <gtest/gtest.h>

#include "attest/verify/hardware/intel/check_quote.h"
#include "tests/support/intel_authority.h"

namespace ginn::test {
namespace {

constexpr int64_t kPast = 1650000000, kFuture = 1750000000;  // of FakeIntel's time

TEST(IntelChain, WholeIsAccepted) {
  for (const uint16_t version : std::vector<uint16_t>{3, 4, 5}) {
    const auto verdict = FakeIntel(version).check();
    ASSERT_TRUE(verdict.ok()) << verdict.error().message;
    EXPECT_TRUE(verdict->ok) << verdict->message;
    EXPECT_EQ(verdict->measurement[0], 0x77);
    EXPECT_EQ(verdict->tcb_status, attest::verify::TcbStatus::kUpToDate);
  }
}

TEST(IntelChain, ExpiredOrNotYetValid) {
  FakeIntel pck, ca, signing, early, crl, early_crl, root_crl;
  pck.pck.not_after = kPast;
  EXPECT_EQ(pck.code(), "cert_expired");
  ca.ca.not_after = kPast;
  EXPECT_EQ(ca.code(), "cert_expired");
  signing.signing.not_after = kPast;
  EXPECT_EQ(signing.code(), "cert_expired");
  early.pck.not_before = kFuture;
  EXPECT_EQ(early.code(), "not_yet_valid");
  crl.ca_crl.next_update = kPast;
  crl.ca_crl.last_update = kPast - 1000;
  EXPECT_EQ(crl.code(), "collateral_expired");
  early_crl.ca_crl.last_update = kFuture;
  early_crl.ca_crl.next_update = kFuture + 1000;
  EXPECT_EQ(early_crl.code(), "not_yet_valid");
  root_crl.root_crl.next_update = kPast;
  EXPECT_EQ(root_crl.code(), "collateral_expired");
}

TEST(IntelChain, Revoked) {
  FakeIntel pck, ca, other;
  pck.ca_crl.revoked = {7, 1};
  EXPECT_EQ(pck.code(), "cert_revoked");
  ca.root_crl.revoked = {1};
  EXPECT_EQ(ca.code(), "cert_revoked");
  other.ca_crl.revoked = {2, 3};
  EXPECT_EQ(other.code(), "ok");
}

TEST(IntelChain, RevocationListOfAnotherAuthority) {
  FakeIntel named;
  named.ca_crl.issuer = "Intel SGX PCK Processor CA";
  EXPECT_EQ(named.code(), "crl_missing");
  // Right name, wrong key.
  const FakeIntel good;
  IntelSet set = good.build();
  set.collateral.pck_crl = make_crl(good.ca_crl, TestKey::p256());
  const attest::verify::Policy policy;
  const auto verdict =
      attest::verify::check_intel_quote(set.quote, {set.collateral, set.roots, policy, good.at});
  ASSERT_TRUE(verdict.ok());
  EXPECT_EQ(verdict->code, "crl_invalid");
}

TEST(IntelChain, WrongRoot) {
  const FakeIntel good;
  IntelSet set = good.build();
  const attest::verify::Policy policy;
  const auto verdict = attest::verify::check_intel_quote(
      set.quote, {set.collateral, attest::verify::pinned_roots(), policy, good.at});
  ASSERT_TRUE(verdict.ok());
  EXPECT_EQ(verdict->code, "root_not_pinned");
  EXPECT_FALSE(verdict->tcb_status.has_value());
}

TEST(IntelChain, OrderAndLength) {
  FakeIntel swapped, root_first, short_chain, twice;
  swapped.pck_order = {0, 2, 1};
  EXPECT_EQ(swapped.code(), "root_not_pinned");
  root_first.pck_order = {0, 0, 2};
  EXPECT_EQ(root_first.code(), "cert_chain_invalid");
  short_chain.pck_order = {0, 2};
  EXPECT_EQ(short_chain.code(), "cert_chain_length");
  twice.pck_order = {0, 1, 1, 2};
  EXPECT_EQ(twice.code(), "cert_chain_length");
}

TEST(IntelChain, SignedByAnotherKeyOfTheSameName) {
  FakeIntel other;
  other.pck.issuer = "Intel SGX PCK Processor CA";
  EXPECT_EQ(other.code(), "cert_chain_invalid");
}

TEST(IntelChain, UsageConstraintsAndPathLength) {
  FakeIntel no_ca, absent, usage, no_usage, leaf, leaf_absent, leaf_ca, path;
  no_ca.ca.basic_constraints = "critical,CA:FALSE";
  EXPECT_EQ(no_ca.code(), "cert_not_ca");
  absent.ca.basic_constraints = "";
  EXPECT_EQ(absent.code(), "cert_not_ca");
  usage.ca.key_usage = "critical,digitalSignature,cRLSign";
  EXPECT_EQ(usage.code(), "cert_key_usage");
  no_usage.ca.key_usage = "";
  EXPECT_EQ(no_usage.code(), "cert_key_usage");
  leaf.pck.key_usage = "critical,keyEncipherment";
  EXPECT_EQ(leaf.code(), "cert_key_usage");
  leaf_absent.pck.key_usage = "";
  EXPECT_EQ(leaf_absent.code(), "cert_key_usage");
  leaf_ca.pck.basic_constraints = "critical,CA:TRUE";
  EXPECT_EQ(leaf_ca.code(), "cert_key_usage");
  path.root.basic_constraints = "critical,CA:TRUE,pathlen:0";
  EXPECT_EQ(path.code(), "cert_path_length");
}

TEST(IntelChain, AlgorithmAndCurve) {
  FakeIntel algorithm, curve, root_curve;
  algorithm.pck.signature = CertificateSignature::kEcdsaSha384;
  EXPECT_EQ(algorithm.code(), "cert_algorithm");
  curve.ca_key = TestKey::p384();
  EXPECT_EQ(curve.code(), "cert_key");
  root_curve.root_key = TestKey::p384();
  EXPECT_EQ(root_curve.code(), "cert_key");
}

// A key that the root vouches for in one role is not taken in another.
TEST(IntelChain, Roles) {
  FakeIntel pck, ca, signing;
  pck.pck.subject = "Intel SGX TCB Signing";
  EXPECT_EQ(pck.code(), "cert_role");
  ca.ca.subject = ca.pck.issuer = ca.ca_crl.issuer = "Another CA";
  EXPECT_EQ(ca.code(), "cert_role");
  signing.signing.subject = "Intel SGX PCK Certificate";
  EXPECT_EQ(signing.code(), "cert_role");
}

TEST(IntelChain, IssuerChainOfAnotherAuthority) {
  const FakeIntel good, other;
  IntelSet set = good.build();
  const std::string pem = certificate_pem(make_certificate(other.ca, other.ca_key, other.root_key));
  set.collateral.pck_crl_issuer_chain = Bytes(pem.begin(), pem.end());
  const attest::verify::Policy policy;
  const auto verdict =
      attest::verify::check_intel_quote(set.quote, {set.collateral, set.roots, policy, good.at});
  ASSERT_TRUE(verdict.ok());
  EXPECT_EQ(verdict->code, "crl_issuer_mismatch");
}

}  // namespace
}  // namespace ginn::test
