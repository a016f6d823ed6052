#include "nn/run.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "arithmetic/format.h"
#include "nn/models.h"
#include "nn/test_network.h"

namespace ginn::nn {
namespace {

Graph residual_graph() {
  auto graph = build_model("resnet8", 9, 7, 2, 3);
  GINN_CHECK(graph.ok());
  return std::move(*graph);
}

struct Residual : TestNetwork {
  Residual(uint32_t images, device::Level level) : TestNetwork(residual_graph(), images, level) {
    initialise(graph(), 3, parameter("conv1.weight").data());  // the first of all parameters
  }
};

void fill_input(TestNetwork& network, uint32_t seed) {
  std::mt19937 random(seed);
  Tensor& input = network.run().input();
  input.exponent = -12;
  for (size_t i = 0; i < input.q.size(); ++i) {
    input.q[i] = static_cast<int16_t>(static_cast<int>(random() % 16383) - 8191);
  }
  for (uint32_t& label : network.labels()) label = static_cast<uint32_t>(random() % 3);
}

std::vector<float> step(TestNetwork& network, uint32_t seed) {
  fill_input(network, seed);
  EXPECT_TRUE(network.forward().ok());
  EXPECT_TRUE(network.run().backward().ok());
  return network.run().gradients();
}

TEST(Run, EveryLevelGivesTheSameGradients) {
  std::vector<float> first;
  for (device::Level level : supported_levels()) {
    Residual network(5, level);
    const auto gradients = step(network, 1);
    if (first.empty()) first = gradients;
    EXPECT_EQ(gradients, first) << device::level_name(level);
  }
  EXPECT_FALSE(first.empty());
  size_t nonzero = 0;
  for (float g : first) nonzero += g != 0.0f;
  EXPECT_GT(nonzero, first.size() * 9 / 10);
}

TEST(Run, LeavesNothingBehindForTheNextMicrobatch) {
  Residual reused(4, device::Level::kPortable);
  const auto first = step(reused, 1);
  EXPECT_NE(step(reused, 2), first);
  EXPECT_EQ(step(reused, 1), first);
  // Nor does an evaluation, or a failed step.
  for (float& v : reused.running()) v = 1.0f;
  ASSERT_TRUE(reused.forward(Mode::kEvaluate).ok());
  const float kept = reused.parameter("fc.bias")[0];
  reused.parameter("fc.bias")[0] = std::nanf("");
  ASSERT_FALSE(reused.forward().ok());
  reused.parameter("fc.bias")[0] = kept;
  EXPECT_EQ(step(reused, 1), first);
}

TEST(Run, AShorterMicrobatchIsItsOwn) {
  Residual five(5, device::Level::kPortable);
  Residual two(2, device::Level::kPortable);
  step(five, 1);  // leaves five images' worth of values behind
  fill_input(five, 9);
  fill_input(two, 9);
  five.labels() = two.labels() = {1, 2};
  for (TestNetwork* network : {static_cast<TestNetwork*>(&five), static_cast<TestNetwork*>(&two)}) {
    ASSERT_TRUE(network->forward().ok());
    ASSERT_TRUE(network->run().backward().ok());
  }
  const auto equal = [](std::span<const float> a, std::span<const float> b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  };
  EXPECT_EQ(five.run().logits().size(), 6u);
  EXPECT_TRUE(equal(five.run().logits(), two.run().logits()));
  EXPECT_TRUE(equal(five.run().gradients(), two.run().gradients()));
}

// The first linear layer has so many weights that its gradient is recomputed where a Run holds few
// images, and stored where it may hold many.
TEST(Run, ARecomputedGradientIsTheStoredOne) {
  const auto wide = [] {
    GraphBuilder builder({1, 1, 1030});
    ValueId x = builder.linear(Graph::kInput, "first", 1021);
    x = builder.activate({builder.bias(x)}, true);
    builder.loss(builder.linear(x, "fc", 3));
    return finished(builder);
  };
  for (const device::Level level : supported_levels()) {
    TestNetwork stores(wide(), 65, level);
    TestNetwork recomputes(wide(), 5, level);
    for (TestNetwork* network : {&stores, &recomputes}) {
      EXPECT_EQ(network->graph().operations()[0]->recomputes_gradient(network->run().capacity()),
                network == &recomputes);
      initialise(network->graph(), 3, network->parameter("first.weight").data());
      fill_input(*network, 1);
      network->labels() = {1, 2, 0, 0, 2};
      ASSERT_TRUE(network->forward().ok());
      ASSERT_TRUE(network->run().backward().ok());
    }
    const std::vector<float> expected = stores.run().gradients();
    EXPECT_EQ(recomputes.run().gradients(), expected);
    EXPECT_EQ(recomputes.run().gradients(), expected) << "as often as it is wanted";
    size_t nonzero = 0;
    for (float g : expected) nonzero += g != 0.0f;
    EXPECT_GT(nonzero, expected.size() / 3);
  }
}

TEST(Run, OutputsThatPassByShareATensor) {
  GraphBuilder builder({4, 4, 2});
  ConvOptions options;
  options.channels = 3;
  options.bias = true;
  ValueId x = Graph::kInput;
  std::vector<ValueId> outputs;
  for (const char* name : {"one", "two"}) {
    outputs.push_back(builder.conv2d(x, name, options));
    x = builder.activate({builder.bias(outputs.back())}, true);
  }
  options.bias = false;
  const ValueId normalised = builder.conv2d(x, "three", options);
  x = builder.activate({builder.batch_norm(normalised, "norm")}, true);
  const ValueId logits = builder.linear(builder.flatten(builder.global_average_pool(x)), "fc", 3);
  builder.loss(logits);
  TestNetwork network(finished(builder), 2, device::Level::kPortable);
  const Graph& graph = network.graph();
  EXPECT_TRUE(graph.passes_by(outputs[0]) && graph.passes_by(outputs[1]));
  EXPECT_FALSE(graph.passes_by(normalised)) << "batch norm reads it again";
  EXPECT_FALSE(graph.passes_by(logits));
  EXPECT_FALSE(graph.passes_by(Graph::kInput));
  EXPECT_EQ(&network.run().value(outputs[0]), &network.run().value(outputs[1]));
  EXPECT_NE(&network.run().value(outputs[0]), &network.run().value(normalised));
}

Graph chain_graph() {
  GraphBuilder builder({16, 16, 3});
  ConvOptions options;
  options.kernel = 3;
  options.padding = 1;
  options.bias = true;
  ValueId x = Graph::kInput;
  for (const auto& [channels, name] : {std::pair{8u, "a"}, {8u, "b"}, {16u, "c"}, {32u, "d"}}) {
    options.channels = channels;
    x = builder.activate({builder.bias(builder.conv2d(x, name, options))}, true);
    if (channels != 8) x = builder.max_pool(x, 2, 2);
  }
  builder.loss(builder.linear(builder.flatten(x), "fc", 3));
  return finished(builder);
}

// Values that no backward pass reads any more lend their memory: what gradients take besides is
// little, and settled after two microbatches.
TEST(Run, GradientsTakeDeadValuesMemory) {
  const auto built = [](const char* name, uint32_t side) {
    return [=] { return build_model(name, side, side, 3, 3).value(); };
  };
  struct Model {
    std::function<Graph()> make;
    double most;  // times the largest value
  };
  for (const Model& model : {Model{chain_graph, 1.0},
                             Model{built("lenet", 28), 1.0},
                             Model{built("resnet20", 16), 4.0},
                             Model{built("mobilenet_v2", 32), 1.5}}) {
    TestNetwork network(model.make(), 2, device::choose_level().value());
    initialise(network.graph(), 3, &network.parameter(network.graph().parameters()[0].name)[0]);
    const auto once = step(network, 1);
    EXPECT_EQ(step(network, 1), once) << "in other buffers, perhaps";
    const size_t bytes = network.run().gradient_bytes();
    EXPECT_EQ(step(network, 1), once);
    EXPECT_EQ(network.run().gradient_bytes(), bytes);
    size_t largest = 0;
    for (const Value& value : network.graph().values()) {
      largest = std::max(largest, value.extent.count());
    }
    EXPECT_LE(static_cast<double>(bytes), model.most * static_cast<double>(4 * largest));
  }
}

TEST(Run, JoinsTwoSenders) {
  Residual network(1, device::Level::kPortable);
  fill_input(network, 1);
  ASSERT_TRUE(network.forward().ok());
  const ValueId id = 2;
  const size_t count = network.graph().values()[id].extent.count();
  Tensor first, second;
  first.q = device::Buffer<int16_t>(count);
  second.q = device::Buffer<int16_t>(count);
  TestNetwork::fill(first, {100, 3}, 0);
  TestNetwork::fill(second, {-4, 1}, 1);
  network.run().send(id, first);
  const auto alone = network.run().join(id);
  ASSERT_TRUE(alone.ok());
  EXPECT_EQ(alone.value(), &first) << "one sender is not copied";
  network.run().send(id, first);  // joining used it up
  network.run().send(id, second);
  const auto joined = network.run().join(id);
  ASSERT_TRUE(joined.ok());
  // M = 100 + 8: exponent -8 (32767 2^-9 is below it).
  EXPECT_EQ(joined.value()->exponent, -8);
  EXPECT_EQ(joined.value()->q[0], 100 * 256 - 4 * 512);
  EXPECT_EQ(joined.value()->q[1], 3 * 256 + 512);
}

TEST(Run, GradientsAreMeansOverTheImages) {
  Residual network(3, device::Level::kPortable);
  fill_input(network, 1);
  ASSERT_TRUE(network.forward().ok());
  size_t bias = 0;
  while (network.graph().parameters()[bias].name != "fc.bias") ++bias;
  const int64_t sums[3] = {6, -3, (int64_t{1} << 40) + 3};
  network.run().store_gradient(bias, sums, -1);
  const auto gradient = network.gradient("fc.bias");
  EXPECT_EQ(gradient[0], 1.0f);
  EXPECT_EQ(gradient[1], -0.5f);
  EXPECT_EQ(gradient[2], static_cast<float>((static_cast<double>(sums[2]) * 0.5) / 3.0));
}

TEST(Prepare, AWeightThatIsNotFiniteNamesItsLayer) {
  for (float bad : {std::nanf(""), HUGE_VALF}) {
    Residual network(1, device::Level::kPortable);
    network.parameter("layer2.0.conv2.weight")[7] = bad;
    const Status status = network.forward();
    ASSERT_FALSE(status.ok());
    EXPECT_STREQ(status.error().code, "not_finite");
    EXPECT_NE(status.error().message.find("layer2.0.conv2"), std::string::npos);
  }
}

}  // namespace
}  // namespace ginn::nn
