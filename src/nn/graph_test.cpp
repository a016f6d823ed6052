#include "nn/graph.h"

#include <gtest/gtest.h>

#include <functional>

#include "nn/models.h"

namespace ginn::nn {
namespace {

std::string shape_problem(GraphBuilder& builder) {
  const auto graph = builder.finish();
  if (graph.ok()) return "none";
  EXPECT_STREQ(graph.error().code, "model_shape");
  EXPECT_EQ(graph.error().kind, ErrorClass::kInput);
  return graph.error().message;
}

// A flat input, `middle` of it and of a linear layer "y" over it, logits; what finish() says.
std::string readers_problem(
    const std::function<ValueId(GraphBuilder&, ValueId x, ValueId y)>& middle) {
  GraphBuilder b({1, 1, 4});
  const ValueId x = b.activate({b.bias(b.linear(Graph::kInput, "x", 4))}, true);
  const ValueId y = b.linear(x, "y", 4);
  b.loss(b.linear(middle(b, x, y), "fc", 2));
  return shape_problem(b);
}

TEST(Graph, AContractionsOutputIsReadOnceByWhatSendsItsGradient) {
  const auto over = [](const auto& operation) {
    return readers_problem([&](GraphBuilder& b, ValueId, ValueId y) { return operation(b, y); });
  };
  const std::string itself =
      ": reads the output of y itself; expected an activation: put "
      "activate() between them";
  EXPECT_EQ(over([](auto&, ValueId y) { return y; }), "layer fc" + itself);
  EXPECT_EQ(over([](auto& b, ValueId y) { return b.activate({b.same(y)}, true); }),
            "layer add" + itself);
  EXPECT_EQ(over([](auto& b, ValueId y) { return b.elementwise(y, Function::kTanh); }),
            "layer tanh3" + itself);
  EXPECT_NE(over([](auto& b, ValueId y) { return b.dropout(y, 0.5); }).find(itself),
            std::string::npos);
  EXPECT_EQ(over([](auto& b, ValueId y) { return b.activate({b.bias(y)}, true); }), "none");
  EXPECT_EQ(over([](auto& b, ValueId y) {
              return b.concatenate({b.activate({b.bias(y)}, true), b.activate({b.bias(y)}, false)});
            }),
            "layer y: is reader 2 of the output of y; expected at most 1");
}

TEST(Graph, AnActivationHasOneToFourReaders) {
  const auto read = [](size_t times) {
    return readers_problem([&](GraphBuilder& b, ValueId x, ValueId y) {
      std::vector<ValueId> parts = {b.activate({b.bias(y)}, true)};  // y reads x, too
      while (parts.size() < times) parts.push_back(b.elementwise(x, Function::kTanh));
      return b.concatenate(parts);
    });
  };
  EXPECT_EQ(read(kMostReaders), "none");
  EXPECT_NE(read(kMostReaders + 1).find(": is reader 5 of the output of x; expected at most 4"),
            std::string::npos);
  EXPECT_EQ(readers_problem([](GraphBuilder&, ValueId x, ValueId) { return x; }),
            "layer y: nothing reads its output");
}

TEST(Graph, LenetHasItsParametersAndCosts) {
  const auto graph = build_model("lenet", 28, 28, 1, 10);
  ASSERT_TRUE(graph.ok());
  const std::vector<std::pair<std::string, std::vector<uint64_t>>> expected = {
      {"conv1.weight", {6, 1, 5, 5}},
      {"conv1.bias", {6}},
      {"conv2.weight", {16, 6, 5, 5}},
      {"conv2.bias", {16}},
      {"fc1.weight", {120, 400}},
      {"fc1.bias", {120}},
      {"fc2.weight", {84, 120}},
      {"fc2.bias", {84}},
      {"fc3.weight", {10, 84}},
      {"fc3.bias", {10}}};
  ASSERT_EQ(graph->parameters().size(), expected.size());
  size_t offset = 0;
  for (size_t p = 0; p < expected.size(); ++p) {
    const Parameter& parameter = graph->parameters()[p];
    EXPECT_EQ(parameter.name, expected[p].first);
    EXPECT_EQ(parameter.shape, expected[p].second);
    EXPECT_EQ(parameter.offset, offset);
    offset += parameter.count;
  }
  EXPECT_EQ(graph->parameter_count(), 61706u);  // LeNet-5's well-known count
  EXPECT_EQ(offset, 61706u);
  EXPECT_EQ(graph->macs(), 28u * 28 * 25 * 6 + 100u * 150 * 16 + 400u * 120 + 120u * 84 + 840u);
  EXPECT_EQ(graph->classes(), 10u);
  EXPECT_EQ(graph->batch_norm_channels(), 0u);
}

TEST(Graph, ResidualNetworksAreTorchvisions) {
  const auto small = build_model("resnet8", 32, 32, 3, 10);
  const auto large = build_model("resnet20", 32, 32, 3, 10);
  ASSERT_TRUE(small.ok() && large.ok());
  // He et al. give 0.27 M for 20 layers; projections instead of padding add 2,752.
  EXPECT_EQ(large->parameter_count(), 272474u);
  EXPECT_EQ(small->parameter_count(), 78042u);
  std::vector<std::string> names;
  for (const Parameter& p : small->parameters()) names.push_back(p.name);
  const std::vector<std::string> second_block(names.begin() + 9, names.begin() + 18);
  EXPECT_EQ(second_block,
            (std::vector<std::string>{"layer2.0.conv1.weight",
                                      "layer2.0.bn1.weight",
                                      "layer2.0.bn1.bias",
                                      "layer2.0.conv2.weight",
                                      "layer2.0.bn2.weight",
                                      "layer2.0.bn2.bias",
                                      "layer2.0.downsample.0.weight",
                                      "layer2.0.downsample.1.weight",
                                      "layer2.0.downsample.1.bias"}));
  size_t channels = 0;
  for (const BatchNorm& norm : small->batch_norms()) {
    EXPECT_EQ(norm.offset, channels);
    channels += norm.channels;
  }
  EXPECT_EQ(channels, 16u * 3 + 32 * 3 + 64 * 3);
  EXPECT_EQ(small->batch_norm_channels(), channels);
}

TEST(Graph, NoGradientForTheInputOrAPermutationOfIt) {
  const auto graph = build_model("mlp", 4, 4, 1, 3);
  ASSERT_TRUE(graph.ok());
  EXPECT_FALSE(graph->values()[Graph::kInput].needs_gradient);
  EXPECT_FALSE(graph->values()[1].needs_gradient) << "flattened input";
  for (size_t id = 2; id < graph->values().size(); ++id) {
    EXPECT_TRUE(graph->values()[id].needs_gradient) << id;
  }
}

TEST(Graph, WhatDoesNotFitIsNamed) {
  GraphBuilder conv({4, 4, 1});
  conv.conv2d(Graph::kInput, "big", {.channels = 2, .kernel = 5});
  EXPECT_NE(shape_problem(conv).find("big"), std::string::npos);

  GraphBuilder linear({4, 4, 1});
  linear.linear(Graph::kInput, "fc", 3);
  EXPECT_NE(shape_problem(linear).find("layer fc: expects a flat input, found 4 x 4 x 1"),
            std::string::npos);

  GraphBuilder pool({4, 4, 1});
  pool.max_pool(Graph::kInput, 5, 1);
  EXPECT_NE(shape_problem(pool).find("5 x 5"), std::string::npos);

  GraphBuilder stride({4, 4, 1});
  stride.average_pool(Graph::kInput, 2, 0);
  EXPECT_NE(shape_problem(stride), "none");

  GraphBuilder sum({4, 4, 1});
  const ValueId a = sum.conv2d(Graph::kInput, "a", {.channels = 2, .bias = true});
  const ValueId b = sum.conv2d(Graph::kInput, "b", {.channels = 3, .bias = true});
  sum.activate({sum.bias(a), sum.bias(b)}, true);
  EXPECT_NE(shape_problem(sum).find("different shapes"), std::string::npos);
}

TEST(Graph, GroupsDivideTheChannels) {
  const auto problem = [](uint32_t channels, uint32_t groups) {
    GraphBuilder b({4, 4, 6});
    ValueId x =
        b.conv2d(Graph::kInput, "odd", {.channels = channels, .groups = groups, .bias = true});
    b.loss(b.linear(b.flatten(b.activate({b.bias(x)}, true)), "fc", 2));
    const auto graph = b.finish();
    return graph.ok() ? std::string() : graph.error().message;
  };
  EXPECT_EQ(problem(9, 3), "");
  for (const uint32_t groups : {0u, 2u, 9u}) {
    EXPECT_EQ(problem(9, groups),
              "layer odd: " + std::to_string(groups) +
                  " groups do not divide 6 input and 9 output channels");
  }
}

// He's initialisation as PyTorch computes it: fan_out counts all filters, fan_in a group's
// channels.
TEST(Graph, GroupedWeightsHaveTorchsShapesAndFans) {
  GraphBuilder b({4, 4, 6});
  const ValueId x = b.conv2d(
      Graph::kInput, "a", {.channels = 9, .kernel = 3, .padding = 1, .groups = 3, .bias = true});
  b.loss(b.linear(b.flatten(b.activate({b.bias(x)}, true)), "fc", 2));
  const Graph graph = b.finish().value();
  const Parameter& weight = graph.parameters()[0];
  EXPECT_EQ(weight.shape, (std::vector<uint64_t>{9, 2, 3, 3}));
  EXPECT_EQ(weight.fan_in, 18u);
  EXPECT_EQ(weight.fan_out, 81u);
  EXPECT_EQ(graph.parameters()[1].fan_in, 18u);
  EXPECT_EQ(graph.operations()[0]->macs(), 16u * 9 * 2 * 9);
}

TEST(Graph, TheFirstProblemIsReported) {
  GraphBuilder builder({4, 4, 1});
  ValueId x = builder.conv2d(Graph::kInput, "first", {.channels = 2, .kernel = 5, .bias = true});
  x = builder.activate({builder.bias(x)}, true);
  x = builder.max_pool(x, 9, 1);
  builder.loss(builder.linear(builder.flatten(x), "last", 3));
  const std::string problem = shape_problem(builder);
  EXPECT_NE(problem.find("first"), std::string::npos);
  EXPECT_EQ(problem.find("last"), std::string::npos);
}

TEST(Models, UnknownNamesAndSmallImages) {
  const auto unknown = build_model("resnet9\n", 28, 28, 1, 10);
  ASSERT_FALSE(unknown.ok());
  EXPECT_STREQ(unknown.error().code, "unknown_model");
  for (std::string_view name : model_names()) {
    EXPECT_NE(unknown.error().message.find(name), std::string::npos) << name;
    EXPECT_TRUE(check_model(name, 32, 32, 3, 10).ok()) << name;
  }
  EXPECT_EQ(unknown.error().message.find('\n'), std::string::npos);
  const auto small = check_model("lenet", 8, 8, 1, 10);
  ASSERT_FALSE(small.ok());
  EXPECT_STREQ(small.error().code, "model_shape");
  EXPECT_NE(small.error().message.find("conv2"), std::string::npos);
}

TEST(Models, InitialValuesAreAFunctionOfTheSeed) {
  const auto graph = build_model("resnet8", 8, 8, 1, 3);
  ASSERT_TRUE(graph.ok());
  std::vector<float> first(graph->parameter_count()), second(first), other(first);
  initialise(*graph, 5, first.data());
  initialise(*graph, 5, second.data());
  initialise(*graph, 6, other.data());
  EXPECT_EQ(first, second);
  EXPECT_NE(first, other);
  for (const Parameter& p : graph->parameters()) {
    const std::span<const float> values(first.data() + p.offset, p.count);
    if (p.name.ends_with("bn1.weight")) {
      for (float v : values) EXPECT_EQ(v, 1.0f);
    }
    if (p.name.ends_with("bn1.bias")) {
      for (float v : values) EXPECT_EQ(v, 0.0f);
    }
    if (p.name == "fc.weight" || p.name == "fc.bias") {
      for (float v : values) EXPECT_LE(std::abs(v), 0.125f);  // 1 / sqrt(64)
    }
  }
}

}  // namespace
}  // namespace ginn::nn
