// A worker that lies in what it hands over: every lie has its code, and none leaves a certificate.
#include <gtest/gtest.h>

#include "tests/end_to_end/lies.h"

namespace ginn::test {
namespace {

using protocol::FrameType;

TEST_F(Lies, AnHonestRunPasses) {
  EXPECT_EQ(code_after(all(), [](RawWorker& w) { w.end(); }), "accepted");
}

TEST_F(Lies, AboveTheNorm) {
  // Enlarge one integer after the other, minimally, until the squared norm is above C^2.
  training::Contribution c = decoded(honest(), honest().payloads[2]);
  const auto& graph = honest().training->graph();
  const auto& maps = honest().training->maps();
  const training::Wide limit = training::norm_limit(honest().job.clip_norm);
  const auto within = [&] { return training::norm_within(graph, maps, c, limit); };
  ASSERT_TRUE(within());
  size_t at = 0;
  for (;; ++at) {
    ASSERT_LT(at, c.q.size());
    const int16_t before = c.q[at];
    c.q[at] = before < 0 ? int16_t{-32767} : int16_t{32767};
    if (within()) continue;
    c.q[at] = before;
    break;
  }
  const int16_t step = c.q[at] < 0 ? int16_t{-1} : int16_t{1};
  while (within()) c.q[at] = static_cast<int16_t>(c.q[at] + step);
  EXPECT_EQ(code_of_payload(encoded(honest(), 1, 0, c)), "contribution_norm");
  EXPECT_TRUE(rejected_);
  c.q[at] = static_cast<int16_t>(c.q[at] - step);
  ASSERT_TRUE(within());
  // One step less has a permitted norm: only the replay stops it.
  EXPECT_EQ(code_after(2,
                       [&](RawWorker& w) {
                         w.frame(FrameType::kContribution, encoded(honest(), 1, 0, c));
                         w.contributions(3, all());
                         w.end();
                       }),
            "deviation");
}

TEST_F(Lies, FormOfAContribution) {
  const Bytes& good = honest().payloads[2];
  const auto changed = [&](size_t at, int value) {
    Bytes payload = good;
    payload[at] = static_cast<uint8_t>(value);
    return code_of_payload(payload);
  };
  constexpr size_t kExponent = protocol::kContributionPrefixBytes;
  EXPECT_EQ(changed(kExponent, -41), "contribution_exponent");
  EXPECT_EQ(changed(kExponent, 21), "contribution_exponent");
  EXPECT_EQ(changed(kExponent, -128), "contribution_exponent");
  EXPECT_EQ(changed(kExponent, 127), "contribution_exponent");
  EXPECT_EQ(changed(kExponent, 20), "contribution_norm");
  EXPECT_EQ(changed(12, 1), "frame_reserved");
  EXPECT_EQ(changed(15, 128), "frame_reserved");

  Bytes payload = good;
  payload[kExponent + 1] = 0x00;
  payload[kExponent + 2] = 0x80;  // -32768
  EXPECT_EQ(code_of_payload(payload), "contribution_integer");

  training::Contribution zero = decoded(honest(), good);
  const nn::Parameter& tensor = honest().training->graph().parameters()[1];
  for (size_t i = 0; i < tensor.count; ++i) zero.q[tensor.offset + i] = 0;
  zero.exponents[1] = -39;
  EXPECT_EQ(code_of_payload(encoded(honest(), 1, 0, zero)), "contribution_zero_exponent");
}

TEST_F(Lies, IndexOfAContribution) {
  const auto claimed = [&](uint64_t t, uint32_t j) {
    return code_of_payload(encoded(honest(), t, j, decoded(honest(), honest().payloads[2])));
  };
  EXPECT_EQ(claimed(honest().job.steps, 0), "contribution_index");
  EXPECT_EQ(claimed(~uint64_t{0}, 0), "contribution_index");
  EXPECT_EQ(claimed(1, 2), "contribution_index");
  EXPECT_EQ(claimed(1, ~uint32_t{0}), "contribution_index");
  EXPECT_EQ(claimed(1, 1), "contribution_order");
  EXPECT_EQ(claimed(2, 0), "contribution_order");
  EXPECT_EQ(claimed(0, 1), "contribution_duplicate");
  EXPECT_EQ(claimed(0, 0), "contribution_duplicate");
  EXPECT_EQ(code_after(2,
                       [](RawWorker& w) {
                         w.contribution(3);  // swapped with the one before
                         w.contribution(2);
                       }),
            "contribution_order");
}

}  // namespace
}  // namespace ginn::test
