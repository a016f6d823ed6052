#include "nn/models.h"

#include "base/text.h"
#include "nn/architectures.h"

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

struct Model {
  std::string_view name;
  void (*build)(GraphBuilder&, uint32_t classes);
};

template <uint32_t kBlocks>
void small(GraphBuilder& g, uint32_t classes) {
  build_small_resnet(g, kBlocks, classes);
}
template <uint32_t... kBlocks>
void basic(GraphBuilder& g, uint32_t classes) {
  build_resnet(g, {kBlocks...}, false, classes);
}
template <uint32_t... kBlocks>
void bottleneck(GraphBuilder& g, uint32_t classes) {
  build_resnet(g, {kBlocks...}, true, classes);
}
template <bool kBatchNorm, uint32_t... kConvolutions>
void vgg(GraphBuilder& g, uint32_t classes) {
  build_vgg(g, {kConvolutions...}, kBatchNorm, classes);
}

constexpr Model kModels[] = {
    {"mlp", build_mlp},
    {"lenet", build_lenet},
    {"resnet8", small<1>},
    {"resnet20", small<3>},
    {"resnet32", small<5>},
    {"resnet44", small<7>},
    {"resnet56", small<9>},
    {"resnet110", small<18>},
    {"resnet18", basic<2, 2, 2, 2>},
    {"resnet34", basic<3, 4, 6, 3>},
    {"resnet50", bottleneck<3, 4, 6, 3>},
    {"resnet101", bottleneck<3, 4, 23, 3>},
    {"resnet152", bottleneck<3, 8, 36, 3>},
    {"vgg11", vgg<false, 1, 1, 2, 2, 2>},
    {"vgg13", vgg<false, 2, 2, 2, 2, 2>},
    {"vgg16", vgg<false, 2, 2, 3, 3, 3>},
    {"vgg19", vgg<false, 2, 2, 4, 4, 4>},
    {"vgg11_bn", vgg<true, 1, 1, 2, 2, 2>},
    {"vgg13_bn", vgg<true, 2, 2, 2, 2, 2>},
    {"vgg16_bn", vgg<true, 2, 2, 3, 3, 3>},
    {"vgg19_bn", vgg<true, 2, 2, 4, 4, 4>},
    {"mobilenet_v2", build_mobilenet_v2},
};

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
    auto graph = builder.finish();
    if (graph.ok()) return graph;
    return input_error("model_shape",
                       concat(graph.error().message,
                              "; ",
                              name,
                              " does not take images of ",
                              height,
                              " x ",
                              width,
                              " x ",
                              channels,
                              ": change their size (data.pad adds pixels) or take another model"));
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
