#include "nn/models.h"

#include <array>

#include "base/text.h"

namespace ginn::nn {
namespace {

void build_mlp(GraphBuilder& g, uint32_t classes) {
  ValueId x = g.flatten(Graph::kInput);
  x = g.activate({g.bias(g.linear(x, "fc1", 256))}, true);
  x = g.activate({g.bias(g.linear(x, "fc2", 128))}, true);
  g.loss(g.linear(x, "fc3", classes));
}

ValueId biased_conv(
    GraphBuilder& g, ValueId x, const std::string& name, uint32_t channels, uint32_t padding) {
  ConvOptions options;
  options.channels = channels;
  options.kernel = 5;
  options.padding = padding;
  options.bias = true;
  return g.activate({g.bias(g.conv2d(x, name, options))}, true);
}

// LeCun et al. 1998, as it is usually written today: ReLU, max pooling.
void build_lenet(GraphBuilder& g, uint32_t classes) {
  ValueId x = biased_conv(g, Graph::kInput, "conv1", 6, 2);
  x = g.max_pool(x, 2, 2);
  x = biased_conv(g, x, "conv2", 16, 0);
  x = g.max_pool(x, 2, 2);
  x = g.flatten(x);
  x = g.activate({g.bias(g.linear(x, "fc1", 120))}, true);
  x = g.activate({g.bias(g.linear(x, "fc2", 84))}, true);
  g.loss(g.linear(x, "fc3", classes));
}

ConvOptions residual_conv(uint32_t channels, uint32_t kernel, uint32_t stride) {
  ConvOptions options;
  options.channels = channels;
  options.kernel = kernel;
  options.stride = stride;
  options.padding = kernel / 2;
  options.initialiser = Initialiser::kNormalFanOut;
  return options;
}

ValueId basic_block(GraphBuilder& g,
                    ValueId x,
                    const std::string& name,
                    uint32_t channels,
                    uint32_t stride,
                    bool downsample) {
  const ValueId y1 = g.conv2d(x, name + ".conv1", residual_conv(channels, 3, stride));
  const ValueId a1 = g.activate({g.batch_norm(y1, name + ".bn1")}, true);
  const ValueId y2 = g.conv2d(a1, name + ".conv2", residual_conv(channels, 3, 1));
  const Term main = g.batch_norm(y2, name + ".bn2");
  if (!downsample) return g.activate({main, g.same(x)}, true);
  const ValueId y3 = g.conv2d(x, name + ".downsample.0", residual_conv(channels, 1, stride));
  return g.activate({main, g.batch_norm(y3, name + ".downsample.1")}, true);
}

// He et al. 2016, section 4.2: 6 n + 2 layers for small images.
void build_resnet(GraphBuilder& g, uint32_t blocks, uint32_t classes) {
  uint32_t channels = 16;
  ValueId x = g.conv2d(Graph::kInput, "conv1", residual_conv(channels, 3, 1));
  x = g.activate({g.batch_norm(x, "bn1")}, true);
  for (uint32_t stage = 0; stage < 3; ++stage) {
    for (uint32_t block = 0; block < blocks; ++block) {
      const bool first = stage > 0 && block == 0;
      if (first) channels *= 2;
      x = basic_block(g, x, concat("layer", stage + 1, ".", block), channels, first ? 2 : 1, first);
    }
  }
  x = g.flatten(g.global_average_pool(x));
  g.loss(g.linear(x, "fc", classes));
}

struct Model {
  std::string_view name;
  void (*build)(GraphBuilder&, uint32_t classes);
};

constexpr std::array<Model, 4> kModels = {{
    {"mlp", build_mlp},
    {"lenet", build_lenet},
    {"resnet8", [](GraphBuilder& g, uint32_t classes) { build_resnet(g, 1, classes); }},
    {"resnet20", [](GraphBuilder& g, uint32_t classes) { build_resnet(g, 3, classes); }},
}};

}  // namespace

std::vector<std::string_view> model_names() {
  std::vector<std::string_view> names;
  for (const Model& model : kModels) names.push_back(model.name);
  return names;
}

Result<Graph> build_model(
    std::string_view name, uint32_t height, uint32_t width, uint32_t channels, uint32_t classes) {
  for (const Model& model : kModels) {
    if (model.name != name) continue;
    GraphBuilder builder({height, width, channels});
    model.build(builder, classes);
    return builder.finish();
  }
  std::string known;
  for (const Model& model : kModels) known += concat(known.empty() ? "" : ", ", model.name);
  return input_error("unknown_model",
                     concat("no model is called \"", printable(name), "\"; known: ", known));
}

Status check_model(
    std::string_view name, uint32_t height, uint32_t width, uint32_t channels, uint32_t classes) {
  GINN_TRY(build_model(name, height, width, channels, classes));
  return ok_status();
}

}  // namespace ginn::nn
