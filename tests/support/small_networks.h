#pragma once

#include "nn/graph.h"

// Small networks of operations that the built-in models have in large ones, or not at all, for
// comparison with the oracle (which has them by the same names) and with PyTorch.
namespace ginn::test {

void mini_bottleneck(nn::GraphBuilder& g, uint32_t classes);  // a padded pool, bottleneck blocks
// Biases before batch norm, an adaptive average that repeats pixels, dropout.
void mini_vgg(nn::GraphBuilder& g, uint32_t classes);
void mini_mobile(nn::GraphBuilder& g, uint32_t classes);  // groups, depthwise layers, ReLU6
// Sigmoid, tanh, SiLU, GELU, concatenation, group and layer norm.
void mini_gates(nn::GraphBuilder& g, uint32_t classes);
// Every mode of padding, of the input too, and softmax over channels and over features.
void mini_edges(nn::GraphBuilder& g, uint32_t classes);

}  // namespace ginn::test
