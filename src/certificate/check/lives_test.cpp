#include "certificate/check/lives.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace ginn::certificate {
namespace {

crypto::SigningKey key(uint8_t seed) {
  return crypto::SigningKey::from_seed(Bytes(32, seed)).value();
}

LivesExpected expected() {
  return {.nonce = "n",
          .job_digest = crypto::sha256(as_bytes("job")),
          .lives = 3,
          .verifier_key = key(3).public_key(),
          .life = 3,
          .simulated = false,
          .owner = key(9).public_key()};
}

// A grant of life `life` for the verifier of that life.
StartStatement start(uint32_t life) {
  StartStatement out{"n", crypto::sha256(as_bytes("job")), {}, life, std::nullopt};
  out.verifier_key = key(static_cast<uint8_t>(life)).public_key();
  if (life > 1) out.checkpoint = crypto::sha256(as_bytes("checkpoint"));
  return out;
}

std::string grant(uint32_t life, bool local = false) {
  return issue_grant(key(9), start(life), local);
}

std::string code_of(const std::vector<std::string>& grants, const LivesExpected& with) {
  auto found = check_lives(grants, with);
  return found.ok() ? "ok" : found.error().code;
}
std::string code_of(const std::vector<std::string>& grants) { return code_of(grants, expected()); }

TEST(Lives, ChainOfGrants) {
  EXPECT_EQ(code_of({grant(1), grant(2), grant(3)}), "ok");
  EXPECT_EQ(code_of({grant(1), grant(3)}), "ok");
  EXPECT_EQ(code_of({grant(3)}), "grants_lives") << "goes on from a checkpoint of no life";
  EXPECT_EQ(code_of({}), "grants_missing");
  EXPECT_EQ(code_of({grant(2), grant(1), grant(3)}), "grants_lives");
  EXPECT_EQ(code_of({grant(3), grant(3)}), "grants_lives");
  EXPECT_EQ(code_of({grant(3), grant(4)}), "grants_lives");
  EXPECT_EQ(code_of({grant(1), grant(2)}), "grants_binding");
}

TEST(Lives, NoneTwice) {
  EXPECT_EQ(code_of({grant(1), grant(3), grant(3)}), "grants_lives");
  EXPECT_EQ(code_of({grant(1), grant(2), grant(2), grant(3)}), "grants_lives");
  LivesExpected second = expected();
  second.life = 2;
  second.verifier_key = key(2).public_key();
  EXPECT_EQ(code_of({grant(1), grant(2)}, second), "ok");
  EXPECT_EQ(code_of({grant(1), grant(3), grant(2)}, second), "grants_lives") << "back again";
}

TEST(Lives, NoneBeyondTheJobs) {
  LivesExpected fourth = expected();
  fourth.life = 4;
  fourth.verifier_key = key(4).public_key();
  EXPECT_EQ(code_of({grant(1), grant(4)}, fourth), "grants_lives");
  fourth.lives = 4;
  EXPECT_EQ(code_of({grant(1), grant(4)}, fourth), "ok");
}

TEST(Lives, ALaterLifeMayStartFromNothing) {
  StartStatement again = start(3);
  again.checkpoint.reset();
  EXPECT_EQ(code_of({issue_grant(key(9), again, false)}), "ok");
  EXPECT_EQ(code_of({grant(1), issue_grant(key(9), again, false)}), "grants_lives");
}

TEST(Lives, OneAttempt) {
  LivesExpected attempt = expected();
  attempt.lives = 1;
  attempt.life = 1;
  attempt.unlimited_attempts = true;
  EXPECT_EQ(code_of({}, attempt), "ok");
  EXPECT_EQ(code_of({grant(1)}, attempt), "grants_unlimited");
  attempt.life = 2;
  EXPECT_EQ(code_of({}, attempt), "grants_unlimited");
}

TEST(Lives, Bindings) {
  LivesExpected other = expected();
  other.nonce = std::string("m");
  EXPECT_EQ(code_of({grant(1), grant(3)}, other), "grants_binding");
  other = expected();
  other.job_digest[0] ^= 1;
  EXPECT_EQ(code_of({grant(1), grant(3)}, other), "grants_binding");
  other = expected();
  other.verifier_key[0] ^= 1;
  EXPECT_EQ(code_of({grant(1), grant(3)}, other), "grants_binding");
  other = expected();
  other.life = 2;
  EXPECT_EQ(code_of({grant(1), grant(3)}, other), "grants_binding");
  StartStatement resumed = start(1);
  resumed.checkpoint = crypto::sha256({});
  EXPECT_EQ(code_of({issue_grant(key(9), resumed, false), grant(3)}), "grants_lives");
}

TEST(Lives, Owners) {
  LivesExpected other = expected();
  other.owner = key(8).public_key();
  EXPECT_EQ(code_of({grant(1), grant(3)}, other), "grants_owner");
  other.owner.reset();
  EXPECT_EQ(code_of({grant(1), grant(3)}, other), "grants_owner");
  EXPECT_EQ(code_of({issue_grant(key(8), start(1), false), grant(3)}), "grants_owner");
}

TEST(Lives, LocalGrantsOnlyBesideSimulatedEvidence) {
  EXPECT_EQ(code_of({grant(1, true), grant(3, true)}), "grants_local");
  EXPECT_EQ(code_of({grant(1, true), grant(3)}), "grants_local");
  LivesExpected simulated = expected();
  simulated.simulated = true;
  EXPECT_EQ(code_of({grant(1, true), grant(3, true)}, simulated), "ok");
  EXPECT_TRUE(check_lives({grant(1, true), grant(3)}, simulated)->local);
  EXPECT_FALSE(check_lives({grant(1), grant(3)}, simulated)->local);
  simulated.owner.reset();
  EXPECT_EQ(code_of({grant(1, true), grant(3, true)}, simulated), "ok");
}

}  // namespace
}  // namespace ginn::certificate
