#include "base/text.h"
#include "nn/architectures.h"

namespace ginn::nn {
namespace {

ConvOptions convolution(uint32_t channels, uint32_t kernel, uint32_t stride) {
  ConvOptions options;
  options.channels = channels;
  options.kernel = kernel;
  options.stride = stride;
  options.padding = kernel / 2;
  options.initialiser = Initialiser::kNormalFanOut;
  return options;
}

struct Block {
  std::string name;
  uint32_t channels;  // of its 3 x 3 convolutions
  uint32_t stride;
  bool downsample;
};

// The sum of a block's last batch norm and its shortcut.
ValueId close(GraphBuilder& g, ValueId x, const Block& block, const Term& main, uint32_t channels) {
  if (!block.downsample) return g.activate({main, g.same(x)}, true);
  const ValueId y =
      g.conv2d(x, block.name + ".downsample.0", convolution(channels, 1, block.stride));
  return g.activate({main, g.batch_norm(y, block.name + ".downsample.1")}, true);
}

ValueId basic(GraphBuilder& g, ValueId x, const Block& block) {
  const auto& [name, channels, stride, downsample] = block;
  const ValueId y1 = g.conv2d(x, name + ".conv1", convolution(channels, 3, stride));
  const ValueId a1 = g.activate({g.batch_norm(y1, name + ".bn1")}, true);
  const ValueId y2 = g.conv2d(a1, name + ".conv2", convolution(channels, 3, 1));
  return close(g, x, block, g.batch_norm(y2, name + ".bn2"), channels);
}

ValueId bottleneck(GraphBuilder& g, ValueId x, const Block& block) {
  const auto& [name, channels, stride, downsample] = block;
  const ValueId y1 = g.conv2d(x, name + ".conv1", convolution(channels, 1, 1));
  const ValueId a1 = g.activate({g.batch_norm(y1, name + ".bn1")}, true);
  const ValueId y2 = g.conv2d(a1, name + ".conv2", convolution(channels, 3, stride));
  const ValueId a2 = g.activate({g.batch_norm(y2, name + ".bn2")}, true);
  const ValueId y3 = g.conv2d(a2, name + ".conv3", convolution(4 * channels, 1, 1));
  return close(g, x, block, g.batch_norm(y3, name + ".bn3"), 4 * channels);
}

void classify(GraphBuilder& g, ValueId x, uint32_t classes) {
  x = g.flatten(g.global_average_pool(x));
  g.loss(g.linear(x, "fc", classes));
}

}  // namespace

void build_small_resnet(GraphBuilder& g, uint32_t blocks, uint32_t classes) {
  uint32_t channels = 16;
  ValueId x = g.conv2d(Graph::kInput, "conv1", convolution(channels, 3, 1));
  x = g.activate({g.batch_norm(x, "bn1")}, true);
  for (uint32_t stage = 0; stage < 3; ++stage) {
    for (uint32_t block = 0; block < blocks; ++block) {
      const bool first = stage > 0 && block == 0;
      if (first) channels *= 2;
      x = basic(g, x, {concat("layer", stage + 1, ".", block), channels, first ? 2u : 1u, first});
    }
  }
  classify(g, x, classes);
}

void build_resnet(GraphBuilder& g,
                  const std::array<uint32_t, 4>& blocks,
                  bool bottlenecks,
                  uint32_t classes) {
  ValueId x = g.conv2d(Graph::kInput, "conv1", convolution(64, 7, 2));
  x = g.activate({g.batch_norm(x, "bn1")}, true);
  x = g.max_pool(x, 3, 2, 1);
  uint32_t channels = 64;
  for (uint32_t stage = 0; stage < blocks.size(); ++stage, channels *= 2) {
    for (uint32_t block = 0; block < blocks[stage]; ++block) {
      const bool halves = stage > 0 && block == 0;
      const Block next{concat("layer", stage + 1, ".", block),
                       channels,
                       halves ? 2u : 1u,
                       halves || (bottlenecks && block == 0)};
      x = bottlenecks ? bottleneck(g, x, next) : basic(g, x, next);
    }
  }
  classify(g, x, classes);
}

}  // namespace ginn::nn
