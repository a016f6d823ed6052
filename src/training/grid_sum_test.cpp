#include "training/grid_sum.h"

#include <gtest/gtest.h>

#include <cstring>

#include "nn/test_network.h"

namespace ginn::training {
namespace {

// Few enough parameters to hold several contributions, or too many to hold two.
nn::Graph network(uint32_t inputs, uint32_t outputs) {
  nn::GraphBuilder builder({1, 1, inputs});
  builder.loss(builder.linear(nn::Graph::kInput, "fc", outputs));
  return nn::finished(builder);
}

// One level and one size of network.
struct Case {
  Case(device::Level level, bool few)
      : held(few),
        graph(few ? network(40, 40) : network(60000, 40)),
        maps(device::map_kernels(level)) {}

  void fill(uint32_t number, Contribution& c) const {
    for (size_t p = 0; p < c.exponents.size(); ++p) {
      c.exponents[p] = static_cast<int8_t>(-30 + static_cast<int>((number * 5 + p) % 17));
    }
    for (size_t i = 0; i < c.q.size(); ++i) {
      c.q[i] = static_cast<int16_t>(static_cast<int>((i * 7919 + number * 104729) % 65535) - 32767);
    }
  }
  void add(const Contribution& c, std::vector<int64_t>& sums) const {
    for (size_t p = 0; p < c.exponents.size(); ++p) {
      const nn::Parameter& parameter = graph.parameters()[p];
      for (size_t i = parameter.offset; i < parameter.offset + parameter.count; ++i) {
        sums[i] += c.q[i] * (int64_t{1} << (c.exponents[p] + 40));
      }
    }
  }
  std::vector<int64_t> sums_of(const GridSum& sum) const {
    constexpr size_t kBlock = 777;
    std::vector<int64_t> out(graph.parameter_count(), -1);
    for (size_t p = 0; p < graph.parameters().size(); ++p) {
      const nn::Parameter& parameter = graph.parameters()[p];
      for (size_t first = 0; first < parameter.count; first += kBlock) {
        const size_t count = std::min(kBlock, parameter.count - first);
        sum.sum(maps, p, first, count, out.data() + parameter.offset + first);
      }
    }
    return out;
  }

  const bool held;
  const nn::Graph graph;
  const device::MapKernels& maps;
};

template <typename Body>
void for_cases(const Body& body) {
  for (const device::Level level : nn::supported_levels()) {
    for (const bool few : {true, false}) {
      SCOPED_TRACE(std::string(device::level_name(level)) + (few ? ", held" : ", folded"));
      body(Case(level, few));
    }
  }
}

TEST(GridSum, IsThatOfPlainLoopsAfterEveryContribution) {
  for_cases([](const Case& one) {
    const std::vector<uint32_t> numbers =
        one.held ? std::vector<uint32_t>{1, 2, 8, 19} : std::vector<uint32_t>{1, 3};
    for (const uint32_t contributions : numbers) {
      GridSum sum(one.graph, contributions);
      for (uint32_t step = 0; step < 2; ++step) {
        std::vector<int64_t> expected(one.graph.parameter_count());
        ASSERT_EQ(one.sums_of(sum), expected) << "nothing yet";
        for (uint32_t j = 0; j < contributions; ++j) {
          one.fill(100, sum.incoming());  // what is put together again does not count
          one.fill(j + step, sum.incoming());
          one.add(sum.incoming(), expected);
          sum.add(one.maps);
          ASSERT_EQ(sum.taken(), j + 1);
          ASSERT_EQ(one.sums_of(sum), expected) << j;
        }
        sum.clear();
      }
    }
  });
}

TEST(GridSum, GoesOnWhereItWasSaved) {
  for_cases([](const Case& one) {
    const uint32_t all = one.held ? 11 : 2;
    for (uint32_t taken = 0; taken < all; ++taken) {
      GridSum whole(one.graph, all);
      GridSum resumed(one.graph, all);
      one.fill(77, resumed.incoming());
      resumed.add(one.maps);  // forgotten
      for (uint32_t j = 0; j < all; ++j) {
        if (j == taken) {
          const Bytes saved = whole.saved(one.maps);
          EXPECT_EQ(saved.empty(), taken == 0);
          resumed.restore(taken, saved);
          EXPECT_EQ(resumed.taken(), taken);
        }
        one.fill(j, whole.incoming());
        whole.add(one.maps);
        if (j < taken) continue;
        one.fill(j, resumed.incoming());
        resumed.add(one.maps);
      }
      ASSERT_EQ(one.sums_of(resumed), one.sums_of(whole)) << taken;
    }
  });
}

TEST(GridSum, ExtremesOfAContributionStayWithinTheGrid) {
  const nn::Graph graph = network(5, 3);
  const device::MapKernels& maps = device::map_kernels(device::Level::kPortable);
  GridSum sum(graph, 2);
  for (int j = 0; j < 2; ++j) {
    Contribution& c = sum.incoming();
    std::fill(c.exponents.begin(), c.exponents.end(), 0);
    for (size_t i = 0; i < c.q.size(); ++i) c.q[i] = i % 2 == 0 ? 32767 : -32767;
    sum.add(maps);
  }
  int64_t out[2];
  sum.sum(maps, 0, 0, 2, out);
  EXPECT_EQ(out[0], int64_t{65534} << 40);
  EXPECT_EQ(out[1], -(int64_t{65534} << 40));
}

}  // namespace
}  // namespace ginn::training
