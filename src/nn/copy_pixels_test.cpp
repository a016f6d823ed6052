#include "nn/copy_pixels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "nn/test_network.h"

namespace ginn::nn {
namespace {

constexpr uint32_t kHeight = 3, kWidth = 4, kChannels = 2, kImages = 2;
constexpr size_t kPixels = size_t{kHeight} * kWidth;
constexpr size_t kCount = kPixels * kChannels * kImages;
constexpr ValueId kInput = 2;  // the activation before the pad; the test writes it
constexpr Borders kBorders{.left = 1, .right = 2, .top = 2, .bottom = 1};

// conv "a" -> activate -> pad -> loss.
class Padded {
 public:
  Padded(PadMode mode, Borders borders, device::Level level = device::Level::kPortable)
      : network_(graph(mode, borders), kImages, level),
        operation_(*network_.graph().operations()[kInput]),
        state_(operation_.make_state(network_.run())) {}
  size_t output_count() { return network_.run().capacity_count(kInput + 1); }
  const Tensor& forward(const std::vector<int>& q, int exponent) {
    EXPECT_TRUE(network_.forward().ok());
    network_.fill(kInput, q, exponent);
    EXPECT_TRUE(operation_.forward(network_.run(), *state_).ok());
    return network_.run().value(kInput + 1);
  }
  // The gradient of the input for `d` of the output.
  const Tensor& backward(const std::vector<int>& d, int exponent) {
    EXPECT_TRUE(network_.forward().ok());
    gradient_.q = device::Buffer<int16_t>(d.size());
    TestNetwork::fill(gradient_, d, exponent);
    network_.run().send(kInput + 1, gradient_);
    EXPECT_TRUE(operation_.backward(network_.run(), *state_).ok());
    return *network_.run().join(kInput).value();
  }

