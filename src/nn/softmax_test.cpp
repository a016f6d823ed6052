#include "nn/softmax.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "arithmetic/format.h"
#include "nn/test_network.h"

namespace ginn::nn {
namespace {

constexpr ValueId kInput = 2;  // the activation before the softmax; the test writes it

// conv "a" -> activate -> softmax -> loss on one row of pixels of one image.
class Shares {
 public:
  Shares(uint32_t pixels, uint32_t channels, device::Level level = device::Level::kPortable)
      : network_(graph(pixels, channels), 1, level),
        operation_(*network_.graph().operations()[kInput]),
        state_(operation_.make_state(network_.run())) {
    EXPECT_TRUE(network_.forward().ok());
  }
  const Tensor& forward(const std::vector<int>& q, int exponent) {
    network_.fill(kInput, q, exponent);
    EXPECT_TRUE(operation_.forward(network_.run(), *state_).ok());
    return network_.run().value(kInput + 1);
  }
  Status try_backward(const std::vector<int>& d, int exponent) {
    gradient_.q = device::Buffer<int16_t>(d.size());
    TestNetwork::fill(gradient_, d, exponent);
    network_.run().send(kInput + 1, gradient_);
    return operation_.backward(network_.run(), *state_);
  }
  // The gradient of the input for `d` of the output.
  const Tensor& backward(const std::vector<int>& d, int exponent) {
    EXPECT_TRUE(try_backward(d, exponent).ok());
    return *network_.run().join(kInput).value();
  }

