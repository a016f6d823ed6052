#include "worker/step_sum.h"

#include <gtest/gtest.h>

#include <random>

#include "arithmetic/format.h"
#include "nn/models.h"

namespace ginn::worker {
namespace {

// mlp's first layer has several pieces.
class StepSumTest : public testing::Test {
 protected:
  training::Contribution random(int least, int most) {
    training::Contribution c(graph_);
    for (size_t p = 0; p < c.exponents.size(); ++p) {
      const auto span = static_cast<uint32_t>(most - least + 1);
      c.exponents[p] = static_cast<int8_t>(least + static_cast<int>(random_() % span));
    }
    for (size_t i = 0; i < c.q.size(); ++i) {
      c.q[i] = static_cast<int16_t>(static_cast<int>(random_() % 65535) - 32767);
    }
    return c;
  }
  void add(const training::Contribution& c, std::vector<int64_t>& sums) {
    for (size_t p = 0; p < graph_.parameters().size(); ++p) {
      const nn::Parameter& parameter = graph_.parameters()[p];
      const int64_t unit = int64_t{1} << (c.exponents[p] - kMinContributionExponent);
      for (size_t i = parameter.offset; i < parameter.offset + parameter.count; ++i) {
        sums[i] += c.q[i] * unit;
      }
    }
  }
  std::vector<int64_t> taken(StepSum& sum) {
    std::vector<int64_t> out(graph_.parameter_count());
    for (size_t p = 0; p < graph_.parameters().size(); ++p) {
      const nn::Parameter& parameter = graph_.parameters()[p];
      constexpr size_t kStretch = 1009;
      for (size_t first = 0; first < parameter.count; first += kStretch) {
        const size_t count = std::min(kStretch, parameter.count - first);
        sum.take(p, first, count, out.data() + parameter.offset + first);
      }
    }
    sum.clear();
    return out;
  }

  std::mt19937 random_{1};
  nn::Graph graph_ = nn::build_model("mlp", 28, 28, 1, 4).value();
  const device::MapKernels& maps_ = device::map_kernels(device::Level::kPortable);
};

// Exponents near each other stay within 32 bits, others do not; steps follow each other.
TEST_F(StepSumTest, IsExactAtAnyExponents) {
  for (const uint32_t contributions : {1u, 4u, 65536u, 100000u}) {
    StepSum sum(graph_, maps_, contributions);
    for (const int spread : {0, 3, 25, 0}) {
      std::vector<int64_t> expected(graph_.parameter_count());
      for (uint32_t j = 0; j < std::min(contributions, 4u); ++j) {
        const training::Contribution c = random(-30, spread - 30);
        add(c, expected);
        sum.add(c);
      }
      EXPECT_EQ(taken(sum), expected) << contributions << ' ' << spread;
    }
  }
}

TEST_F(StepSumTest, HoldsTheLargestIntegers) {
  StepSum sum(graph_, maps_, 4);
  training::Contribution c(graph_);
  std::fill_n(c.q.data(), c.q.size(), int16_t{-32767});
  std::vector<int64_t> expected(graph_.parameter_count());
  for (const int above : {0, 7, 7, 7}) {  // 7: as far above the first as 32 bits allow
    std::fill(c.exponents.begin(), c.exponents.end(), static_cast<int8_t>(-20 + above));
    add(c, expected);
    sum.add(c);
  }
  EXPECT_EQ(taken(sum), expected);
}

TEST_F(StepSumTest, TakesStretchesInAnyOrder) {
  StepSum sum(graph_, maps_, 2);
  const training::Contribution c = random(-20, -20);
  std::vector<int64_t> expected(graph_.parameter_count());
  add(c, expected);
  for (size_t p = 0; p < graph_.parameters().size(); ++p) {
    const nn::Parameter& parameter = graph_.parameters()[p];
    const size_t half = parameter.count / 3;
    const int16_t* q = c.q.data() + parameter.offset;
    sum.add(p, half, q + half, parameter.count - half, -20);
    sum.add(p, 0, q, half, -20);
  }
  EXPECT_EQ(taken(sum), expected);
}

}  // namespace
}  // namespace ginn::worker
