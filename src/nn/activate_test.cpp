#include "nn/activate.h"

#include <gtest/gtest.h>

#include <cmath>

#include "arithmetic/format.h"
#include "nn/test_network.h"

namespace ginn::nn {
namespace {

constexpr ValueId kSource = 1;  // the convolution's output

// conv "a" -> activate -> loss on one row of `width` pixels; the test writes the convolution's
// output.
class OneTerm {
 public:
  OneTerm(bool batch_norm, bool relu, uint32_t channels, uint32_t width, device::Level level)
      : OneTerm(batch_norm, relu ? Activation::kRelu : Activation::kNone, channels, width, level) {}
  OneTerm(bool batch_norm,
          Activation activation,
          uint32_t channels,
          uint32_t width,
          device::Level level)
      : network_(graph(batch_norm, activation, channels, width), 1, level),
        operation_(*network_.graph().operations()[1]),
        state_(operation_.make_state(network_.run())) {
    if (batch_norm) {
      for (float& gamma : network_.parameter("n.weight")) gamma = 1.0f;
      for (float& v : std::span(network_.running()).subspan(channels)) v = 1.0f;
    }
  }
  TestNetwork& network() { return network_; }
  Run& run() { return network_.run(); }
  const Tensor& out() { return network_.run().value(kSource + 1); }

  Status forward(const std::vector<int>& y, int exponent, Mode mode = Mode::kTrain) {
    GINN_TRY(network_.forward(mode));
    network_.fill(kSource, y, exponent);
    return operation_.forward(run(), *state_);
  }
  Status backward(const std::vector<int>& d, int exponent) {
    gradient_.q = device::Buffer<int16_t>(d.size());
    TestNetwork::fill(gradient_, d, exponent);
    run().send(kSource + 1, gradient_);
    return operation_.backward(run(), *state_);
  }

 private:
  static Graph graph(bool batch_norm, Activation activation, uint32_t channels, uint32_t width) {
    GraphBuilder b({1, width, 1});
    const ValueId y = b.conv2d(Graph::kInput, "a", {.channels = channels, .bias = !batch_norm});
    const ValueId x = b.activate({batch_norm ? b.batch_norm(y, "n") : b.bias(y)}, activation);
    b.loss(b.linear(b.flatten(x), "fc", 2));
    return finished(b);
  }

