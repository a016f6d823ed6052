#include "nn/elementwise.h"

#include <gtest/gtest.h>

#include <cmath>

#include "arithmetic/format.h"
#include "nn/test_network.h"

namespace ginn::nn {
namespace {

constexpr ValueId kInput = 2;  // the activation before the map; the test writes it
constexpr uint32_t kCount = 4001;

// conv "a" -> activate -> map -> loss on one row of pixels.
class Map {
 public:
  explicit Map(Function function)
      : network_(graph(function), 1, device::Level::kPortable),
        operation_(*network_.graph().operations()[2]),
        state_(operation_.make_state(network_.run())) {}
  const Tensor& forward(const std::vector<int>& q, int exponent) {
    EXPECT_TRUE(network_.forward().ok());
    network_.fill(kInput, q, exponent);
    EXPECT_TRUE(operation_.forward(network_.run(), *state_).ok());
    return network_.run().value(kInput + 1);
  }
  // The gradient of the input for `d` of the output.
  const Tensor& backward(const std::vector<int>& d, int exponent) {
    gradient_.q = device::Buffer<int16_t>(d.size());
    TestNetwork::fill(gradient_, d, exponent);
    network_.run().send(kInput + 1, gradient_);
    EXPECT_TRUE(operation_.backward(network_.run(), *state_).ok());
    return gradient_;  // in place
  }

 private:
  static Graph graph(Function function) {
    GraphBuilder b({1, kCount, 1});
    const ValueId y = b.conv2d(Graph::kInput, "a", {.bias = true});
    const ValueId x = b.activate({b.bias(y)}, Activation::kNone);
    b.loss(b.linear(b.flatten(b.elementwise(x, function)), "fc", 2));
    return finished(b);
  }
  TestNetwork network_;
  const Operation& operation_;
  std::unique_ptr<OperationState> state_;
  Tensor gradient_;
};

double real(Function function, double x) {
  switch (function) {
    case Function::kSigmoid:
      return 1.0 / (1.0 + std::exp(-x));
    case Function::kTanh:
      return std::tanh(x);
    case Function::kSilu:
      return x / (1.0 + std::exp(-x));
    case Function::kGelu:
      return 0.5 * x * std::erfc(-x * std::sqrt(0.5));
  }
  return 0;
}

// By central differences of the fourth order: good to about 1e-12.
double real_slope(Function function, double x) {
  const double h = 1e-3;
  const auto f = [&](double at) { return real(function, at); };
  return (8 * (f(x + h) - f(x - h)) - (f(x + 2 * h) - f(x - 2 * h))) / (12 * h);
}

double value(const Tensor& tensor, size_t i) {
  return std::ldexp(static_cast<double>(tensor.q[i]), tensor.exponent);
}

std::vector<int> ramp(int step) {
  std::vector<int> q(kCount);
  for (uint32_t i = 0; i < kCount; ++i) q[i] = (static_cast<int>(i) - 2000) * step;
  return q;
}

class Elementwises : public testing::TestWithParam<Function> {};

TEST_P(Elementwises, AreTheFunctionToHalfAUnit) {
  for (const int exponent : {-14, -11, -9, -3}) {  // up to 0.49, 3.9, 16 and 1000
    Map map(GetParam());
    const std::vector<int> q = ramp(4);
    const Tensor& y = map.forward(q, exponent);
    const double half = std::ldexp(0.5, y.exponent);
    double largest = 0;
    for (size_t i = 0; i < kCount; ++i) {
      const double expected = real(GetParam(), std::ldexp(q[i], exponent));
      largest = std::max(largest, std::fabs(expected));
      ASSERT_NEAR(value(y, i), expected, half + 1e-6 * std::fabs(expected)) << i;
    }
    EXPECT_GT(largest, 8191 * half * 0.999);  // no coarser than it must be
  }
}

TEST_P(Elementwises, PassTheGradientTimesTheSlope) {
  for (const int exponent : {-14, -11, -9, -3}) {
    Map map(GetParam());
    const std::vector<int> q = ramp(4);
    map.forward(q, exponent);
    std::vector<int> d(kCount);
    for (size_t i = 0; i < kCount; ++i) d[i] = static_cast<int>(i * 7919 % 65535) - 32767;
    const Tensor& dx = map.backward(d, -3);
    const double half = std::ldexp(0.5, dx.exponent);
    for (size_t i = 0; i < kCount; ++i) {
      const double slope = real_slope(GetParam(), std::ldexp(q[i], exponent));
      const double expected = std::ldexp(d[i], -3) * slope;
      ASSERT_NEAR(value(dx, i), expected, half + 1e-3 * 1e-3 * std::ldexp(32767, -3)) << i;
    }
  }
}

TEST_P(Elementwises, OfOneValueOrHugeOnes) {
  Map map(GetParam());
  const Tensor& zero = map.forward(std::vector<int>(kCount, 0), kMinExponent);
  EXPECT_EQ(value(zero, 7), GetParam() == Function::kSigmoid ? 0.5 : 0.0);
  std::vector<int> q = ramp(4);
  const Tensor& y = map.forward(q, 47);
  const double top = real(GetParam(), std::ldexp(8000, 47));
  EXPECT_NEAR(value(y, kCount - 1) / top, 1.0, 1e-3);
  EXPECT_EQ(y.q[0], GetParam() == Function::kTanh ? -y.q[kCount - 1] : 0);
  const Tensor& dx = map.backward(std::vector<int>(kCount, 1000), 0);
  EXPECT_EQ(value(dx, 0), 0.0);
}

INSTANTIATE_TEST_SUITE_P(
    Functions,
    Elementwises,
    testing::Values(Function::kSigmoid, Function::kTanh, Function::kSilu, Function::kGelu),
    [](const testing::TestParamInfo<Function>& one) {
      return std::string(Elementwise::function_name(one.param));
    });

}  // namespace
}  // namespace ginn::nn
