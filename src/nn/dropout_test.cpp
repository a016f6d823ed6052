#include "nn/dropout.h"

#include <gtest/gtest.h>

#include "nn/test_network.h"

namespace ginn::nn {
namespace {

constexpr uint32_t kElements = 4000;
constexpr ValueId kInput = 2;  // after a linear layer and its activation
constexpr ValueId kOutput = 3;
constexpr size_t kOperation = 2;

class DropoutNetwork {
 public:
  explicit DropoutNetwork(double probability)
      : network_(graph(probability), 2, device::Level::kPortable),
        operation_(*network_.graph().operations()[kOperation]),
        state_(operation_.make_state(network_.run())) {}

  std::vector<int> forward(const std::vector<int>& x, Mode mode, const Place& place) {
    network_.run().set_place(place);
    EXPECT_TRUE(network_.forward(mode).ok());
    network_.fill(kInput, x, -4);
    EXPECT_TRUE(operation_.forward(network_.run(), *state_).ok());
    return integers(network_.run().value(kOutput), x.size());
  }
  int exponent() { return network_.run().value(kOutput).exponent; }
  std::vector<int> backward(const std::vector<int>& d, int& exponent) {
    Tensor& gradient = network_.run().make_gradient(kOutput);
    TestNetwork::fill(gradient, d, 0);
    network_.run().send(kOutput, gradient);
    EXPECT_TRUE(operation_.backward(network_.run(), *state_).ok());
    const auto sent = network_.run().join(kInput);
    EXPECT_TRUE(sent.ok());
    exponent = sent.value()->exponent;
    return integers(*sent.value(), d.size());
  }

 private:
  static Graph graph(double probability) {
    GraphBuilder builder({1, 1, 1});
    const ValueId y = builder.linear(Graph::kInput, "fc1", kElements);
    const ValueId x = builder.activate({builder.bias(y)}, true);
    builder.loss(builder.linear(builder.dropout(x, probability), "fc2", 2));
    return finished(builder);
  }

  TestNetwork network_;
  const Operation& operation_;
  std::unique_ptr<OperationState> state_;
};

const Place kPlace{7, 3, 10};
const std::vector<int> kOnes(2 * kElements, 1000);

size_t zeros(const std::vector<int>& values) {
  return static_cast<size_t>(std::count(values.begin(), values.end(), 0));
}

TEST(Dropout, HalvesKeepTheirIntegersAndRaiseTheExponent) {
  DropoutNetwork network(0.5);
  const auto y = network.forward(kOnes, Mode::kTrain, kPlace);
  // 2000 2^-4 = 8000 2^-6
  EXPECT_EQ(network.exponent(), -6);
  EXPECT_EQ(y.size() - zeros(y), static_cast<size_t>(std::count(y.begin(), y.end(), 8000)));
  EXPECT_NEAR(static_cast<double>(zeros(y)) / static_cast<double>(y.size()), 0.5, 0.03);
}

TEST(Dropout, TheGradientPassesWhereTheValueDid) {
  DropoutNetwork network(0.2);
  const auto y = network.forward(kOnes, Mode::kTrain, kPlace);
  EXPECT_NEAR(static_cast<double>(zeros(y)) / static_cast<double>(y.size()), 0.2, 0.03);
  int exponent = 0;
  const auto dx = network.backward(std::vector<int>(2 * kElements, 8192), exponent);
  // 8192 * 1.25 = 10240 = 20480 2^-1
  EXPECT_EQ(exponent, -1);
  for (size_t i = 0; i < y.size(); ++i) EXPECT_EQ(dx[i], y[i] == 0 ? 0 : 20480) << i;
}

TEST(Dropout, IsAFunctionOfSeedStepAndPosition) {
  DropoutNetwork network(0.5);
  const auto y = network.forward(kOnes, Mode::kTrain, kPlace);
  EXPECT_EQ(network.forward(kOnes, Mode::kTrain, kPlace), y);
  EXPECT_NE(network.forward(kOnes, Mode::kTrain, {8, 3, 10}), y);
  EXPECT_NE(network.forward(kOnes, Mode::kTrain, {7, 4, 10}), y);
  // The second image here is the first one of a microbatch that begins a position later.
  const auto later = network.forward(kOnes, Mode::kTrain, {7, 3, 11});
  EXPECT_TRUE(std::equal(y.begin() + kElements, y.end(), later.begin()));
  EXPECT_FALSE(std::equal(y.begin(), y.begin() + kElements, later.begin()));
}

TEST(Dropout, DoesNothingOutsideTraining) {
  DropoutNetwork network(0.5);
  for (const Mode mode : {Mode::kStatistics, Mode::kEvaluate}) {
    EXPECT_EQ(network.forward(kOnes, mode, kPlace), kOnes);
    EXPECT_EQ(network.exponent(), -4);
  }
}

}  // namespace
}  // namespace ginn::nn