  TestNetwork network_;
  const Operation& operation_;
  std::unique_ptr<OperationState> state_;
  Tensor gradient_;
};

class Activates : public testing::TestWithParam<device::Level> {};

TEST_P(Activates, BiasAndRelu) {
  OneTerm term(false, true, 2, 2, GetParam());
  term.network().parameter("a.bias")[0] = 0.5f;
  term.network().parameter("a.bias")[1] = -1.0f;
  // Values: (1.5, -3) and (3.5, -0.5); 3.5 needs exponent -11.
  ASSERT_TRUE(term.forward({8, -16, 24, 4}, -3).ok());
  EXPECT_EQ(term.out().exponent, -11);
  EXPECT_EQ(integers(term.out(), 4), (std::vector<int>{3072, 0, 7168, 0}));
}

TEST_P(Activates, BiasWithoutRelu) {
  OneTerm term(false, false, 2, 2, GetParam());
  term.network().parameter("a.bias")[0] = 0.5f;
  term.network().parameter("a.bias")[1] = -1.0f;
  // -5 is the largest magnitude: exponent -10.
  ASSERT_TRUE(term.forward({8, -32, 24, 4}, -3).ok());
  EXPECT_EQ(term.out().exponent, -10);
  EXPECT_EQ(integers(term.out(), 4), (std::vector<int>{1536, -5120, 3584, -512}));
}

TEST_P(Activates, NothingPositiveIsTheCanonicalZero) {
  OneTerm term(false, true, 1, 3, GetParam());
  ASSERT_TRUE(term.forward({-5, -1, 0}, 0).ok());
  EXPECT_EQ(term.out().exponent, kMinExponent);
  EXPECT_EQ(integers(term.out(), 3), (std::vector<int>{0, 0, 0}));
}

TEST_P(Activates, Relu6CutsAtSix) {
  OneTerm term(false, Activation::kRelu6, 1, 6, GetParam());
  // 6 has exponent -10, where it is 6144; 5.75, 6, 6.25 and 8 end at 5888 and 6144.
  ASSERT_TRUE(term.forward({-4, 1, 23, 24, 25, 32}, -2).ok());
  EXPECT_EQ(term.out().exponent, -10);
  EXPECT_EQ(integers(term.out(), 6), (std::vector<int>{0, 256, 5888, 6144, 6144, 6144}));
  ASSERT_TRUE(term.backward({1, 2, 3, 4, 5, 6}, 0).ok());
  const Tensor& dy = *term.run().operand_gradient(kSource);
  EXPECT_EQ(integers(dy, 6), (std::vector<int>{0, 2, 3, 0, 0, 0}));
  EXPECT_EQ(term.network().gradient("a.bias")[0], 5.0f);
}

TEST_P(Activates, Relu6OfSmallValuesIsRelu) {
  OneTerm term(false, Activation::kRelu6, 1, 3, GetParam());
  ASSERT_TRUE(term.forward({-4, 8191, 16}, -12).ok());  // 8191 2^-12 is just below 2
  EXPECT_EQ(term.out().exponent, -12);
  EXPECT_EQ(integers(term.out(), 3), (std::vector<int>{0, 8191, 16}));
  ASSERT_TRUE(term.backward({1, 2, 3}, 0).ok());
  EXPECT_EQ(integers(*term.run().operand_gradient(kSource), 3), (std::vector<int>{0, 2, 3}));
}

TEST_P(Activates, NotFiniteNamesTheLayer) {
  for (float bad : {std::nanf(""), HUGE_VALF, 1e23f}) {
    for (auto activation : {Activation::kNone, Activation::kRelu, Activation::kRelu6}) {
      if (bad == 1e23f && activation == Activation::kRelu6) continue;  // 6
      OneTerm term(false, activation, 2, 2, GetParam());
      term.network().parameter("a.bias")[1] = bad;
      const Status status = term.forward({1, 1, 1, 1}, 0);
      ASSERT_FALSE(status.ok()) << bad;
      EXPECT_STREQ(status.error().code, "not_finite");
      EXPECT_NE(status.error().message.find("layer a:"), std::string::npos);
    }
  }
}

TEST_P(Activates, BackwardOfABias) {
  OneTerm term(false, true, 2, 2, GetParam());
  ASSERT_TRUE(term.forward({1, 1, 1, -1}, 0).ok());
  // The last output is 0: its gradient is masked. 16000 > 8191, so dy is shifted by one.
  ASSERT_TRUE(term.backward({16000, 3, -2000, 32767}, -8).ok());
  const auto bias = term.network().gradient("a.bias");
  EXPECT_EQ(bias[0], 14000.0f / 256.0f);
  EXPECT_EQ(bias[1], 3.0f / 256.0f);
  const Tensor& dy = *term.run().operand_gradient(kSource);
  EXPECT_EQ(dy.exponent, -7);
  EXPECT_EQ(integers(dy, 4), (std::vector<int>{8000, 2, -1000, 0}));
}

TEST_P(Activates, BatchNormOfTheMicrobatch) {
  OneTerm term(true, false, 1, 2, GetParam());
  // Mean 0, variance 1 (+ eps): +-0.999995; above 8191 2^-13, so exponent -12.
  ASSERT_TRUE(term.forward({-1, 1}, 0).ok());
  EXPECT_EQ(term.out().exponent, -12);
  EXPECT_EQ(integers(term.out(), 2), (std::vector<int>{-4096, 4096}));
  EXPECT_EQ(term.run().batch_means()[0], 0);
  EXPECT_EQ(term.run().batch_vars()[0], int64_t{2} << 32) << "unbiased: times m / (m - 1)";
  // The same at another scale of y: normalisation takes it out again, but for eps.
  ASSERT_TRUE(term.forward({0, 2}, 6).ok());
  EXPECT_EQ(integers(term.out(), 2), (std::vector<int>{-4096, 4096}));
  EXPECT_EQ(term.run().batch_means()[0], int64_t{64} << 32);
}

TEST_P(Activates, BatchNormOfRunningStatistics) {
  OneTerm term(true, true, 1, 2, GetParam());
  term.network().running() = {1.0f, 4.0f};
  term.network().parameter("n.bias")[0] = 2.0f;
  // (3 - 1) / 2 + 2 = 3, (1 - 1) / 2 + 2 = 2; exponent -11.
  ASSERT_TRUE(term.forward({3, 1}, 0, Mode::kEvaluate).ok());
  EXPECT_EQ(term.out().exponent, -11);
  EXPECT_EQ(integers(term.out(), 2), (std::vector<int>{6144, 4096}));
}

TEST_P(Activates, BackwardOfABatchNorm) {
  OneTerm term(true, false, 1, 4, GetParam());
  ASSERT_TRUE(term.forward({-3, -1, 1, 3}, 0).ok());
  ASSERT_TRUE(term.backward({8, 0, 0, 0}, -3).ok());  // g = (1, 0, 0, 0)
  const double inv = 1 / std::sqrt(5 + 1e-5);
  EXPECT_EQ(term.network().gradient("n.bias")[0], 1.0f);
  EXPECT_NEAR(term.network().gradient("n.weight")[0], -3 * inv, 1e-6);
  // dx = inv (g - mean(g) - x^ mean(g x^)), x^ = q inv.
  const Tensor& dy = *term.run().operand_gradient(kSource);
  const double q[4] = {-3, -1, 1, 3};
  for (int i = 0; i < 4; ++i) {
    const double expected = inv * ((i == 0 ? 1 : 0) - 0.25 - q[i] * inv * (-3 * inv / 4));
    EXPECT_NEAR(dy.q[static_cast<size_t>(i)] * pow2(dy.exponent), expected, 1e-4) << i;
  }
}

TEST_P(Activates, ResidualSum) {
  GraphBuilder b({1, 2, 1});
  const ValueId y1 = b.conv2d(Graph::kInput, "a", {.channels = 2, .bias = true});
  const ValueId x1 = b.activate({b.bias(y1)}, true);
  const ValueId y2 = b.conv2d(x1, "b", {.channels = 2, .bias = true});
  const ValueId sum = b.activate({b.bias(y2), b.same(x1)}, true);
  b.loss(b.linear(b.flatten(sum), "fc", 2));
  TestNetwork n(finished(b), 1, GetParam());
  n.parameter("b.bias")[0] = 0.5f;
  n.parameter("b.bias")[1] = -1.0f;
  ASSERT_TRUE(n.forward().ok());
  const Operation& operation = *n.graph().operations()[3];
  ASSERT_EQ(operation.inputs(), (std::vector<ValueId>{y2, x1}));
  const auto state = operation.make_state(n.run());
  n.fill(y2, {8, -16, 24, 4}, -3);  // 1.5, -3, 3.5, -0.5 with the bias
  n.fill(x1, {4, 0, 8, 2}, -2);     // 1, 0, 2, 0.5
  ASSERT_TRUE(operation.forward(n.run(), *state).ok());
  // The bound is the sum of both terms' bounds, 3.5 + 2.
  EXPECT_EQ(n.run().value(sum).exponent, -10);
  EXPECT_EQ(integers(n.run().value(sum), 4), (std::vector<int>{2560, 0, 5632, 0}));

  Tensor d;
  d.q = device::Buffer<int16_t>(4);
  TestNetwork::fill(d, {5, 6, 7, 8}, -4);
  n.run().send(sum, d);
  ASSERT_TRUE(operation.backward(n.run(), *state).ok());
  const auto sent = n.run().join(x1);
  ASSERT_TRUE(sent.ok());
  EXPECT_EQ(integers(*sent.value(), 4), (std::vector<int>{5, 0, 7, 0}));
  EXPECT_EQ(sent.value()->exponent, -4);
  EXPECT_EQ(integers(*n.run().operand_gradient(y2), 4), (std::vector<int>{5, 0, 7, 0}));
}

// Each source gets a gradient of its own: the next operation may change it.
TEST_P(Activates, TwoShortcutsShareNoGradient) {
  GraphBuilder builder({1, 1, 1});
  const ValueId y1 = builder.linear(Graph::kInput, "a", 4);
  const ValueId x1 = builder.activate({builder.bias(y1)}, true);
  const ValueId y2 = builder.linear(Graph::kInput, "b", 4);
  const ValueId x2 = builder.activate({builder.bias(y2)}, true);
  const ValueId sum = builder.activate({builder.same(x1), builder.same(x2)}, false);
  builder.loss(builder.linear(sum, "c", 2));
  TestNetwork n(finished(builder), 1, GetParam());
  ASSERT_TRUE(n.forward().ok());
  const Operation& operation = *n.graph().operations()[4];
  const auto state = operation.make_state(n.run());
  ASSERT_TRUE(operation.forward(n.run(), *state).ok());
  Tensor d;
  d.q = device::Buffer<int16_t>(4);
  TestNetwork::fill(d, {5, 6, 7, 8}, -4);
  n.run().send(sum, d);
  ASSERT_TRUE(operation.backward(n.run(), *state).ok());
  const auto first = n.run().join(x1);
  const auto second = n.run().join(x2);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_NE(*first, *second);
  EXPECT_EQ(integers(**first, 4), (std::vector<int>{5, 6, 7, 8}));
  EXPECT_EQ(integers(**second, 4), (std::vector<int>{5, 6, 7, 8}));
  EXPECT_EQ((*second)->exponent, -4);
}

INSTANTIATE_TEST_SUITE_P(Levels,
                         Activates,
                         testing::ValuesIn(supported_levels()),
                         [](const testing::TestParamInfo<device::Level>& level) {
                           return std::string(device::level_name(level.param));
                         });

}  // namespace
}  // namespace ginn::nn
