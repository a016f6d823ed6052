#include "base/text.h"
#include "nn/architectures.h"

namespace ginn::nn {

void build_vgg(GraphBuilder& g,
               const std::array<uint32_t, 5>& convolutions,
               bool batch_norm,
               uint32_t classes) {
  constexpr std::array<uint32_t, 5> kChannels = {64, 128, 256, 512, 512};
  ConvOptions convolution;
  convolution.kernel = 3;
  convolution.padding = 1;
  convolution.bias = true;
  convolution.initialiser = Initialiser::kNormalFanOut;
  convolution.bias_initialiser = Initialiser::kZero;
  LinearOptions linear;
  linear.initialiser = Initialiser::kNormalSmall;
  linear.bias_initialiser = Initialiser::kZero;

  ValueId x = Graph::kInput;
  uint32_t module = 0;  // counts torchvision's nn.Sequential: convolution, (batch norm,) ReLU, pool
  for (size_t stage = 0; stage < convolutions.size(); ++stage) {
    convolution.channels = kChannels[stage];
    for (uint32_t i = 0; i < convolutions[stage]; ++i) {
      const ValueId y = g.conv2d(x, concat("features.", module), convolution);
      const Term term = batch_norm ? g.batch_norm(y, concat("features.", module + 1)) : g.bias(y);
      x = g.activate({term}, true);
      module += batch_norm ? 3 : 2;
    }
    x = g.max_pool(x, 2, 2);
    ++module;
  }
  x = g.flatten(g.adaptive_average_pool(x, 7, 7));
  linear.outputs = 4096;
  x = g.dropout(g.activate({g.bias(g.linear(x, "classifier.0", linear))}, true), 0.5);
  x = g.dropout(g.activate({g.bias(g.linear(x, "classifier.3", linear))}, true), 0.5);
  linear.outputs = classes;
  g.loss(g.linear(x, "classifier.6", linear));
}

}  // namespace ginn::nn
