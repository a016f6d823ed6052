#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "crypto/json.h"
#include "nn/graph.h"

namespace ginn::cli {

// A network as a table, one row for each operation in the order in which they run.
struct Layer {
  std::string name, kind;
  std::string output;  // "28x28x16", of one image; "-" for the loss
  uint64_t parameters = 0, trained = 0;
  uint64_t macs = 0;   // multiply-adds of one image's forward pass
  uint64_t bytes = 0;  // of the output, for all images of a microbatch
};
std::vector<Layer> layers_of(const nn::Graph& graph, uint32_t images);

// The table with its totals, for people.
void print_layers(const nn::Graph& graph, uint32_t images);
// Name, shape and number of every parameter, and whether it is trained and at which rate.
void print_parameters(const nn::Graph& graph);
// Adds "layers", "parameters" and "totals" to a document.
void add_layers(const nn::Graph& graph, uint32_t images, crypto::Json::Object& document);

}  // namespace ginn::cli
