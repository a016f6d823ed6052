// What every operation is tested for: the same bits as an oracle in plain loops at every level of
// the CPU, the gradient against finite differences, failure by name, the shape rule.
#include "examples/skeleton_op/scale.h"

#include <gtest/gtest.h>

#include <cmath>

#include "nn/test_network.h"
#include "tests/oracle/oracle.h"

namespace ginn::skeleton {
namespace {

constexpr nn::ValueId kInput = 2;  // the activation before the scale; the test writes it
constexpr uint32_t kCount = 37;

nn::Graph graph(float factor) {
  nn::GraphBuilder b({1, kCount, 1});
  const nn::ValueId y = b.conv2d(nn::Graph::kInput, "a", {.bias = true});
  const nn::ValueId x = b.activate({b.bias(y)}, nn::Activation::kNone);
  b.loss(b.linear(b.flatten(scale(b, x, factor)), "fc", 2));
  return nn::finished(b);
}

class Network {
 public:
  Network(float factor, device::Level level)
      : network_(graph(factor), 1, level),
        operation_(*network_.graph().operations()[2]),
        state_(operation_.make_state(network_.run())) {}
  Status forward(const std::vector<int>& q, int exponent) {
    GINN_TRY(network_.forward());
    network_.fill(kInput, q, exponent);
    return operation_.forward(network_.run(), *state_);
  }
  Status backward(const std::vector<int>& d, int exponent) {
    gradient_.q = device::Buffer<int16_t>(d.size());
    nn::TestNetwork::fill(gradient_, d, exponent);
    network_.run().send(kInput + 1, gradient_);
    return operation_.backward(network_.run(), *state_);
  }
  const nn::Tensor& output() { return network_.run().value(kInput + 1); }
  const nn::Tensor& input_gradient() const { return gradient_; }  // in place

 private:
  nn::TestNetwork network_;
  const nn::Operation& operation_;
  std::unique_ptr<nn::OperationState> state_;
  nn::Tensor gradient_;
};

// The oracle: the definition once more, sharing no code with the engine.
oracle::Tensor16 expected(const std::vector<int>& q, int exponent, float factor, int q_max) {
  int largest = 0;
  for (int one : q) largest = std::max(largest, std::abs(one));
  const float bound =
      (static_cast<float>(largest) * std::fabs(factor)) * std::ldexp(1.0F, exponent);
  oracle::Tensor16 out;
  out.exponent = oracle::fit(bound, q_max, -60, 60).value();
  const float unit = factor * std::ldexp(1.0F, exponent - out.exponent);
  for (int one : q) {
    float v = static_cast<float>(one) * unit;
    if (v > static_cast<float>(q_max)) v = static_cast<float>(q_max);
    if (v < static_cast<float>(-q_max)) v = static_cast<float>(-q_max);
    out.q.push_back(static_cast<int32_t>(std::nearbyint(v)));
  }
  return out;
}

std::vector<int> values(int largest, int seed) {
  std::vector<int> q(kCount);
  for (uint32_t i = 0; i < kCount; ++i) {
    q[i] = static_cast<int>((i * 7919u + static_cast<uint32_t>(seed)) % 65536u) % (largest + 1);
    if (i % 2 == 1) q[i] = -q[i];
  }
  q[3] = largest;
  q[4] = 0;
  return q;
}

constexpr float kFactors[] = {-1.0f, 0.3f, 3.0f, 1e-30f, 65536.0f, -0.7071f};

TEST(Scale, IsTheOraclesAtEveryLevel) {
  for (const device::Level level : nn::supported_levels()) {
    for (const float factor : kFactors) {
      for (const int exponent : {-60, -13, 0, 20}) {
        Network network(factor, level);
        const std::vector<int> q = values(8191, 5), d = values(32767, 11);
        ASSERT_TRUE(network.forward(q, exponent).ok());
        const oracle::Tensor16 y = expected(q, exponent, factor, 8191);
        EXPECT_EQ(network.output().exponent, y.exponent);
        EXPECT_EQ(nn::integers(network.output(), kCount), y.q);
        ASSERT_TRUE(network.backward(d, exponent).ok());
        const oracle::Tensor16 dx = expected(d, exponent, factor, 32767);
        EXPECT_EQ(network.input_gradient().exponent, dx.exponent);
        EXPECT_EQ(nn::integers(network.input_gradient(), kCount), dx.q);
      }
    }
  }
}

// The derivative of sum d_i y_i after x_i, by a difference of the forward pass.
TEST(Scale, GradientIsTheDifference) {
  const float factor = -0.7071f;
  Network network(factor, device::Level::kPortable);
  const std::vector<int> d = values(32767, 11);
  const auto output = [&](std::vector<int> q, size_t i, int step) {
    q[i] += step;
    EXPECT_TRUE(network.forward(q, -10).ok());
    return std::ldexp(static_cast<double>(network.output().q[i]), network.output().exponent);
  };
  const std::vector<int> q = values(4000, 5);
  std::vector<double> slopes;
  for (size_t i = 0; i < kCount; ++i) {
    slopes.push_back((output(q, i, 2000) - output(q, i, -2000)) / std::ldexp(4000, -10));
  }
  ASSERT_TRUE(network.forward(q, -10).ok());
  ASSERT_TRUE(network.backward(d, -4).ok());
  const nn::Tensor& dx = network.input_gradient();
  for (size_t i = 0; i < kCount; ++i) {
    const double found = std::ldexp(static_cast<double>(dx.q[i]), dx.exponent);
    const double largest = std::ldexp(32767, -4);
    // Rounding of two outputs to half of 2^-12 (5 bits above the step), and of the gradient.
    EXPECT_NEAR(found, slopes[i] * std::ldexp(d[i], -4), 1e-3 * largest) << i;
  }
}

TEST(Scale, WhatLeavesTheRangeIsNamed) {
  Network network(1e30f, device::Level::kPortable);
  const Status status = network.forward(values(8191, 1), 20);
  ASSERT_FALSE(status.ok());
  EXPECT_STREQ(status.error().code, "not_finite");
  EXPECT_NE(status.error().message.find("layer scale3: the output"), std::string::npos);
}

TEST(Scale, RefusesFactorsThatAreNone) {
  for (const float factor : {0.0f, std::nanf(""), HUGE_VALF}) {
    nn::GraphBuilder b({1, 1, 1});
    const nn::ValueId x = b.activate({b.bias(b.conv2d(0, "a", {.bias = true}))}, true);
    b.loss(b.linear(b.flatten(scale(b, x, factor)), "fc", 2));
    const auto built = b.finish();
    ASSERT_FALSE(built.ok());
    EXPECT_STREQ(built.error().code, "model_shape");
  }
}

}  // namespace
}  // namespace ginn::skeleton
