#include "nn/concatenate.h"

#include <gtest/gtest.h>

#include "nn/test_network.h"

namespace ginn::nn {
namespace {

// Two activations, of 2 and 3 channels, of one row of two pixels; the test writes them.
constexpr ValueId kFirst = 2, kSecond = 4;

Graph graph() {
  GraphBuilder b({1, 2, 1});
  const ValueId y1 = b.conv2d(Graph::kInput, "a", {.channels = 2, .bias = true});
  const ValueId x1 = b.activate({b.bias(y1)}, Activation::kNone);
  const ValueId y2 = b.conv2d(Graph::kInput, "b", {.channels = 3, .bias = true});
  const ValueId x2 = b.activate({b.bias(y2)}, Activation::kNone);
  GINN_CHECK(x1 == kFirst && x2 == kSecond);
  b.loss(b.linear(b.flatten(b.concatenate({x1, x2})), "fc", 2));
  return finished(b);
}

TEST(Concatenate, TakesTheLargestScale) {
  for (const device::Level level : supported_levels()) {
    TestNetwork network(graph(), 1, level);
    ASSERT_TRUE(network.forward().ok());
    const Operation& operation = *network.graph().operations()[4];
    const auto state = operation.make_state(network.run());
    network.fill(kFirst, {1, -2, 8191, 4}, -3);
    network.fill(kSecond, {1, 2, 3, -5, 6, 7}, -4);  // 0.5, 1, 1.5, -2.5, 3, 3.5 of the first's
    ASSERT_TRUE(operation.forward(network.run(), *state).ok());
    const Tensor& y = network.run().value(kSecond + 1);
    EXPECT_EQ(y.exponent, -3);
    EXPECT_EQ(integers(y, 10), (std::vector<int>{1, -2, 0, 1, 2, 8191, 4, -2, 3, 4}));
    network.fill(kSecond, {8191, 2, 3, -5, 6, 7}, -50);
    ASSERT_TRUE(operation.forward(network.run(), *state).ok());
    EXPECT_EQ(integers(y, 10), (std::vector<int>{1, -2, 0, 0, 0, 8191, 4, 0, 0, 0}));
  }
}

TEST(Concatenate, HandsEveryInputItsPartOfTheGradient) {
  TestNetwork network(graph(), 1, device::Level::kPortable);
  ASSERT_TRUE(network.forward().ok());
  const Operation& operation = *network.graph().operations()[4];
  const auto state = operation.make_state(network.run());
  Tensor d;
  d.q = device::Buffer<int16_t>(10);
  TestNetwork::fill(d, {1, 2, 3, 4, 5, 6, 7, 8, 9, -32767}, -7);
  network.run().send(kSecond + 1, d);
  ASSERT_TRUE(operation.backward(network.run(), *state).ok());
  const Tensor& first = *network.run().join(kFirst).value();
  const Tensor& second = *network.run().join(kSecond).value();
  EXPECT_EQ(first.exponent, -7);
  EXPECT_EQ(integers(first, 4), (std::vector<int>{1, 2, 6, 7}));
  EXPECT_EQ(second.exponent, -7);
  EXPECT_EQ(integers(second, 6), (std::vector<int>{3, 4, 5, 8, 9, -32767}));
}

TEST(Concatenate, RefusesOtherSizesAndDoubles) {
  const auto problem = [](bool twice) {
    GraphBuilder b({4, 6, 1});
    const ValueId x = b.activate({b.bias(b.conv2d(Graph::kInput, "a", {.bias = true}))}, true);
    const ValueId y = twice ? x : b.max_pool(x, 2, 2);
    b.loss(b.linear(b.flatten(b.concatenate({x, y})), "fc", 2));
    const auto built = b.finish();
    return built.ok() ? std::string() : built.error().message;
  };
  EXPECT_EQ(problem(true), "concatenation, input 0: stands there twice (4 x 6)");
  EXPECT_EQ(problem(false),
            "concatenation, input 1: another height or width than the first's (2 x 3)");
}

}  // namespace
}  // namespace ginn::nn
