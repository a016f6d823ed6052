#pragma once

#include "nn/graph.h"

// Networks of operations that no built-in model has, for comparison with the oracle (which has them
// by the same names) and with PyTorch.
namespace ginn::test {

// Every mode of padding, of the input too, and softmax over channels and over features.
void mini_edges(nn::GraphBuilder& g, uint32_t classes);

}  // namespace ginn::test
