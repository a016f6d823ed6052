#include "attest/verify/evidence.h"

#include <gtest/gtest.h>

#include "attest/evidence_format.h"
#include "attest/produce/attester.h"
#include "attest/produce/simulated_root.h"
#include "base/text.h"
#include "crypto/json.h"

namespace ginn::attest {
namespace {

const crypto::Digest kMeasurement = crypto::sha256(as_bytes("program"));

crypto::SigningKey root_key() {
  return crypto::SigningKey::from_seed(as_bytes(kSimulatedRootSeed)).value();
}

ReportData example_data() {
  ReportData data{};
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<uint8_t>(3 * i);
  return data;
}

std::string example() { return *simulated_attester(kMeasurement)->evidence(example_data()); }

crypto::Json::Object example_payload() {
  return *crypto::parse_json(as_text(crypto::parse_envelope(example(), 1 << 16)->payload))
              ->as_object();
}

std::string signed_payload(const crypto::Json::Object& payload,
                           std::string_view type = kSimulatedPayloadType) {
  const std::string text = crypto::canonical_json(crypto::Json(payload));
  return crypto::sign_envelope(root_key(), type, as_bytes(text));
}

std::string code_of(std::string_view text) {
  auto verified = verify_evidence(text);
  return verified.ok() ? "ok" : verified.error().code;
}

TEST(Evidence, SimulatedVerifiesAsSimulated) {
  auto verified = verify_evidence(example());
  ASSERT_TRUE(verified.ok()) << verified.error().message;
  EXPECT_TRUE(verified->simulated);
  EXPECT_EQ(verified->report_data, example_data());
  EXPECT_EQ(verified->measurement, kMeasurement);
}

TEST(Evidence, EveryFlippedByteIsRefused) {
  const std::string text = example();
  for (size_t at = 0; at < text.size(); ++at) {
    std::string changed = text;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_NE(code_of(changed), "ok") << at;
  }
}

TEST(Evidence, AnotherKeyIsRefused) {
  const auto other = crypto::SigningKey::from_seed(kMeasurement);
  ASSERT_TRUE(other.ok());
  const std::string payload = crypto::canonical_json(crypto::Json(example_payload()));
  EXPECT_EQ(code_of(crypto::sign_envelope(*other, kSimulatedPayloadType, as_bytes(payload))),
            "evidence_signature");
}

TEST(Evidence, TypeAndForm) {
  EXPECT_EQ(code_of(""), "json_syntax");
  EXPECT_EQ(code_of("{}"), "json_field");
  EXPECT_EQ(code_of(std::string(kMaxEvidenceBytes + 1, ' ')), "json_too_large");
  EXPECT_EQ(code_of(signed_payload(example_payload(), "application/vnd.in-toto+json")),
            "evidence_type");
  EXPECT_EQ(code_of(signed_payload(example_payload())), "ok");
  auto payload = example_payload();
  payload["kind"] = "tdx";
  EXPECT_EQ(code_of(signed_payload(payload)), "evidence_form");
  payload = example_payload();
  payload["note"] = "";
  EXPECT_EQ(code_of(signed_payload(payload)), "evidence_form");
  payload = example_payload();
  payload["report_data"] = "00";
  EXPECT_EQ(code_of(signed_payload(payload)), "evidence_form");
  payload = example_payload();
  payload["measurement"] = std::string(64, 'A');
  EXPECT_EQ(code_of(signed_payload(payload)), "bad_hex");
  payload = example_payload();
  payload["simulated"] = false;
  EXPECT_EQ(code_of(signed_payload(payload)), "json_field");
  const std::string spaced = crypto::pretty_json(crypto::Json(example_payload()));
  EXPECT_EQ(code_of(crypto::sign_envelope(root_key(), kSimulatedPayloadType, as_bytes(spaced))),
            "evidence_form");
}

}  // namespace
}  // namespace ginn::attest
