#pragma once

#include <array>

#include "nn/graph.h"

namespace ginn::nn {

// Families of models, node for node as docs/arithmetic.md, section 4, lists them; parameters are
// named as torchvision names them.

// Images of about 32 x 32: three stages of `blocks` basic blocks with 16, 32, 64 channels (He et
// al. 2016, section 4.2: 6 blocks + 2 layers).
void build_small_resnet(GraphBuilder& g, uint32_t blocks, uint32_t classes);

// torchvision's ResNet: four stages; basic blocks, or bottlenecks with the stride in their 3 x 3
// convolution ("v1.5").
void build_resnet(GraphBuilder& g,
                  const std::array<uint32_t, 4>& blocks,
                  bool bottleneck,
                  uint32_t classes);

// torchvision's VGG: `convolutions` of each of the five stages.
void build_vgg(GraphBuilder& g,
               const std::array<uint32_t, 5>& convolutions,
               bool batch_norm,
               uint32_t classes);

// torchvision's MobileNetV2 of width 1.
void build_mobilenet_v2(GraphBuilder& g, uint32_t classes);

}  // namespace ginn::nn
