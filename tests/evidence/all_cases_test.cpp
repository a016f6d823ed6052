// Every case of vectors.json through the one door that the command line uses.
#include <gtest/gtest.h>

#include "attest/verify/hardware/check/check_evidence.h"
#include "base/text.h"
#include "tests/evidence/recorded.h"
#include "tests/support/recorded_evidence.h"

namespace ginn::test {
namespace {

using attest::verify::check_evidence;
using attest::verify::CheckContext;
using attest::verify::CheckOutcome;
using attest::verify::EvidenceKind;
using attest::verify::EvidenceVerdict;
using attest::verify::pinned_roots;
using attest::verify::Policy;

constexpr size_t kCases = 52;

std::vector<RecordedCase> all_cases() {
  std::vector<RecordedCase> cases = recorded_cases();
  for (RecordedCase& one : intel_cases()) cases.push_back(std::move(one));
  return cases;
}

EvidenceKind kind_of(std::string_view type) {
  if (type.starts_with("sgx")) return EvidenceKind::kSgx;
  if (type.starts_with("tdx")) return EvidenceKind::kTdx;
  if (type == "snp-report") return EvidenceKind::kSnp;
  if (type == "azure-snp-vtpm") return EvidenceKind::kAzureSnp;
  if (type == "azure-tdx-vtpm") return EvidenceKind::kAzureTdx;
  if (type == "nitro-cose-sign1") return EvidenceKind::kNitro;
  return type == "tpm2-quote" ? EvidenceKind::kTpm : EvidenceKind::kNvidia;
}

Result<EvidenceVerdict> check(const RecordedCase& one, std::optional<EvidenceKind> claimed) {
  const Policy policy;
  return check_evidence(
      one.evidence, claimed, CheckContext{one.collateral, pinned_roots(), policy, one.at});
}

void expect_case(const RecordedCase& one, const EvidenceVerdict& verdict) {
  const auto text = [&](std::string_view key) { return *one.entry.find(key)->as_string(); };
  EXPECT_TRUE(one.allows(verdict.code)) << verdict.code << ": " << verdict.message;
  EXPECT_EQ(verdict.ok, text("expected") == "ok");
  EXPECT_EQ(verdict.kind, kind_of(one.type));
  EXPECT_EQ(to_hex(verdict.measurement), text("measurement"));
  std::string report_data = to_hex(verdict.report_data);
  if (one.type == "tpm2-quote") report_data.resize(128, '0');  // padded in the table
  EXPECT_EQ(report_data, text("report_data"));
  const crypto::Json* status = one.entry.find("tcb_status");
  const bool has_status = status != nullptr && status->as_string() != nullptr;
  ASSERT_EQ(verdict.tcb_status.has_value(), has_status);
  if (!has_status) return;
  EXPECT_EQ(attest::verify::tcb_status_name(*verdict.tcb_status), *status->as_string());
  crypto::Json::Array advisories;
  for (const std::string& name : verdict.advisories) advisories.emplace_back(name);
  EXPECT_EQ(crypto::Json(advisories), *one.entry.find("advisories"));
}

TEST(AllCases, GiveTheExpectedVerdictStatusAndFields) {
  GINN_NEEDS_RECORDED_EVIDENCE();
  const auto cases = all_cases();
  EXPECT_EQ(cases.size(), kCases);
  for (const RecordedCase& one : cases) {
    SCOPED_TRACE(one.id);
    for (const auto& claimed : {std::optional<EvidenceKind>(), {kind_of(one.type)}}) {
      const auto verdict = check(one, claimed);
      ASSERT_TRUE(verdict.ok()) << verdict.error().message;
      expect_case(one, *verdict);
    }
  }
}

// What the table says of a quote, member by member.
TEST(AllCases, FieldsOfQuotes) {
  GINN_NEEDS_RECORDED_EVIDENCE();
  for (const RecordedCase& one : intel_cases()) {
    SCOPED_TRACE(one.id);
    const auto verdict = one.check();
    ASSERT_TRUE(verdict.ok());
    for (const auto& [name, value] : *one.entry.find("fields")->as_object()) {
      if (value.as_string() == nullptr) continue;
      ASSERT_NE(verdict->find_field(name), nullptr) << name;
      EXPECT_EQ(*verdict->find_field(name), *value.as_string()) << name;
    }
    EXPECT_EQ(*verdict->find_field("fmspc"), *one.entry.find("pck")->find("fmspc")->as_string());
  }
}

TEST(AllCases, EvidenceOfAnotherKindThanClaimedIsRefused) {
  GINN_NEEDS_RECORDED_EVIDENCE();
  for (const char* id : {"tdx-v4-ok", "sgx-v3-ok"}) {
    for (RecordedCase& one : intel_cases()) {
      if (one.id != id) continue;
      for (const EvidenceKind claimed : {EvidenceKind::kSnp, EvidenceKind::kNitro}) {
        const auto verdict = check(one, claimed);
        ASSERT_TRUE(verdict.ok());
        EXPECT_FALSE(verdict->ok);
        EXPECT_EQ(verdict->code, "evidence_kind");
      }
    }
  }
}

TEST(AllCases, BytesOfNoKindAreNoEvidence) {
  RecordedCase one;
  one.evidence = Bytes(2000, 0x55);
  EXPECT_STREQ(check(one, std::nullopt).error().code, "evidence_unknown");
  one.evidence = Bytes(100000, 0);
  EXPECT_STREQ(check(one, std::nullopt).error().code, "evidence_too_large");
}

}  // namespace
}  // namespace ginn::test
