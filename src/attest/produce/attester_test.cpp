#include "attest/produce/attester.h"

#include <gtest/gtest.h>

#include "attest/evidence_format.h"
#include "attest/produce/simulated_root.h"
#include "attest/report_data.h"
#include "base/text.h"
#include "crypto/dsse.h"
#include "crypto/json.h"

namespace ginn::attest {
namespace {

TEST(ReportData, IsTheStatedHashThenZeros) {
  crypto::PublicKey key{};
  key[0] = 9;
  const crypto::Digest job = crypto::sha256(as_bytes("job"));
  using namespace std::string_view_literals;
  const std::string message =
      concat("ginn report data v2\0"sv, as_text(key), as_text(job), "\x02\x01\0\0"sv);
  const crypto::Digest expected = crypto::sha256(as_bytes(message));
  const ReportData data = report_data(key, job, 0x102);
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), data.begin()));
  for (size_t i = 32; i < 64; ++i) EXPECT_EQ(data[i], 0);
  crypto::PublicKey other = key;
  other[31] = 1;
  EXPECT_NE(report_data(other, job, 0x102), data);
  EXPECT_NE(report_data(key, expected, 0x102), data);
  EXPECT_NE(report_data(key, job, 0x103), data);
}

TEST(SimulatedAttester, SaysThatItProvesNothing) {
  const crypto::Digest measurement = crypto::sha256(as_bytes("program"));
  const auto attester = simulated_attester(measurement);
  EXPECT_EQ(attester->kind(), "simulated");
  ReportData data{};
  data[5] = 0xab;
  auto evidence = attester->evidence(data);
  ASSERT_TRUE(evidence.ok());
  auto envelope = crypto::parse_envelope(*evidence, 1 << 16);
  ASSERT_TRUE(envelope.ok());
  EXPECT_EQ(envelope->payload_type, kSimulatedPayloadType);
  auto root = crypto::SigningKey::from_seed(as_bytes(kSimulatedRootSeed));
  ASSERT_TRUE(root.ok());
  EXPECT_TRUE(crypto::verify_envelope(*envelope, root->public_key()));
  auto payload = crypto::parse_json(as_text(envelope->payload));
  ASSERT_TRUE(payload.ok());
  EXPECT_EQ(*payload->find("kind")->as_string(), "simulated");
  EXPECT_EQ(*payload->find("note")->as_string(), "SIMULATED: proves nothing");
  EXPECT_EQ(*payload->find("measurement")->as_string(), crypto::hex(measurement));
  EXPECT_EQ(*payload->find("report_data")->as_string(), to_hex(data));
}

// Whoever holds the medium must not get a smaller number by harming it.
TEST(SimulatedAttester, ACounterThatIsNoneIsAnError) {
  Result<Bytes> file = Bytes();
  const auto attester =
      simulated_attester({}, {[&] { return file; }, [](ByteView) { return ok_status(); }});
  const auto holds = [&](std::string_view text) {
    const ByteView bytes = as_bytes(text);
    file = Bytes(bytes.begin(), bytes.end());
    return attester->counter();
  };
  EXPECT_EQ(holds("12\n").value(), 12u);
  for (const char* torn : {"", "1", "12", "\n", "x\n", "-1\n", "1\n\n", "18446744073709551616\n"}) {
    const auto value = holds(torn);
    ASSERT_FALSE(value.ok()) << torn;
    EXPECT_STREQ(value.error().code, "counter_form");
    EXPECT_FALSE(attester->advance_counter().ok());
  }
  file = environment_error("unreadable", "the disk fails");
  EXPECT_FALSE(attester->counter().ok());
  EXPECT_FALSE(attester->advance_counter().ok());
  file = input_error("not_found", "never counted");
  EXPECT_EQ(attester->counter().value(), 0u);
  EXPECT_EQ(attester->advance_counter().value(), 1u);
}

}  // namespace
}  // namespace ginn::attest
