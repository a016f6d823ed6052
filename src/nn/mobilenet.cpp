#include "base/text.h"
#include "nn/architectures.h"

namespace ginn::nn {
namespace {

// A convolution without bias, and its batch norm.
struct Layer {
  std::string convolution, norm;
  uint32_t channels, kernel, stride, groups;
};
Term normalised(GraphBuilder& g, ValueId x, const Layer& layer) {
  ConvOptions options;
  options.channels = layer.channels;
  options.kernel = layer.kernel;
  options.stride = layer.stride;
  options.padding = layer.kernel / 2;
  options.groups = layer.groups;
  options.initialiser = Initialiser::kNormalFanOut;
  return g.batch_norm(g.conv2d(x, layer.convolution, options), layer.norm);
}
ValueId relu6(GraphBuilder& g, ValueId x, const Layer& layer) {
  return g.activate({normalised(g, x, layer)}, Activation::kRelu6);
}

struct Block {
  std::string name;
  uint32_t inputs, outputs, expansion, stride;
};

// Wider by a 1 x 1 convolution, a depthwise one, narrow again without a ReLU6; added to the input
// where the shapes allow.
ValueId inverted_residual(GraphBuilder& g, ValueId x, const Block& block) {
  const uint32_t width = block.inputs * block.expansion;
  const std::string conv = block.name + ".conv.";
  uint32_t module = 0;  // of torchvision's nn.Sequential
  const auto wide = [&](uint32_t kernel, uint32_t stride, uint32_t groups) {
    const std::string name = concat(conv, module++, ".");
    return Layer{name + "0", name + "1", width, kernel, stride, groups};
  };
  ValueId y = x;
  if (block.expansion != 1) y = relu6(g, y, wide(1, 1, 1));
  y = relu6(g, y, wide(3, block.stride, width));
  const Layer narrow{concat(conv, module), concat(conv, module + 1), block.outputs, 1, 1, 1};
  const Term term = normalised(g, y, narrow);
  if (block.stride == 1 && block.inputs == block.outputs) {
    return g.activate({term, g.same(x)}, Activation::kNone);
  }
  return g.activate({term}, Activation::kNone);
}

}  // namespace

void build_mobilenet_v2(GraphBuilder& g, uint32_t classes) {
  struct Stage {
    uint32_t expansion, channels, blocks, stride;
  };
  constexpr Stage kStages[] = {{1, 16, 1, 1},
                               {6, 24, 2, 2},
                               {6, 32, 3, 2},
                               {6, 64, 4, 2},
                               {6, 96, 3, 1},
                               {6, 160, 3, 2},
                               {6, 320, 1, 1}};
  uint32_t channels = 32;
  ValueId x = relu6(g, Graph::kInput, {"features.0.0", "features.0.1", channels, 3, 2, 1});
  uint32_t module = 1;
  for (const Stage& stage : kStages) {
    for (uint32_t block = 0; block < stage.blocks; ++block, ++module) {
      const Block next{concat("features.", module),
                       channels,
                       stage.channels,
                       stage.expansion,
                       block == 0 ? stage.stride : 1};
      x = inverted_residual(g, x, next);
      channels = stage.channels;
    }
  }
  const std::string last = concat("features.", module);
  x = relu6(g, x, {last + ".0", last + ".1", 1280, 1, 1, 1});
  x = g.dropout(g.flatten(g.adaptive_average_pool(x, 1, 1)), 0.2);
  LinearOptions linear;
  linear.outputs = classes;
  linear.initialiser = Initialiser::kNormalSmall;
  linear.bias_initialiser = Initialiser::kZero;
  g.loss(g.linear(x, "classifier.1", linear));
}

}  // namespace ginn::nn