 private:
  static Graph graph(uint32_t pixels, uint32_t channels) {
    GraphBuilder b({1, pixels, 1});
    const ValueId y = b.conv2d(Graph::kInput, "a", {.channels = channels, .bias = true});
    const ValueId x = b.activate({b.bias(y)}, Activation::kNone);
    GINN_CHECK(x == kInput);
    b.loss(b.linear(b.flatten(b.global_average_pool(b.softmax(x))), "fc", 2));
    return finished(b);
  }
  TestNetwork network_;
  const Operation& operation_;
  std::unique_ptr<OperationState> state_;
  Tensor gradient_;
};

std::vector<int> values(size_t count, int largest, size_t seed) {
  std::vector<int> q(count);
  for (size_t i = 0; i < count; ++i) {
    q[i] = static_cast<int>((i + seed) * (i + 11) * 7919 % 65537 %
                            (2 * static_cast<size_t>(largest) + 1)) -
           largest;
  }
  return q;
}

// Softmax in f64 of rows of `channels`.
std::vector<double> real(const std::vector<int>& q, int exponent, size_t channels) {
  std::vector<double> p(q.size());
  for (size_t at = 0; at < q.size(); at += channels) {
    const int top = *std::max_element(q.begin() + static_cast<ptrdiff_t>(at),
                                      q.begin() + static_cast<ptrdiff_t>(at + channels));
    double sum = 0;
    for (size_t k = at; k < at + channels; ++k) {
      p[k] = std::exp(std::ldexp(q[k] - top, exponent));
      sum += p[k];
    }
    for (size_t k = at; k < at + channels; ++k) p[k] /= sum;
  }
  return p;
}

// Its gradient: p_k (d_k - sum p_j d_j).
std::vector<double> real_gradient(const std::vector<double>& p,
                                  const std::vector<int>& d,
                                  int exponent,
                                  size_t channels) {
  std::vector<double> dx(p.size());
  for (size_t at = 0; at < p.size(); at += channels) {
    double mean = 0;
    for (size_t k = at; k < at + channels; ++k) mean += p[k] * std::ldexp(d[k], exponent);
    for (size_t k = at; k < at + channels; ++k) {
      dx[k] = p[k] * (std::ldexp(d[k], exponent) - mean);
    }
  }
  return dx;
}

double value(const Tensor& tensor, size_t i) {
  return std::ldexp(static_cast<double>(tensor.q[i]), tensor.exponent);
}

struct Size {
  uint32_t pixels, channels;
};
constexpr Size kSizes[] = {{1, 1}, {5, 2}, {7, 10}, {3, 67}, {2, 1009}};

class Softmaxes : public testing::TestWithParam<Size> {};

TEST_P(Softmaxes, AreTheFunctionToHalfAUnit) {
  const auto [pixels, channels] = GetParam();
  for (const int exponent : {kMinExponent, -14, -11, -8, kMaxExponent}) {
    Shares shares(pixels, channels);
    const std::vector<int> q = values(size_t{pixels} * channels, 8191, 5);
    const Tensor& y = shares.forward(q, exponent);
    const std::vector<double> expected = real(q, exponent, channels);
    for (size_t i = 0; i < q.size(); ++i) {
      ASSERT_NEAR(value(y, i), expected[i], std::ldexp(0.5, y.exponent) + 1e-6) << i;
    }
    const double largest = *std::max_element(expected.begin(), expected.end());
    EXPECT_GT(largest, std::ldexp(4095, y.exponent));  // no coarser than it must be
  }
}

TEST_P(Softmaxes, PassTheGradientOfTheFunction) {
  const auto [pixels, channels] = GetParam();
  const size_t count = size_t{pixels} * channels;
  for (const int exponent : {-14, -11, -8}) {
    Shares shares(pixels, channels);
    const std::vector<int> q = values(count, 8191, 5), d = values(count, 32767, 3);
    const Tensor& y = shares.forward(q, exponent);
    const std::vector<int> stored = integers(y, count);
    const int unit = y.exponent;
    const Tensor& dx = shares.backward(d, -9);
    const std::vector<double> ideal = real_gradient(real(q, exponent, channels), d, -9, channels);
    // That of the shares as they were rounded, made to sum to 1.
    std::vector<double> p(stored.begin(), stored.end());
    for (size_t at = 0; at < count; at += channels) {
      double sum = 0;
      for (size_t k = at; k < at + channels; ++k) sum += p[k];
      for (size_t k = at; k < at + channels; ++k) p[k] /= sum;
    }
    const std::vector<double> expected = real_gradient(p, d, -9, channels);
    const double largest = std::ldexp(32767, -9);
    double top = 0;
    for (size_t i = 0; i < count; ++i) {
      ASSERT_NEAR(value(dx, i), expected[i], std::ldexp(0.501, dx.exponent)) << i;
      // A share is off by half a unit, by its part of what they lack to 1, by the mean's error.
      const double lacking = std::ldexp(0.5 * channels, unit);
      const double error = largest * (std::ldexp(1, unit) + p[i] * 4 * lacking);
      ASSERT_NEAR(value(dx, i), ideal[i], error + std::ldexp(0.5, dx.exponent)) << i;
      top = std::max(top, std::fabs(expected[i]));
    }
    if (channels > 1) {
      EXPECT_GT(top, std::ldexp(16383, dx.exponent));
    }
  }
}

// The sums are exact: another order of the channels gives the same bits in that order.
TEST_P(Softmaxes, DoNotDependOnTheOrderOfTheChannels) {
  const auto [pixels, channels] = GetParam();
  const size_t count = size_t{pixels} * channels;
  const auto turned = [&](const std::vector<int>& q) {
    std::vector<int> out(count);
    for (size_t i = 0; i < count; ++i) {
      out[i] = q[i / channels * channels + (i % channels + 1) * 7 % channels];
    }
    return out;
  };
  const std::vector<int> q = values(count, 8191, 5), d = values(count, 32767, 3);
  Shares first(pixels, channels), second(pixels, channels);
  const Tensor& y1 = first.forward(q, -11);
  const Tensor& y2 = second.forward(turned(q), -11);
  ASSERT_EQ(y1.exponent, y2.exponent);
  EXPECT_EQ(turned(integers(y1, count)), integers(y2, count));
  const Tensor& d1 = first.backward(d, -9);
  const Tensor& d2 = second.backward(turned(d), -9);
  ASSERT_EQ(d1.exponent, d2.exponent);
  EXPECT_EQ(turned(integers(d1, count)), integers(d2, count));
}

TEST_P(Softmaxes, AreTheSameAtEveryLevel) {
  const auto [pixels, channels] = GetParam();
  const size_t count = size_t{pixels} * channels;
  std::vector<std::vector<int>> outputs, gradients;
  for (const device::Level level : supported_levels()) {
    Shares shares(pixels, channels, level);
    const Tensor& y = shares.forward(values(count, 8191, 5), -11);
    outputs.push_back(integers(y, count));
    outputs.back().push_back(y.exponent);
    const Tensor& dx = shares.backward(values(count, 32767, 3), -9);
    gradients.push_back(integers(dx, count));
    gradients.back().push_back(dx.exponent);
    EXPECT_EQ(outputs.back(), outputs.front());
    EXPECT_EQ(gradients.back(), gradients.front());
  }
}

// Rounded shares rarely sum to 1; a gradient that is the same for all must vanish all the same.
TEST_P(Softmaxes, PassNothingOfEqualGradients) {
  const auto [pixels, channels] = GetParam();
  const size_t count = size_t{pixels} * channels;
  Shares shares(pixels, channels);
  shares.forward(values(count, 8191, 5), -11);
  const Tensor& dx = shares.backward(std::vector<int>(count, -32767), -9);
  EXPECT_EQ(dx.exponent, kMinExponent);
  EXPECT_EQ(integers(dx, count), std::vector<int>(count, 0));
}

INSTANTIATE_TEST_SUITE_P(Sizes, Softmaxes, testing::ValuesIn(kSizes), [](const auto& one) {
  return std::to_string(one.param.pixels) + "x" + std::to_string(one.param.channels);
});

// Only differences from the largest are raised to a power: nothing is beyond the range.
TEST(Softmax, OfHugeValues) {
  Shares shares(2, 3);
  const Tensor& y = shares.forward({8191, 8191, -8191, -8190, -8191, -8191}, kMaxExponent);
  EXPECT_EQ(y.exponent, -12);
  EXPECT_EQ(integers(y, 6), (std::vector<int>{2048, 2048, 0, 4096, 0, 0}));
}

TEST(Softmax, OfAPixelWhoseSharesAllRoundToNothing) {
  constexpr uint32_t kChannels = 8200;  // 2^12 / 8200 < 1/2 beside a share of 1
  Shares shares(2, kChannels);
  std::vector<int> q(2 * kChannels, 0), d(2 * kChannels, 0);
  q[7] = 8191;
  d[6] = d[7] = 1000;
  d[kChannels + 1] = 32767;
  const Tensor& y = shares.forward(q, 0);
  EXPECT_EQ(y.exponent, -12);
  std::vector<int> expected(2 * kChannels, 0);
  expected[7] = 4096;
  EXPECT_EQ(integers(y, 2 * kChannels), expected);
  const Tensor& dx = shares.backward(d, -9);
  EXPECT_EQ(integers(dx, 2 * kChannels), std::vector<int>(2 * kChannels, 0));
}

TEST(Softmax, GradientsBeyondTheRangeFailByName) {
  Shares shares(1, 2);
  shares.forward({1, 2}, 0);
  const Status status = shares.try_backward({-32767, 32767}, 80);
  ASSERT_FALSE(status.ok());
  EXPECT_STREQ(status.error().code, "not_finite");
  EXPECT_NE(status.error().message.find("softmax2"), std::string::npos);
}

std::string problem(Extent input, bool contraction) {
  GraphBuilder b(input);
  ValueId x = b.flatten(Graph::kInput);
  if (contraction) x = b.linear(x, "a", 3);
  x = b.softmax(x);
  if (!b.failed()) b.loss(b.linear(b.max_pool(x, 1, 1), "fc", 2));
  const auto built = b.finish();
  return built.ok() ? std::string() : built.error().message;
}

TEST(Softmax, RefusesMoreChannelsThanItsSumsHoldAndContractions) {
  EXPECT_EQ(problem({1, 255, 256}, false), "");
  EXPECT_EQ(problem({1, 1025, 1024}, false),
            "layer softmax1: over 1049600 channels; expected at most 1048576");
  EXPECT_EQ(problem({1, 2, 3}, true),
            "layer softmax2: reads the output of a itself; expected an activation: put activate() "
            "between them");
}

}  // namespace
}  // namespace ginn::nn
