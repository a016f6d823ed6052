#include "tests/support/small_networks.h"

namespace ginn::test {
namespace {

nn::ConvOptions convolution(uint32_t channels, uint32_t kernel, uint32_t stride) {
  nn::ConvOptions options;
  options.channels = channels;
  options.kernel = kernel;
  options.stride = stride;
  options.padding = kernel / 2;
  options.initialiser = nn::Initialiser::kNormalFanOut;
  return options;
}

nn::ValueId bottleneck(nn::GraphBuilder& g,
                       nn::ValueId x,
                       const std::string& name,
                       uint32_t channels,
                       uint32_t stride,
                       bool first) {
  const auto y1 = g.conv2d(x, name + ".conv1", convolution(channels, 1, 1));
  const auto a1 = g.activate({g.batch_norm(y1, name + ".bn1")}, true);
  const auto y2 = g.conv2d(a1, name + ".conv2", convolution(channels, 3, stride));
  const auto a2 = g.activate({g.batch_norm(y2, name + ".bn2")}, true);
  const auto y3 = g.conv2d(a2, name + ".conv3", convolution(4 * channels, 1, 1));
  const nn::Term main = g.batch_norm(y3, name + ".bn3");
  if (!first) return g.activate({main, g.same(x)}, true);
  const auto y4 = g.conv2d(x, name + ".downsample.0", convolution(4 * channels, 1, stride));
  return g.activate({main, g.batch_norm(y4, name + ".downsample.1")}, true);
}

nn::Term normalised(nn::GraphBuilder& g,
                    nn::ValueId x,
                    const std::string& conv,
                    const std::string& norm,
                    nn::ConvOptions options,
                    uint32_t groups) {
  options.groups = groups;
  return g.batch_norm(g.conv2d(x, conv, options), norm);
}

// A narrow input of `inputs` channels made `width` wide.
nn::Term inverted(nn::GraphBuilder& g,
                  nn::ValueId x,
                  const std::string& name,
                  uint32_t width,
                  uint32_t outputs,
                  uint32_t stride) {
  const std::string conv = name + ".conv.";
  const auto six = nn::Activation::kRelu6;
  x = g.activate({normalised(g, x, conv + "0.0", conv + "0.1", convolution(width, 1, 1), 1)}, six);
  x = g.activate(
      {normalised(g, x, conv + "1.0", conv + "1.1", convolution(width, 3, stride), width)}, six);
  return normalised(g, x, conv + "2", conv + "3", convolution(outputs, 1, 1), 1);
}

}  // namespace

void mini_bottleneck(nn::GraphBuilder& g, uint32_t classes) {
  auto x = g.conv2d(nn::Graph::kInput, "conv1", convolution(8, 7, 2));
  x = g.activate({g.batch_norm(x, "bn1")}, true);
  x = g.max_pool(x, 3, 2, 1);
  x = bottleneck(g, x, "layer1.0", 4, 1, true);
  x = bottleneck(g, x, "layer1.1", 4, 1, false);
  x = bottleneck(g, x, "layer2.0", 8, 2, true);
  g.loss(g.linear(g.flatten(g.global_average_pool(x)), "fc", classes));
}

void mini_vgg(nn::GraphBuilder& g, uint32_t classes) {
  nn::ConvOptions options = convolution(6, 3, 1);
  options.bias = true;
  options.bias_initialiser = nn::Initialiser::kZero;
  nn::LinearOptions linear;
  linear.initialiser = nn::Initialiser::kNormalSmall;
  linear.bias_initialiser = nn::Initialiser::kNormalSmall;
  auto x = g.conv2d(nn::Graph::kInput, "features.0", options);
  x = g.activate({g.batch_norm(x, "features.1")}, true);
  x = g.max_pool(x, 2, 2);
  const nn::Extent extent{4, 4, 6};
  x = g.flatten(g.adaptive_average_pool(x, 2 * extent.h, 3 * extent.w));
  linear.outputs = 33;
  x = g.dropout(g.activate({g.bias(g.linear(x, "classifier.0", linear))}, true), 0.5);
  linear.outputs = 17;
  x = g.dropout(g.activate({g.bias(g.linear(x, "classifier.3", linear))}, true), 0.2);
  linear.outputs = classes;
  g.loss(g.linear(x, "classifier.6", linear));
}

void mini_mobile(nn::GraphBuilder& g, uint32_t classes) {
  const auto six = nn::Activation::kRelu6;
  const auto input = nn::Graph::kInput;
  auto x = g.activate({normalised(g, input, "conv0", "bn0", convolution(6, 3, 1), 1)}, six);
  x = g.activate({inverted(g, x, "block1", 12, 6, 1), g.same(x)}, nn::Activation::kNone);
  x = g.activate({inverted(g, x, "block2", 18, 8, 2)}, nn::Activation::kNone);
  x = g.activate({normalised(g, x, "conv3", "bn3", convolution(8, 3, 1), 4), g.same(x)}, six);
  x = g.activate({normalised(g, x, "conv4", "bn4", convolution(20, 5, 2), 4)}, six);
  x = g.dropout(g.flatten(g.adaptive_average_pool(x, 1, 1)), 0.2);
  nn::LinearOptions linear;
  linear.outputs = classes;
  linear.initialiser = nn::Initialiser::kNormalSmall;
  linear.bias_initialiser = nn::Initialiser::kNormalSmall;
  g.loss(g.linear(x, "fc", linear));
}

void mini_gates(nn::GraphBuilder& g, uint32_t classes) {
  const auto none = nn::Activation::kNone;
  auto x =
      g.activate({normalised(g, nn::Graph::kInput, "conv0", "bn0", convolution(6, 3, 1), 1)}, none);
  const auto silu = g.elementwise(x, nn::Function::kSilu);
  const auto gelu = g.elementwise(x, nn::Function::kGelu);
  const auto tanh = g.elementwise(x, nn::Function::kTanh);
  x = g.concatenate({gelu, silu, x, tanh});
  x = g.group_norm(g.conv2d(x, "conv2", convolution(9, 1, 1)), "gn", 3);
  x = g.group_norm(g.elementwise(x, nn::Function::kSilu), "ln", 1);
  nn::ConvOptions options = convolution(5, 3, 2);
  options.initialiser = nn::Initialiser::kUniformFanIn;
  options.bias = true;
  const auto last = g.activate({g.bias(g.conv2d(x, "conv1", options))}, none);
  x = g.concatenate({g.elementwise(last, nn::Function::kSigmoid), last});
  g.loss(g.linear(g.flatten(g.global_average_pool(x)), "fc", classes));
}

void mini_edges(nn::GraphBuilder& g, uint32_t classes) {
  const auto he = nn::Initialiser::kNormalFanOut;
  const auto none = nn::Activation::kNone;
  nn::ValueId x = g.pad(
      nn::Graph::kInput, nn::PadMode::kReflect, {.left = 2, .right = 1, .top = 1, .bottom = 2});
  x = g.conv2d(x, "conv0", {.channels = 6, .kernel = 3, .initialiser = he});
  x = g.activate({g.batch_norm(x, "bn0")}, true);
  x = g.pad(x, nn::PadMode::kReplicate, {.left = 1, .right = 0, .top = 2, .bottom = 1});
  x = g.conv2d(x, "conv1", {.channels = 8, .kernel = 3, .stride = 2, .bias = true});
  x = g.activate({g.bias(x)}, none);
  x = g.concatenate({g.softmax(x), x});
  x = g.pad(x, nn::PadMode::kCircular, {.left = 1, .right = 1, .top = 1, .bottom = 0});
  x = g.conv2d(x, "conv2", {.channels = 7, .kernel = 2, .initialiser = he});
  x = g.activate({g.batch_norm(x, "bn2")}, true);
  x = g.pad(x, nn::PadMode::kReflect, {.left = 1, .right = 3, .top = 2, .bottom = 0});
  x = g.conv2d(x, "conv3", {.channels = 5, .kernel = 3, .stride = 2, .bias = true});
  x = g.activate({g.bias(x)}, none);
  g.loss(g.linear(g.softmax(g.flatten(x)), "fc", classes));
}

}  // namespace ginn::test
