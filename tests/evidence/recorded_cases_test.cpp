#include <gtest/gtest.h>

#include "base/text.h"
#include "tests/evidence/recorded.h"
#include "tests/support/recorded_evidence.h"

namespace ginn::test {
namespace {

using attest::verify::EvidenceVerdict;

constexpr size_t kCases = 29;  // of 52; the others are Intel's quotes

std::string expected_text(const RecordedCase& one, std::string_view key) {
  return *one.entry.find(key)->as_string();
}

// What a field of vectors.json says and what the verdict says, as text.
void expect_fields(const RecordedCase& one, const EvidenceVerdict& verdict) {
  size_t compared = 0;
  for (const auto& [name, value] : *one.entry.find("fields")->as_object()) {
    const std::string* found = verdict.find_field(name);
    if (found == nullptr) continue;
    if (value.as_string() != nullptr && name != "timestamp") {
      EXPECT_EQ(*found, *value.as_string()) << one.id << ' ' << name;
      ++compared;
    } else if (value.as_number() != nullptr && name != "signing_key") {
      EXPECT_EQ(*found, concat(static_cast<int64_t>(*value.as_number()))) << one.id << ' ' << name;
      ++compared;
    }
  }
  if (const crypto::Json* pcrs = one.entry.find("fields")->find("pcrs");
      pcrs != nullptr && pcrs->as_object() != nullptr) {
    for (const auto& [index, value] : *pcrs->as_object()) {
      ASSERT_NE(verdict.find_field("pcr" + index), nullptr) << one.id;
      EXPECT_EQ(*verdict.find_field("pcr" + index), *value.as_string()) << one.id;
    }
  }
  if (one.type != "tpm2-quote") {
    EXPECT_GE(compared, 1u) << one.id;
  }
}

TEST(RecordedCases, GiveTheExpectedVerdict) {
  GINN_NEEDS_RECORDED_EVIDENCE();
  const auto cases = recorded_cases();
  EXPECT_EQ(cases.size(), kCases);
  for (const RecordedCase& one : cases) {
    const auto verdict = one.check();
    ASSERT_TRUE(verdict.ok()) << one.id << ": " << verdict.error().message;
    EXPECT_TRUE(one.allows(verdict->code))
        << one.id << ": " << verdict->code << ' ' << verdict->message;
    EXPECT_EQ(verdict->ok, expected_text(one, "expected") == "ok") << one.id;
    EXPECT_EQ(to_hex(verdict->measurement), expected_text(one, "measurement")) << one.id;
    // The table pads the TPM's extraData to the size of report data.
    std::string report_data = to_hex(verdict->report_data);
    if (one.type == "tpm2-quote") report_data.resize(128, '0');
    EXPECT_EQ(report_data, expected_text(one, "report_data")) << one.id;
    expect_fields(one, *verdict);
  }
}

TEST(RecordedCases, TheIsolationIsNamed) {
  GINN_NEEDS_RECORDED_EVIDENCE();
  using attest::verify::Isolation;
  EXPECT_EQ(recorded_case("snp-milan-v2-ok").check()->isolation, Isolation::kTee);
  EXPECT_EQ(recorded_case("nitro-ok").check()->isolation, Isolation::kTee);
  EXPECT_EQ(recorded_case("azure-snp-genoa-ok").check()->isolation, Isolation::kTee);
  EXPECT_EQ(recorded_case("tpm-trustee-ok").check()->isolation, Isolation::kNoMemoryIsolation);
  EXPECT_EQ(recorded_case("nvidia-gb100-ok").check()->isolation, Isolation::kDevice);
}

}  // namespace
}  // namespace ginn::test
