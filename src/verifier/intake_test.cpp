#include "verifier/intake.h"

#include <gtest/gtest.h>

#include <cstring>

#include "tests/end_to_end/lab.h"

namespace ginn::verifier {
namespace {

using test::always;
using test::never;

const test::Honest& honest() {
  static const test::Honest run = test::honest_run(test::Coverage::kSample);
  return run;
}

std::unique_ptr<Intake> make_intake() {
  auto intake = Intake::create(*honest().training);
  GINN_CHECK(intake.ok());
  return std::move(*intake);
}

std::string code(Intake& intake, ByteView payload) {
  const auto taken = intake.take(payload, never());
  return taken.ok() ? "" : taken.error().code;
}

bool weights_are(const float* found, const std::vector<float>& expected) {
  return std::memcmp(found, expected.data(), expected.size() * sizeof(float)) == 0;
}

TEST(Intake, TakesARunInOrder) {
  const auto intake = make_intake();
  EXPECT_EQ(intake->payload_bytes(), honest().payloads[0].size());
  for (uint64_t i = 0; i < honest().payloads.size(); ++i) {
    EXPECT_EQ(intake->taken(), i);
    EXPECT_EQ(intake->next_step(), i / 2);
    EXPECT_EQ(intake->next_microbatch(), i % 2);
    EXPECT_TRUE(weights_are(intake->state().weights(), honest().weights[i / 2])) << i;
    EXPECT_FALSE(intake->complete());
    ASSERT_EQ(code(*intake, honest().payloads[i]), "");
  }
  EXPECT_TRUE(intake->complete());
}

TEST(Intake, RefusalsComeInTheStatedOrderAndChangeNothing) {
  const auto intake = make_intake();
  for (uint64_t i = 0; i < 3; ++i) ASSERT_EQ(code(*intake, honest().payloads[i]), "");
  // Everything wrong at once; then one thing after the other is put right.
  Bytes payload = honest().payloads[3];
  const Bytes good = payload;
  const auto set = [&](size_t at, ByteView bytes) {
    std::copy(bytes.begin(), bytes.end(), payload.begin() + static_cast<ptrdiff_t>(at));
  };
  const auto prefix = [&](uint64_t t, uint32_t j) {
    protocol::write_prefix({t, j}, std::span(payload).first<protocol::kContributionPrefixBytes>());
  };
  constexpr size_t kForm = protocol::kContributionPrefixBytes;
  payload[kForm] = 100;
  payload.push_back(0);
  prefix(8, 0);
  payload[13] = 1;
  EXPECT_EQ(code(*intake, payload), "contribution_length");
  payload.pop_back();
  EXPECT_EQ(code(*intake, payload), "frame_reserved");
  payload[13] = 0;
  EXPECT_EQ(code(*intake, payload), "contribution_index");
  prefix(7, 2);
  EXPECT_EQ(code(*intake, payload), "contribution_index");
  prefix(1, 0);
  EXPECT_EQ(code(*intake, payload), "contribution_duplicate");
  prefix(7, 1);
  EXPECT_EQ(code(*intake, payload), "contribution_order");
  prefix(1, 1);
  EXPECT_EQ(code(*intake, payload), "contribution_exponent");
  payload[kForm] = 20;
  set(kForm + 1, Bytes{0x00, 0x80});
  EXPECT_EQ(code(*intake, payload), "contribution_integer");
  set(kForm + 1, Bytes{0xff, 0x7f});
  EXPECT_EQ(code(*intake, payload), "contribution_norm");
  EXPECT_EQ(intake->taken(), 3u);
  // The run goes on as if nothing had been sent.
  EXPECT_EQ(code(*intake, good), "");
  EXPECT_TRUE(weights_are(intake->state().weights(), honest().weights[2]));
}

TEST(Intake, TheCoinPicks) {
  const auto intake = make_intake();
  const uint64_t threshold = intake->sampling().threshold();
  ASSERT_GT(threshold, 0u);
  const uint64_t coins[] = {threshold, threshold - 1, 0, never()};
  const bool picked[] = {false, true, true, false};
  for (size_t i = 0; i < 4; ++i) {
    const auto replay = intake->take(honest().payloads[i], coins[i]);
    ASSERT_TRUE(replay.ok());
    EXPECT_EQ(replay.value().has_value(), picked[i]) << i;
  }
}

TEST(Intake, AReplayHoldsItsStepsWeights) {
  const auto intake = make_intake();
  std::vector<Replay> replays;
  for (uint64_t i = 0; i < 6; ++i) {
    auto replay = intake->take(honest().payloads[i], always());
    ASSERT_TRUE(replay.ok() && replay.value().has_value());
    replays.push_back(std::move(**replay));
  }
  for (uint64_t i = 0; i < 6; ++i) {
    EXPECT_EQ(replays[i].step, i / 2);
    EXPECT_EQ(replays[i].microbatch, i % 2);
    EXPECT_TRUE(weights_are(replays[i].snapshot->weights(), honest().weights[i / 2])) << i;
    EXPECT_TRUE(replays[i].received == test::decoded(honest(), honest().payloads[i]));
  }
  EXPECT_EQ(replays[0].snapshot, replays[1].snapshot) << "one snapshot a step";
  EXPECT_NE(replays[1].snapshot, replays[2].snapshot);
}

TEST(Intake, EverythingIsReplayedWhereTheJobSaysSo) {
  job::Job job = honest().job;
  job.verify_last = 0.25;
  auto last = training::Training::create(job, test::best_level());
  job.verify_last = 0.0;
  job.verify = guarantee::Verify::kAll;
  auto all = training::Training::create(job, test::best_level());
  ASSERT_TRUE(last.ok() && all.ok());
  auto last_intake = Intake::create(**last);
  auto all_intake = Intake::create(**all);
  ASSERT_TRUE(last_intake.ok() && all_intake.ok());
  for (uint64_t i = 0; i < honest().payloads.size(); ++i) {
    const auto& payload = honest().payloads[i];
    EXPECT_EQ((*last_intake)->take(payload, never()).value().has_value(), i >= 12) << i;
    EXPECT_TRUE((*all_intake)->take(payload, never()).value().has_value()) << i;
  }
}

TEST(Intake, NotFinite) {
  job::Job job = honest().job;
  job.lr.peak = 3e38;
  auto training = training::Training::create(job, test::best_level());
  ASSERT_TRUE(training.ok());
  auto intake = Intake::create(**training);
  ASSERT_TRUE(intake.ok());
  std::string found;
  for (uint64_t i = 0; i < honest().payloads.size() && found.empty(); ++i) {
    found = code(**intake, honest().payloads[i]);
  }
  EXPECT_EQ(found, "not_finite");
}

}  // namespace
}  // namespace ginn::verifier
