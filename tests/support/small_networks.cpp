#include "tests/support/small_networks.h"

namespace ginn::test {

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
