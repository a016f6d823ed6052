#include "cli/layers.h"

#include <fmt/format.h>

#include "cli/terminal.h"
#include "nn/activate.h"
#include "training/contribution.h"

namespace ginn::cli {
namespace {

void count(const nn::Parameter& parameter, Layer& layer) {
  layer.parameters += parameter.count;
  if (!parameter.frozen) layer.trained += parameter.count;
}

// A contraction has its weight and bias, an activation the scale and shift of its batch norms:
// every parameter is counted once.
void count_parameters(const nn::Graph& graph, const nn::Operation& operation, Layer& layer) {
  if (operation.kind() == "conv2d" || operation.kind() == "linear") {
    for (const nn::Parameter& p : graph.parameters()) {
      if (p.name.substr(0, p.name.rfind('.')) == operation.name()) count(p, layer);
    }
  }
  if (const auto* activate = dynamic_cast<const nn::Activate*>(&operation)) {
    for (const nn::Term& term : activate->config().terms) {
      if (term.kind != nn::Term::Kind::kBatchNorm) continue;
      count(graph.parameters()[term.parameter], layer);
      count(graph.parameters()[term.parameter + 1], layer);
    }
  }
}

struct Totals {
  uint64_t parameters = 0, trained = 0, macs = 0, bytes = 0;
};

Totals totals_of(const std::vector<Layer>& layers) {
  Totals totals;
  for (const Layer& layer : layers) {
    totals.parameters += layer.parameters;
    totals.trained += layer.trained;
    totals.macs += layer.macs;
    totals.bytes += layer.bytes;
  }
  return totals;
}

uint64_t input_bytes(const nn::Graph& graph, uint32_t images) {
  return graph.input().count() * images * sizeof(int16_t);
}

std::string shape_text(const std::vector<uint64_t>& shape) {
  std::string out;
  for (const uint64_t size : shape) out += fmt::format("{}{}", out.empty() ? "" : "x", size);
  return out;
}

std::string size(uint64_t bytes) { return bytes_text(static_cast<double>(bytes)); }

crypto::Json number(uint64_t value) { return crypto::Json(static_cast<double>(value)); }

crypto::Json parameters_json(const nn::Graph& graph) {
  crypto::Json::Array rows;
  for (const nn::Parameter& p : graph.parameters()) {
    crypto::Json::Array shape;
    for (const uint64_t extent : p.shape) shape.push_back(number(extent));
    rows.emplace_back(crypto::Json::Object{{"name", p.name},
                                           {"shape", std::move(shape)},
                                           {"elements", number(p.count)},
                                           {"frozen", p.frozen},
                                           {"lr_scale", double{p.rate_scale}}});
  }
  return rows;
}

}  // namespace

std::vector<Layer> layers_of(const nn::Graph& graph, uint32_t images) {
  std::vector<Layer> layers;
  nn::ValueId output = 1;  // operations but the loss make one value each, in order
  for (const auto& operation : graph.operations()) {
    Layer layer{operation->name(), std::string(operation->kind()), "-", 0, 0, operation->macs(), 0};
    count_parameters(graph, *operation, layer);
    if (operation->kind() != "loss") {
      const nn::Extent e = graph.values()[output++].extent;
      layer.output = fmt::format("{}x{}x{}", e.h, e.w, e.c);
      layer.bytes = e.count() * images * sizeof(int16_t);
    }
    layers.push_back(std::move(layer));
  }
  return layers;
}

void print_layers(const nn::Graph& graph, uint32_t images) {
  const std::vector<Layer> layers = layers_of(graph, images);
  const Totals totals = totals_of(layers);
  constexpr const char* kRow = "  {:<24} {:<9} {:>12} {:>12} {:>16} {:>10}{}\n";
  fmt::print(
      fmt::runtime(kRow), "layer", "kind", "output", "parameters", "multiply-adds", "memory", "");
  for (const Layer& l : layers) {
    const bool frozen = l.parameters > 0 && l.trained == 0;
    const bool part = l.trained > 0 && l.trained < l.parameters;
    fmt::print(fmt::runtime(kRow),
               l.name,
               l.kind,
               l.output,
               l.parameters,
               l.macs,
               size(l.bytes),
               frozen ? "  frozen"
               : part ? "  partly frozen"
                      : "");
  }
  fmt::print(
      fmt::runtime(kRow), "total", "", "", totals.parameters, totals.macs, size(totals.bytes), "");
  fmt::print("\nparameters    {}: {} trained, {} frozen; {} as 32-bit numbers\n",
             totals.parameters,
             totals.trained,
             totals.parameters - totals.trained,
             size(totals.parameters * sizeof(float)));
  fmt::print("multiply-adds {:.2f} M an image, forward\n", static_cast<double>(totals.macs) * 1e-6);
  fmt::print("memory        {} of input and {} of layers' outputs for {} image{}, 16 bits each\n",
             size(input_bytes(graph, images)),
             size(totals.bytes),
             images,
             images == 1 ? "" : "s");
  fmt::print("contribution  {}\n", size(training::encoded_size(graph)));
}

void print_parameters(const nn::Graph& graph) {
  constexpr const char* kRow = "  {:<36} {:<16} {:>12}{}\n";
  fmt::print(fmt::runtime(kRow), "parameter", "shape", "elements", "");
  for (const nn::Parameter& p : graph.parameters()) {
    const bool own_rate = p.rate_scale != 1.0f;
    const std::string note = p.frozen   ? "  frozen"
                             : own_rate ? fmt::format("  learning rate x {}", p.rate_scale)
                                        : "";
    fmt::print(fmt::runtime(kRow), p.name, shape_text(p.shape), p.count, note);
  }
}

void add_layers(const nn::Graph& graph, uint32_t images, crypto::Json::Object& document) {
  const std::vector<Layer> layers = layers_of(graph, images);
  crypto::Json::Array rows;
  for (const Layer& layer : layers) {
    rows.emplace_back(crypto::Json::Object{{"name", layer.name},
                                           {"kind", layer.kind},
                                           {"output", layer.output},
                                           {"parameters", number(layer.parameters)},
                                           {"trained", number(layer.trained)},
                                           {"macs", number(layer.macs)},
                                           {"bytes", number(layer.bytes)}});
  }
  const Totals totals = totals_of(layers);
  document["layers"] = std::move(rows);
  document["parameters"] = parameters_json(graph);
  document["totals"] =
      crypto::Json::Object{{"parameters", number(totals.parameters)},
                           {"trained", number(totals.trained)},
                           {"macs", number(totals.macs)},
                           {"bytes", number(totals.bytes)},
                           {"input_bytes", number(input_bytes(graph, images))},
                           {"parameter_bytes", number(totals.parameters * sizeof(float))},
                           {"contribution_bytes", number(training::encoded_size(graph))},
                           {"images", number(images)}};
}

}  // namespace ginn::cli
