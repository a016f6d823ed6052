#pragma once

#include <string_view>
#include <vector>

#include "nn/graph.h"

namespace ginn::nn {

// Names of the built-in models (docs/arithmetic.md, section 4).
std::vector<std::string_view> model_names();

// The network for images [height, width, channels]. Codes: "unknown_model" (listing the known
// ones), "model_shape".
Result<Graph> build_model(
    std::string_view name, uint32_t height, uint32_t width, uint32_t channels, uint32_t classes);

// Whether build_model would succeed.
Status check_model(
    std::string_view name, uint32_t height, uint32_t width, uint32_t channels, uint32_t classes);

// The initial value of every parameter: a function of the seed (section 3).
void initialise(const Graph& graph, uint64_t seed, float* parameters);

}  // namespace ginn::nn
