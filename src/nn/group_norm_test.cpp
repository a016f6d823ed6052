#include "nn/group_norm.h"

#include <gtest/gtest.h>

#include <cmath>

#include "arithmetic/format.h"
#include "nn/test_network.h"

namespace ginn::nn {
namespace {

constexpr uint32_t kHeight = 3, kWidth = 5, kChannels = 6, kImages = 2;
constexpr size_t kCount = size_t{kHeight} * kWidth * kChannels * kImages;

// conv "a" -> (activate ->) group_norm "n" -> loss; the test writes the normalised tensor.
class Norm {
 public:
  Norm(uint32_t groups, bool operand)
      : network_(graph(groups, operand), kImages, device::Level::kPortable),
        input_(operand ? 1 : 2),
        operation_(*network_.graph().operations()[input_]),
        state_(operation_.make_state(network_.run())) {
    for (uint32_t c = 0; c < kChannels; ++c) {
      network_.parameter("n.weight")[c] = 0.5f + 0.25f * static_cast<float>(c);
      network_.parameter("n.bias")[c] = 1.0f - 0.5f * static_cast<float>(c);
    }
  }
  TestNetwork& network() { return network_; }
  const Tensor& forward(const std::vector<int>& q, int exponent) {
    EXPECT_TRUE(network_.forward().ok());
    network_.fill(input_, q, exponent);
    EXPECT_TRUE(operation_.forward(network_.run(), *state_).ok());
    return network_.run().value(input_ + 1);
  }
  const Tensor& backward(const std::vector<int>& d, int exponent) {
    gradient_.q = device::Buffer<int16_t>(d.size());
    TestNetwork::fill(gradient_, d, exponent);
    network_.run().send(input_ + 1, gradient_);
    EXPECT_TRUE(operation_.backward(network_.run(), *state_).ok());
    const Tensor* operand = network_.run().operand_gradient(input_);
    return operand != nullptr ? *operand : *network_.run().join(input_).value();
  }

 private:
  static Graph graph(uint32_t groups, bool operand) {
    GraphBuilder b({kHeight, kWidth, 1});
    ValueId x = b.conv2d(Graph::kInput, "a", {.channels = kChannels, .bias = !operand});
    if (!operand) x = b.activate({b.bias(x)}, Activation::kNone);
    b.loss(b.linear(b.flatten(b.group_norm(x, "n", groups)), "fc", 2));
    return finished(b);
  }
  TestNetwork network_;
  ValueId input_;
  const Operation& operation_;
  std::unique_ptr<OperationState> state_;
  Tensor gradient_;
};

std::vector<int> values(int largest, int seed) {
  std::vector<int> q(kCount);
  for (size_t i = 0; i < kCount; ++i) {
    q[i] = static_cast<int>((i + 3) * (i + 11) * 7919 % 65537 * static_cast<size_t>(seed) %
                            static_cast<size_t>(2 * largest + 1)) -
           largest;
  }
  return q;
}

// Group normalisation in f64, [N, H, W, C].
std::vector<double> real(const std::vector<double>& x, uint32_t groups) {
  const size_t image = kCount / kImages;
  const size_t width = kChannels / groups;
  std::vector<double> y(kCount);
  for (size_t n = 0; n < kImages; ++n) {
    for (size_t g = 0; g < groups; ++g) {
      double sum = 0, squares = 0, count = 0;
      const auto each = [&](auto body) {
        for (size_t i = 0; i < image; ++i) {
          if (i % kChannels / width == g) body(n * image + i, i % kChannels);
        }
      };
      each([&](size_t i, size_t) { sum += x[i], ++count; });
      each([&](size_t i, size_t) { squares += (x[i] - sum / count) * (x[i] - sum / count); });
      each([&](size_t i, size_t c) {
        const double normal = (x[i] - sum / count) / std::sqrt(squares / count + 1e-5);
        const double channel = static_cast<double>(c);
        y[i] = (0.5 + 0.25 * channel) * normal + 1.0 - 0.5 * channel;
      });
    }
  }
  return y;
}

std::vector<double> scaled(const std::vector<int>& q, int exponent) {
  std::vector<double> x;
  for (int one : q) x.push_back(std::ldexp(one, exponent));
  return x;
}

double value(const Tensor& tensor, size_t i) {
  return std::ldexp(static_cast<double>(tensor.q[i]), tensor.exponent);
}

class GroupNorms : public testing::TestWithParam<uint32_t> {};

TEST_P(GroupNorms, AreTheFunctionToHalfAUnit) {
  for (const bool operand : {false, true}) {
    Norm norm(GetParam(), operand);
    const std::vector<int> q = values(operand ? 32767 : 8191, 5);
    const Tensor& y = norm.forward(q, -12);
    const std::vector<double> expected = real(scaled(q, -12), GetParam());
    for (size_t i = 0; i < kCount; ++i) {
      ASSERT_NEAR(value(y, i), expected[i], std::ldexp(0.501, y.exponent)) << i;
    }
  }
}

// The derivative of sum d_i y_i after every x_i and every parameter, by differences in f64.
TEST_P(GroupNorms, GradientsAreDifferences) {
  for (const bool operand : {false, true}) {
    Norm norm(GetParam(), operand);
    const std::vector<int> q = values(8191, 5), d = values(32767, 3);
    norm.forward(q, -12);
    const Tensor& dx = norm.backward(d, -10);
    const std::vector<double> x = scaled(q, -12), weights = scaled(d, -10);
    const std::vector<double> y = real(x, GetParam());
    const auto total = [&](const std::vector<double>& at) {
      const std::vector<double> out = real(at, GetParam());
      double sum = 0;
      for (size_t i = 0; i < kCount; ++i) sum += weights[i] * out[i];
      return sum;
    };
    for (size_t i = 0; i < kCount; ++i) {
      std::vector<double> up = x, down = x;
      up[i] += 1e-4;
      down[i] -= 1e-4;
      const double expected = (total(up) - total(down)) / 2e-4;
      ASSERT_NEAR(value(dx, i), expected, std::ldexp(0.51, dx.exponent) + 1e-5) << i;
    }
    for (size_t c = 0; c < kChannels; ++c) {
      const double gamma = 0.5 + 0.25 * static_cast<double>(c);
      const double beta = 1.0 - 0.5 * static_cast<double>(c);
      double dgamma = 0, dbeta = 0;
      for (size_t i = c; i < kCount; i += kChannels) {
        dgamma += weights[i] * (y[i] - beta) / gamma;
        dbeta += weights[i];
      }
      EXPECT_NEAR(norm.network().gradient("n.weight")[c], dgamma / kImages, 1e-4);
      EXPECT_NEAR(norm.network().gradient("n.bias")[c], dbeta / kImages, 1e-4);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Groups, GroupNorms, testing::Values(1u, 2u, 3u, 6u));

TEST(GroupNorm, RefusesGroupsThatDoNotDivide) {
  for (const uint32_t groups : {0u, 4u, 7u}) {
    GraphBuilder b({2, 2, 1});
    const ValueId y = b.conv2d(Graph::kInput, "a", {.channels = 6});
    b.loss(b.linear(b.flatten(b.group_norm(y, "n", groups)), "fc", 2));
    const auto built = b.finish();
    ASSERT_FALSE(built.ok());
    EXPECT_NE(built.error().message.find("layer n: " + std::to_string(groups) + " groups of 2"),
              std::string::npos)
        << built.error().message;
  }
}

}  // namespace
}  // namespace ginn::nn