 private:
  static Graph graph(PadMode mode, Borders borders) {
    GraphBuilder b({kHeight, kWidth, 1});
    const ValueId y = b.conv2d(Graph::kInput, "a", {.channels = kChannels, .bias = true});
    const ValueId x = b.activate({b.bias(y)}, Activation::kNone);
    GINN_CHECK(x == kInput);
    b.loss(b.linear(b.flatten(b.pad(x, mode, borders)), "fc", 2));
    return finished(b);
  }
  TestNetwork network_;
  const Operation& operation_;
  std::unique_ptr<OperationState> state_;
  Tensor gradient_;
};

// The first channel of each pixel of each image is its number from 1 on, the second minus that.
std::vector<int> numbered() {
  std::vector<int> q;
  for (size_t i = 1; i <= kPixels * kImages; ++i) {
    q.push_back(static_cast<int>(i));
    q.push_back(-static_cast<int>(i));
  }
  return q;
}

struct Case {
  PadMode mode;
  // torch.nn.functional.pad of [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]] by (1, 2, 2, 1)
  std::vector<int> image;
};
const Case kCases[] = {
    {PadMode::kReflect, {10, 9, 10, 11, 12, 11, 10, 6, 5, 6, 7, 8, 7, 6,          //
                         2,  1, 2,  3,  4,  3,  2,  6, 5, 6, 7, 8, 7, 6,          //
                         10, 9, 10, 11, 12, 11, 10, 6, 5, 6, 7, 8, 7, 6}},        //
    {PadMode::kReplicate, {1, 1, 2,  3,  4,  4,  4,  1, 1, 2,  3,  4,  4,  4,     //
                           1, 1, 2,  3,  4,  4,  4,  5, 5, 6,  7,  8,  8,  8,     //
                           9, 9, 10, 11, 12, 12, 12, 9, 9, 10, 11, 12, 12, 12}},  //
    {PadMode::kCircular, {8,  5, 6,  7,  8,  5, 6,  12, 9, 10, 11, 12, 9, 10,     //
                          4,  1, 2,  3,  4,  1, 2,  8,  5, 6,  7,  8,  5, 6,      //
                          12, 9, 10, 11, 12, 9, 10, 4,  1, 2,  3,  4,  1, 2}},    //
};

class Pads : public testing::TestWithParam<Case> {};

TEST_P(Pads, ShowTheBordersOfTorch) {
  Padded padded(GetParam().mode, kBorders);
  const Tensor& y = padded.forward(numbered(), -7);
  EXPECT_EQ(y.exponent, -7);
  std::vector<int> expected;
  for (int n = 0; n < 2; ++n) {
    for (const int one : GetParam().image) {
      expected.push_back(one + n * static_cast<int>(kPixels));
      expected.push_back(-expected.back());
    }
  }
  ASSERT_EQ(padded.output_count(), expected.size());
  EXPECT_EQ(integers(y, expected.size()), expected);
}

// By the picture above: a pixel gets the gradients of the places where its number stands.
TEST_P(Pads, SumTheGradientsOfAPixelsCopies) {
  const std::vector<int>& image = GetParam().image;
  for (const device::Level level : supported_levels()) {
    for (const int largest : {3, 10922, 32767}) {
      Padded padded(GetParam().mode, kBorders, level);
      std::vector<int> d(padded.output_count());
      for (size_t i = 0; i < d.size(); ++i) {
        d[i] = static_cast<int>(i * 7919 % (2 * static_cast<size_t>(largest) + 1)) - largest;
      }
      d[5] = -largest;
      std::vector<int64_t> sums(kCount), copies(kPixels);
      for (size_t i = 0; i < d.size(); ++i) {
        const size_t place = i / kChannels % image.size();
        const size_t pixel = static_cast<size_t>(image[place] - 1);
        const size_t n = i / kChannels / image.size();
        sums[(n * kPixels + pixel) * kChannels + i % kChannels] += d[i];
        if (i < image.size()) ++copies[static_cast<size_t>(image[i] - 1)];
      }
      const int64_t bound = *std::max_element(copies.begin(), copies.end()) * largest;
      int shift = 0;
      while (bound > (int64_t{32767} << shift)) ++shift;
      const Tensor& dx = padded.backward(d, -5);
      ASSERT_EQ(dx.exponent, -5 + shift);
      for (size_t i = 0; i < kCount; ++i) {
        const double exact = std::ldexp(static_cast<double>(sums[i]), -shift);
        ASSERT_EQ(dx.q[i], std::nearbyint(exact)) << i << " of " << largest;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Modes, Pads, testing::ValuesIn(kCases), [](const auto& one) {
  return std::string(CopyPixels::mode_name(one.param.mode));
});

TEST(Pad, TheWidestBordersAndNone) {
  using Sources = std::vector<uint32_t>;
  EXPECT_EQ(CopyPixels::padded(PadMode::kReflect, 3, 2, 2), (Sources{2, 1, 0, 1, 2, 1, 0}));
  EXPECT_EQ(CopyPixels::most_copies(CopyPixels::padded(PadMode::kReflect, 3, 2, 2)), 3u);
  EXPECT_EQ(CopyPixels::padded(PadMode::kCircular, 2, 2, 2), (Sources{0, 1, 0, 1, 0, 1}));
  EXPECT_EQ(CopyPixels::padded(PadMode::kReplicate, 1, 3, 2), (Sources{0, 0, 0, 0, 0, 0}));
  for (const PadMode mode : {PadMode::kReflect, PadMode::kReplicate, PadMode::kCircular}) {
    EXPECT_EQ(CopyPixels::padded(mode, 3, 0, 0), (Sources{0, 1, 2}));
    EXPECT_EQ(CopyPixels::most_copies({0, 1, 2}), 1u);
    EXPECT_TRUE(CopyPixels::pad_fits(mode, 1, 0, 0));
  }
}

std::string problem(PadMode mode, Borders borders, bool contraction = false) {
  GraphBuilder b({3, 4, 1});
  ValueId x = b.conv2d(Graph::kInput, "a", {.bias = true});
  if (!contraction) x = b.activate({b.bias(x)}, true);
  b.loss(b.linear(b.flatten(b.pad(x, mode, borders)), "fc", 2));
  const auto built = b.finish();
  return built.ok() ? std::string() : built.error().message;
}

TEST(Pad, RefusesBordersThatTheImageCannotFill) {
  EXPECT_EQ(problem(PadMode::kReflect, {3, 3, 2, 2}), "");
  EXPECT_EQ(problem(PadMode::kReflect, {0, 4, 0, 0}),
            "a reflect pad by (left 0, right 4, top 0, bottom 0) does not fit an input of 3 x 4; "
            "expected borders smaller than the side to reflect, none larger in a circular pad, at "
            "most 16384 copies of a pixel");
  for (const Borders& borders : {Borders{4, 0, 0, 0}, Borders{0, 0, 3, 0}, Borders{0, 0, 0, 3}}) {
    EXPECT_NE(problem(PadMode::kReflect, borders), "");
    EXPECT_EQ(problem(PadMode::kCircular, borders), "");
  }
  EXPECT_EQ(problem(PadMode::kCircular, {4, 4, 3, 3}), "");
  for (const Borders& borders :
       {Borders{5, 0, 0, 0}, Borders{0, 5, 0, 0}, Borders{0, 0, 4, 0}, Borders{0, 0, 0, 4}}) {
    EXPECT_NE(problem(PadMode::kCircular, borders).find("a circular pad"), std::string::npos);
  }
}

TEST(Pad, RefusesMoreCopiesThanItsSumsHold) {
  EXPECT_EQ(problem(PadMode::kReplicate, {127, 0, 127, 0}), "");
  EXPECT_NE(problem(PadMode::kReplicate, {127, 0, 0, 128}), "");
  EXPECT_NE(problem(PadMode::kReplicate, {0, 0xffffffffu, 0, 0}), "");
}

TEST(Pad, ReadsActivationsOnly) {
  EXPECT_EQ(problem(PadMode::kReflect, kBorders, true),
            "layer pad1: reads the output of a itself; expected an activation: put activate() "
            "between them");
}

TEST(Pad, OfTheInputHasNoBackwardPass) {
  GraphBuilder b({3, 4, 1});
  const ValueId x = b.pad(Graph::kInput, PadMode::kReflect, kBorders);
  const ValueId y = b.conv2d(x, "a", {.channels = 2, .kernel = 3, .bias = true});
  b.loss(b.linear(b.flatten(b.activate({b.bias(y)}, true)), "fc", 2));
  TestNetwork network(finished(b), 1, device::Level::kPortable);
  EXPECT_FALSE(network.graph().needs_backward(0));
  EXPECT_EQ(network.graph().values()[x].extent, (Extent{6, 7, 1}));
  ASSERT_TRUE(network.forward().ok());
  EXPECT_TRUE(network.run().backward().ok());
}

}  // namespace
}  // namespace ginn::nn
