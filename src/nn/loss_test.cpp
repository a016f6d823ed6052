#include "nn/loss.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "nn/test_network.h"

namespace ginn::nn {
namespace {

constexpr double kUnit = 16777216.0;  // of reported losses: 2^24
constexpr ValueId kLogits = 1;

// A linear layer without weight: the logits are its bias, exactly.
TestNetwork network(uint32_t classes, uint32_t images, float smoothing = 0.0f) {
  GraphBuilder builder({1, 1, 2});
  builder.loss(builder.linear(Graph::kInput, "fc", classes));
  return TestNetwork(finished(builder), images, device::Level::kPortable, smoothing);
}

void set_bias(TestNetwork& n, const std::vector<float>& values) {
  const auto bias = n.parameter("fc.bias");
  ASSERT_EQ(bias.size(), values.size());
  std::copy(values.begin(), values.end(), bias.begin());
}

TEST(Loss, EqualLogits) {
  auto n = network(4, 2);
  n.labels() = {0, 1};
  ASSERT_TRUE(n.forward().ok());
  EXPECT_NEAR(static_cast<double>(n.run().loss_sum()), 2 * std::log(4.0) * kUnit, 20);
  EXPECT_EQ(n.run().correct(), 1u) << "the first of equal logits is the prediction";
  const Tensor& gradient = *n.run().operand_gradient(kLogits);
  EXPECT_EQ(gradient.exponent, -13);
  EXPECT_EQ(integers(gradient, 8),
            (std::vector<int>{-6144, 2048, 2048, 2048, 2048, -6144, 2048, 2048}));
  ASSERT_TRUE(n.run().backward().ok());
  const auto bias = n.gradient("fc.bias");
  EXPECT_EQ(std::vector<float>(bias.begin(), bias.end()),
            (std::vector<float>{-0.25f, -0.25f, 0.25f, 0.25f}));
}

TEST(Loss, LabelSmoothing) {
  auto n = network(4, 1, 0.1f);
  n.labels() = {2};
  ASSERT_TRUE(n.forward().ok());
  // Targets 0.025 and 0.925.
  EXPECT_EQ(integers(*n.run().operand_gradient(kLogits), 4),
            (std::vector<int>{1843, 1843, -5530, 1843}));
}

TEST(Loss, ConfidentLogits) {
  auto n = network(3, 1);
  set_bias(n, {-50.0f, 50.0f, 0.0f});
  n.labels() = {1};
  ASSERT_TRUE(n.forward().ok());
  EXPECT_EQ(n.run().loss_sum(), 0);
  EXPECT_EQ(n.run().correct(), 1u);
  EXPECT_EQ(integers(*n.run().operand_gradient(kLogits), 3), (std::vector<int>{0, 0, 0}));
  n.labels() = {0};
  ASSERT_TRUE(n.forward().ok());
  EXPECT_NEAR(static_cast<double>(n.run().loss_sum()), 100 * kUnit, 100);
  EXPECT_EQ(n.run().correct(), 0u);
  // (0 - 1) 8192 is clamped: -8192 never occurs.
  EXPECT_EQ(integers(*n.run().operand_gradient(kLogits), 3), (std::vector<int>{-8191, 8191, 0}));
  EXPECT_EQ(std::vector<float>(n.run().logits().begin(), n.run().logits().end()),
            (std::vector<float>{-50.0f, 50.0f, 0.0f}));
}

TEST(Loss, FarApartLogitsCountAsTheLargestLoss) {
  auto n = network(2, 1);
  set_bias(n, {-3e38f, 3e38f});
  n.labels() = {0};
  ASSERT_TRUE(n.forward().ok());
  EXPECT_EQ(n.run().loss_sum(), int64_t{1} << 50);
}

TEST(Loss, ALogitThatIsNotFiniteFailsTheStep) {
  for (float bad : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
    for (Mode mode : {Mode::kTrain, Mode::kEvaluate}) {
      auto n = network(2, 1);
      set_bias(n, {0.0f, bad});
      const Status status = n.forward(mode);
      ASSERT_FALSE(status.ok());
      EXPECT_STREQ(status.error().code, "not_finite");
      EXPECT_NE(status.error().message.find("logit"), std::string::npos);
    }
  }
}

TEST(Loss, EvaluationLeavesNoGradient) {
  auto n = network(4, 1);
  ASSERT_TRUE(n.forward(Mode::kEvaluate).ok());
  EXPECT_EQ(n.run().operand_gradient(kLogits), nullptr);
  EXPECT_NEAR(static_cast<double>(n.run().loss_sum()), std::log(4.0) * kUnit, 10);
}

}  // namespace
}  // namespace ginn::nn
