#include "nn/pooling.h"

#include <gtest/gtest.h>

#include "arithmetic/format.h"
#include "nn/test_network.h"

namespace ginn::nn {
namespace {

constexpr ValueId kPoolInput = 2;  // after a convolution and its activation
constexpr ValueId kPoolOutput = 3;
constexpr size_t kPoolOperation = 2;

using Layer = std::function<ValueId(GraphBuilder&, ValueId)>;

// One operation between an activation and the loss; the test writes both sides' tensors.
class Between {
 public:
  Between(Extent extent, const Layer& layer)
      : network_(graph(extent, layer), 1, device::Level::kPortable),
        operation_(*network_.graph().operations()[kPoolOperation]),
        state_(operation_.make_state(network_.run())) {
    EXPECT_TRUE(network_.forward().ok());
  }
  Extent out() { return network_.graph().values()[kPoolOutput].extent; }
  std::vector<int> forward(const std::vector<int>& x, int exponent) {
    network_.fill(kPoolInput, x, exponent);
    EXPECT_TRUE(operation_.forward(network_.run(), *state_).ok());
    return integers(network_.run().value(kPoolOutput), out().count());
  }
  int exponent() { return network_.run().value(kPoolOutput).exponent; }
  // The gradient that the operation sends on for this one of its output.
  std::vector<int> backward(const std::vector<int>& d, int exponent, int& sent_exponent) {
    gradient_.q = device::Buffer<int16_t>(d.size());
    TestNetwork::fill(gradient_, d, exponent);
    network_.run().send(kPoolOutput, gradient_);
    EXPECT_TRUE(operation_.backward(network_.run(), *state_).ok());
    const auto sent = network_.run().join(kPoolInput);
    EXPECT_TRUE(sent.ok());
    sent_exponent = sent.value()->exponent;
    return integers(*sent.value(), network_.graph().values()[kPoolInput].extent.count());
  }

 private:
  static Graph graph(Extent extent, const Layer& layer) {
    GraphBuilder builder({extent.h, extent.w, 1});
    const ValueId y = builder.conv2d(Graph::kInput, "conv", {.channels = extent.c, .bias = true});
    const ValueId x = builder.activate({builder.bias(y)}, true);
    EXPECT_EQ(x, kPoolInput);
    const ValueId z = layer(builder, x);
    EXPECT_EQ(z, kPoolOutput);
    builder.loss(builder.linear(builder.flatten(z), "fc", 2));
    return finished(builder);
  }

  TestNetwork network_;
  const Operation& operation_;
  std::unique_ptr<OperationState> state_;
  Tensor gradient_;
};

Layer max_pool(uint32_t kernel, uint32_t stride) {
  return [=](GraphBuilder& b, ValueId x) { return b.max_pool(x, kernel, stride); };
}
Layer average_pool(uint32_t kernel, uint32_t stride) {
  return [=](GraphBuilder& b, ValueId x) { return b.average_pool(x, kernel, stride); };
}

TEST(MaxPool, LeavesOutTheRestAndTiesGoToTheFirst) {
  Between pool({3, 3, 1}, max_pool(2, 2));
  EXPECT_EQ(pool.out(), (Extent{1, 1, 1}));
  EXPECT_EQ(pool.forward({6, 7, 9, 7, 7, 9, 9, 9, 9}, -5), (std::vector<int>{7}));
  EXPECT_EQ(pool.exponent(), -5);
  int exponent = 0;
  EXPECT_EQ(pool.backward({100}, -9, exponent), (std::vector<int>{0, 100, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(exponent, -9) << "one window: nothing can overflow";
}

TEST(MaxPool, OfNegativeValuesByChannel) {
  Between pool({2, 2, 2}, max_pool(2, 1));
  EXPECT_EQ(pool.forward({-8, 5, -3, -8191, -4, 8191, -3, 0}, 0), (std::vector<int>{-3, 8191}));
  int exponent = 0;
  EXPECT_EQ(pool.backward({-7, 11}, 3, exponent), (std::vector<int>{0, 0, -7, 0, 0, 11, 0, 0}));
}

TEST(MaxPool, OverlappingWindowsShift) {
  // 2 x 2 windows of 3 x 3 at stride 1: cover = ceil(3 / 1)^2 = 9, so s = 4.
  Between pool({4, 4, 1}, max_pool(3, 1));
  std::vector<int> x(16, 0);
  x[5] = 10;  // in every window
  EXPECT_EQ(pool.forward(x, 0), (std::vector<int>{10, 10, 10, 10}));
  int exponent = 0;
  const auto dx = pool.backward({32767, 32767, 32767, 32767 - 24}, -20, exponent);
  EXPECT_EQ(exponent, -16);
  // (4 * 32767 - 24) / 16 = 8190.25
  std::vector<int> expected(16, 0);
  expected[5] = 8190;
  EXPECT_EQ(dx, expected);
}

TEST(MaxPool, ShiftRoundsTiesToEven) {
  // 3 x 3 at stride 2: cover = 4. s = 1 because 4 * 16383 is above 32767 and not above 2 * 32767.
  Between pool({5, 5, 1}, max_pool(3, 2));
  std::vector<int> x(25, 0);
  x[0] = 3;
  x[4] = 3;
  x[20] = 3;
  x[24] = 3;
  ASSERT_EQ(pool.forward(x, 0), (std::vector<int>{3, 3, 3, 3}));
  int exponent = 0;
  const auto dx = pool.backward({16383, -3, 5, 4}, 0, exponent);
  EXPECT_EQ(exponent, 1);
  EXPECT_EQ(dx[0], 8192);  // 8191.5
  EXPECT_EQ(dx[4], -2);    // -1.5
  EXPECT_EQ(dx[20], 2);    // 2.5
  EXPECT_EQ(dx[24], 2);
}

TEST(MaxPool, PaddingTakesNoPart) {
  // 3 x 3 at stride 2 with padding 1: the first window sees rows and columns 0 and 1.
  Between pool({3, 3, 1}, [](GraphBuilder& b, ValueId x) { return b.max_pool(x, 3, 2, 1); });
  EXPECT_EQ(pool.out(), (Extent{2, 2, 1}));
  EXPECT_EQ(pool.forward({-5, -6, -7, -6, -4, -4, -9, -4, -8191}, 2),
            (std::vector<int>{-4, -4, -4, -4}))
      << "zeros of padding would win";
  int exponent = 0;
  EXPECT_EQ(pool.backward({1, 2, 4, 8}, 0, exponent),
            (std::vector<int>{0, 0, 0, 0, 15, 0, 0, 0, 0}));
  EXPECT_EQ(exponent, 0);
}

TEST(MaxPool, EveryPixelOfATieIsConsideredOnce) {
  Between pool({2, 2, 17}, max_pool(2, 2));
  std::vector<int> x(4 * 17);
  for (int i = 0; i < 17; ++i) x[17 * (i % 4) + i] = x[17 * 3 + i] = 1 + i;
  std::vector<int> d(17);
  for (int i = 0; i < 17; ++i) d[i] = i - 8;
  pool.forward(x, 0);
  int exponent = 0;
  const auto dx = pool.backward(d, 0, exponent);
  for (int i = 0; i < 17; ++i) {
    for (int pixel = 0; pixel < 4; ++pixel) {
      EXPECT_EQ(dx[17 * pixel + i], pixel == i % 4 ? d[i] : 0) << i << " " << pixel;
    }
  }
}

TEST(Repeat, CopiesPixelsAndAddsTheirGradients) {
  Between repeat({1, 2, 2},
                 [](GraphBuilder& b, ValueId x) { return b.adaptive_average_pool(x, 2, 4); });
  EXPECT_EQ(repeat.out(), (Extent{2, 4, 2}));
  EXPECT_EQ(repeat.forward({1, 2, 3, 4}, -3),
            (std::vector<int>{1, 2, 1, 2, 3, 4, 3, 4, 1, 2, 1, 2, 3, 4, 3, 4}));
  EXPECT_EQ(repeat.exponent(), -3);
  int exponent = 0;
  // 4 * 32767 needs s = 2; 16384 * 4 / 4 and (1 + 2 + 3 + 4) / 4 = 2.5, a tie.
  const auto dx = repeat.backward(
      {32767, 1, 32767, 2, 0, 0, 0, 0, 32767, 3, 32767, 4, 0, 0, 0, 0}, 5, exponent);
  EXPECT_EQ(exponent, 7);
  EXPECT_EQ(dx, (std::vector<int>{32767, 2, 0, 0}));
}

TEST(AdaptiveAveragePool, IsAnAverageWhereTheInputIsLarger) {
  Between pool({4, 4, 1},
               [](GraphBuilder& b, ValueId x) { return b.adaptive_average_pool(x, 2, 2); });
  EXPECT_EQ(pool.out(), (Extent{2, 2, 1}));
  std::vector<int> x(16, 4);
  x[0] = 8;  // average 5: 5120 2^-10 would do, fit takes the smallest exponent
  EXPECT_EQ(pool.forward(x, 0), (std::vector<int>{5120, 4096, 4096, 4096}));
}

TEST(AdaptiveAveragePool, RefusesWindowsOfUnequalSize) {
  GraphBuilder builder({5, 5, 1});
  builder.loss(
      builder.linear(builder.flatten(builder.adaptive_average_pool(Graph::kInput, 2, 2)), "fc", 2));
  const auto graph = builder.finish();
  ASSERT_FALSE(graph.ok());
  EXPECT_STREQ(graph.error().code, "model_shape");
}

TEST(AveragePool, Values) {
  Between pool({2, 2, 1}, average_pool(2, 2));
  // 11 / 4 = 2.75 needs exponent -11.
  EXPECT_EQ(pool.forward({1, 2, 3, 5}, 0), (std::vector<int>{5632}));
  EXPECT_EQ(pool.exponent(), -11);
  EXPECT_EQ(pool.forward({0, 0, 0, 0}, 7), (std::vector<int>{0}));
  EXPECT_EQ(pool.exponent(), kMinExponent);
  int exponent = 0;
  // cover is 1 for one window: 4096 / 4 = 1024 = 16384 * 2^-4 (fit16: 32767 2^-5 is below 1024).
  EXPECT_EQ(pool.backward({4096}, 0, exponent), (std::vector<int>(4, 16384)));
  EXPECT_EQ(exponent, -4);
}

TEST(AveragePool, OverlappingWindowsAddUp) {
  Between pool({3, 3, 1}, average_pool(2, 1));
  EXPECT_EQ(pool.forward(std::vector<int>(9, 1000), 0), (std::vector<int>(4, 8000)));
  EXPECT_EQ(pool.exponent(), -3);
  int exponent = 0;
  // cover = 4: M = 4 * 64 / 4 = 64, exponent -8 (32767 2^-9 is below 64). The middle is in all
  // four.
  const auto dx = pool.backward({64, 64, 64, 64}, 0, exponent);
  EXPECT_EQ(exponent, -8);
  EXPECT_EQ(dx, (std::vector<int>{4096, 8192, 4096, 8192, 16384, 8192, 4096, 8192, 4096}));
}

TEST(Flatten, OrdersByChannelRowColumn) {
  Between flatten({2, 2, 3}, [](GraphBuilder& b, ValueId x) { return b.flatten(x); });
  EXPECT_EQ(flatten.out(), (Extent{1, 1, 12}));
  EXPECT_EQ(flatten.forward({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, -4),
            (std::vector<int>{0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11}));
  EXPECT_EQ(flatten.exponent(), -4);
  int exponent = 0;
  EXPECT_EQ(flatten.backward({0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11}, -6, exponent),
            (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}));
  EXPECT_EQ(exponent, -6);
}

}  // namespace
}  // namespace ginn::nn
