// Section 4 of docs/arithmetic.md: the networks, node by node.
#include <map>

#include "tests/oracle/oracle.h"

namespace ginn::oracle {

int Oracle::add_parameter(std::string name, std::vector<uint64_t> shape, Init init, uint64_t fan) {
  Parameter parameter;
  parameter.name = std::move(name);
  uint64_t size = 1;
  for (uint64_t extent : shape) size *= extent;
  parameter.shape = std::move(shape);
  parameter.init = init;
  parameter.fan = fan;
  parameter.value.assign(size, 0);
  parameter.velocity.assign(size, 0);
  parameters_.push_back(std::move(parameter));
  return static_cast<int>(parameters_.size()) - 1;
}

int Oracle::add_node(const Node& node) {
  nodes_.push_back(node);
  return static_cast<int>(nodes_.size()) - 1;
}

// A node of `kind` whose output is as large as its input.
Oracle::Node Oracle::node_like(int input, Kind kind, std::string name) const {
  const Node& in = nodes_[input];
  Node node;
  node.kind = kind;
  node.name = std::move(name);
  node.input = input;
  node.h = in.h;
  node.w = in.w;
  node.c = in.c;
  node.needs_gradient = in.needs_gradient;
  return node;
}

int Oracle::add_contraction(const std::string& name,
                            int input,
                            int k,
                            int size,
                            int stride,
                            int pad,
                            bool linear,
                            bool bias,
                            Init init,
                            int groups) {
  const Node& in = nodes_[input];
  Node node;
  node.kind = Kind::kContraction;
  node.name = name;
  node.input = input;
  node.h = (in.h + 2 * pad - size) / stride + 1;
  node.w = (in.w + 2 * pad - size) / stride + 1;
  node.c = k;
  node.window_h = node.window_w = size;
  node.stride = stride;
  node.pad = pad;
  node.groups = groups;
  node.needs_gradient = true;
  const uint64_t filters = static_cast<uint64_t>(k),
                 channels = static_cast<uint64_t>(in.c / groups);
  const uint64_t window = static_cast<uint64_t>(size) * static_cast<uint64_t>(size);
  std::vector<uint64_t> shape = {filters, channels};
  if (!linear) shape.insert(shape.end(), 2, static_cast<uint64_t>(size));
  const uint64_t fan = init == Init::kNormal ? filters * window : channels * window;
  node.weight = add_parameter(name + ".weight", shape, init, fan);
  if (bias) node.bias = add_parameter(name + ".bias", {filters}, init, fan);
  return add_node(node);
}

Oracle::Term Oracle::batch_norm_term(const std::string& name, int node) {
  const uint64_t channels = static_cast<uint64_t>(nodes_[node].c);
  Term term;
  term.kind = TermKind::kBatchNorm;
  term.node = node;
  term.parameter = add_parameter(name + ".weight", {channels}, Init::kOne, 0);
  add_parameter(name + ".bias", {channels}, Init::kZero, 0);
  term.batch_norm = static_cast<int>(batch_norms_.size());
  batch_norms_.push_back({});
  batch_norms_.back().name = name;
  return term;
}

Oracle::Term Oracle::bias_term(int node) const {
  Term term;
  term.kind = TermKind::kBias;
  term.node = node;
  term.parameter = nodes_[node].bias;
  return term;
}

int Oracle::add_activate(std::vector<Term> terms) {
  const Node& first = nodes_[terms[0].node];
  Node node;
  node.kind = Kind::kActivate;
  node.name = first.name + ".activate";
  node.h = first.h;
  node.w = first.w;
  node.c = first.c;
  node.needs_gradient = true;
  node.terms = std::move(terms);
  return add_node(node);
}

int Oracle::add_pool(
    Kind kind, const std::string& name, int input, int h, int w, int stride, int pad) {
  const Node& in = nodes_[input];
  Node node = node_like(input, kind, name);
  node.window_h = h;
  node.window_w = w;
  node.stride = stride;
  node.pad = pad;
  node.h = (in.h + 2 * pad - h) / stride + 1;
  node.w = (in.w + 2 * pad - w) / stride + 1;
  return add_node(node);
}

int Oracle::add_repeat(int input, int h, int w) {
  Node node = node_like(input, Kind::kRepeat, "repeat");
  node.h = h;
  node.w = w;
  return add_node(node);
}

int Oracle::add_adaptive(int input, int h, int w) {
  const Node& in = nodes_[input];
  if (in.h == h && in.w == w) return input;
  if (in.h % h == 0 && in.w % w == 0)
    return add_pool(Kind::kAvgPool, "avg_pool", input, in.h / h, in.w / w, in.h / h, 0);
  return add_repeat(input, h, w);
}

int Oracle::add_dropout(int input, double probability) {
  Node node = node_like(input, Kind::kDropout, "dropout" + std::to_string(dropouts_));
  node.layer = dropouts_++;
  node.probability = probability;
  return add_node(node);
}

int Oracle::add_flatten(int input) {
  Node node = node_like(input, Kind::kFlatten, "flatten");
  node.c = node.h * node.w * node.c;
  node.h = node.w = 1;
  return add_node(node);
}

// A layer with a bias, and its activate.
int Oracle::add_bias_layer(
    const std::string& name, int input, int k, int size, int pad, bool linear) {
  const int y = add_contraction(name, input, k, size, 1, pad, linear, true, Init::kUniform);
  return add_activate({bias_term(y)});
}

void Oracle::build_mlp() {
  int x = add_flatten(0);
  x = add_bias_layer("fc1", x, 256, 1, 0, true);
  x = add_bias_layer("fc2", x, 128, 1, 0, true);
  add_contraction("fc3", x, static_cast<int>(spec_.classes), 1, 1, 0, true, true, Init::kUniform);
}

void Oracle::build_lenet() {
  int x = add_bias_layer("conv1", 0, 6, 5, 2, false);
  x = add_pool(Kind::kMaxPool, "max_pool1", x, 2, 2, 2, 0);
  x = add_bias_layer("conv2", x, 16, 5, 0, false);
  x = add_pool(Kind::kMaxPool, "max_pool2", x, 2, 2, 2, 0);
  x = add_flatten(x);
  x = add_bias_layer("fc1", x, 120, 1, 0, true);
  x = add_bias_layer("fc2", x, 84, 1, 0, true);
  add_contraction("fc3", x, static_cast<int>(spec_.classes), 1, 1, 0, true, true, Init::kUniform);
}

Oracle::Term Oracle::shortcut(
    const std::string& name, int input, int k, int stride, bool projected) {
  if (!projected) {
    Term same;
    same.node = input;
    return same;
  }
  const int y =
      add_contraction(name + ".downsample.0", input, k, 1, stride, 0, false, false, Init::kNormal);
  return batch_norm_term(name + ".downsample.1", y);
}

int Oracle::add_block(const std::string& name, int input, int k, int stride) {
  const int y1 =
      add_contraction(name + ".conv1", input, k, 3, stride, 1, false, false, Init::kNormal);
  const int x1 = add_activate({batch_norm_term(name + ".bn1", y1)});
  const int y2 = add_contraction(name + ".conv2", x1, k, 3, 1, 1, false, false, Init::kNormal);
  std::vector<Term> terms = {batch_norm_term(name + ".bn2", y2)};
  const bool projected = stride == 2 || nodes_[input].c != k;
  terms.push_back(shortcut(name, input, k, stride, projected));
  return add_activate(terms);
}

void Oracle::build_small_resnet(int blocks) {
  const int y = add_contraction("conv1", 0, 16, 3, 1, 1, false, false, Init::kNormal);
  int x = add_activate({batch_norm_term("bn1", y)});
  for (int stage = 1; stage <= 3; ++stage)
    for (int block = 0; block < blocks; ++block)
      x = add_block("layer" + std::to_string(stage) + "." + std::to_string(block),
                    x,
                    8 << stage,
                    block == 0 && stage > 1 ? 2 : 1);
  end_with_average(x);
}

void Oracle::end_with_average(int x) {
  x = add_pool(Kind::kAvgPool, "avg_pool", x, nodes_[x].h, nodes_[x].w, 1, 0);
  x = add_flatten(x);
  add_contraction("fc", x, static_cast<int>(spec_.classes), 1, 1, 0, true, true, Init::kUniform);
}

int Oracle::add_bottleneck(const std::string& name, int input, int k, int stride, bool first) {
  const int y1 = add_contraction(name + ".conv1", input, k, 1, 1, 0, false, false, Init::kNormal);
  const int x1 = add_activate({batch_norm_term(name + ".bn1", y1)});
  const int y2 = add_contraction(name + ".conv2", x1, k, 3, stride, 1, false, false, Init::kNormal);
  const int x2 = add_activate({batch_norm_term(name + ".bn2", y2)});
  const int y3 = add_contraction(name + ".conv3", x2, 4 * k, 1, 1, 0, false, false, Init::kNormal);
  std::vector<Term> terms = {batch_norm_term(name + ".bn3", y3)};
  terms.push_back(shortcut(name, input, 4 * k, stride, first));
  return add_activate(terms);
}

void Oracle::build_resnet(const std::vector<int>& blocks, bool bottlenecks) {
  const int y = add_contraction("conv1", 0, 64, 7, 2, 3, false, false, Init::kNormal);
  int x = add_activate({batch_norm_term("bn1", y)});
  x = add_pool(Kind::kMaxPool, "max_pool1", x, 3, 3, 2, 1);
  for (int stage = 1; stage <= 4; ++stage)
    for (int block = 0; block < blocks[static_cast<size_t>(stage) - 1]; ++block) {
      const std::string name = "layer" + std::to_string(stage) + "." + std::to_string(block);
      const int stride = block == 0 && stage > 1 ? 2 : 1;
      const int k = 32 << stage;
      x = bottlenecks ? add_bottleneck(name, x, k, stride, block == 0)
                      : add_block(name, x, k, stride);
    }
  end_with_average(x);
}

int Oracle::add_classifier(const std::string& name, int input, int k) {
  const int y = add_contraction(name, input, k, 1, 1, 0, true, true, Init::kSmall);
  return k == static_cast<int>(spec_.classes) ? y : add_activate({bias_term(y)});
}

void Oracle::build_vgg(const std::vector<int>& convolutions, bool batch_norm) {
  const int channels[5] = {64, 128, 256, 512, 512};
  int x = 0;
  int module = 0;
  for (size_t stage = 0; stage < 5; ++stage) {
    for (int i = 0; i < convolutions[stage]; ++i) {
      const int y = add_contraction("features." + std::to_string(module),
                                    x,
                                    channels[stage],
                                    3,
                                    1,
                                    1,
                                    false,
                                    true,
                                    Init::kNormal);
      parameters_[nodes_[y].bias].init = Init::kZero;
      x = add_activate({batch_norm ? batch_norm_term("features." + std::to_string(module + 1), y)
                                   : bias_term(y)});
      module += batch_norm ? 3 : 2;
    }
    x = add_pool(Kind::kMaxPool, "max_pool" + std::to_string(stage + 1), x, 2, 2, 2, 0);
    ++module;
  }
  x = add_flatten(add_adaptive(x, 7, 7));
  x = add_dropout(add_classifier("classifier.0", x, 4096), 0.5);
  x = add_dropout(add_classifier("classifier.3", x, 4096), 0.5);
  add_classifier("classifier.6", x, static_cast<int>(spec_.classes));
}

// ResNet-50's kinds of nodes, small enough for plain loops.
void Oracle::build_mini_bottleneck() {
  const int y = add_contraction("conv1", 0, 8, 7, 2, 3, false, false, Init::kNormal);
  int x = add_activate({batch_norm_term("bn1", y)});
  x = add_pool(Kind::kMaxPool, "max_pool1", x, 3, 3, 2, 1);
  x = add_bottleneck("layer1.0", x, 4, 1, true);
  x = add_bottleneck("layer1.1", x, 4, 1, false);
  x = add_bottleneck("layer2.0", x, 8, 2, true);
  end_with_average(x);
}

// VGG's: a bias before batch norm, an average that repeats, dropouts of two probabilities.
void Oracle::build_mini_vgg() {
  const int y = add_contraction("features.0", 0, 6, 3, 1, 1, false, true, Init::kNormal);
  parameters_[nodes_[y].bias].init = Init::kZero;
  int x = add_activate({batch_norm_term("features.1", y)});
  x = add_pool(Kind::kMaxPool, "max_pool1", x, 2, 2, 2, 0);
  x = add_flatten(add_adaptive(x, 2 * nodes_[x].h, 3 * nodes_[x].w));
  x = add_dropout(add_classifier("classifier.0", x, 33), 0.5);
  x = add_dropout(add_classifier("classifier.3", x, 17), 0.2);
  add_classifier("classifier.6", x, static_cast<int>(spec_.classes));
}

Oracle::Term Oracle::add_normalised(const std::string& conv,
                                    const std::string& norm,
                                    int input,
                                    int k,
                                    int size,
                                    int stride,
                                    int groups) {
  const int y =
      add_contraction(conv, input, k, size, stride, size / 2, false, false, Init::kNormal, groups);
  return batch_norm_term(norm, y);
}

int Oracle::add_relu6(const Term& term) {
  const int x = add_activate({term});
  nodes_[x].six = true;
  return x;
}

int Oracle::add_linear_sum(std::vector<Term> terms) {
  const int x = add_activate(std::move(terms));
  nodes_[x].relu = false;
  return x;
}

int Oracle::add_inverted(const std::string& name, int input, int k, int expansion, int stride) {
  const int inputs = nodes_[input].c, wide = inputs * expansion;
  int module = 0, x = input;
  auto layer = [&](int of) {
    return name + ".conv." + std::to_string(module) + "." + std::to_string(of);
  };
  if (expansion != 1) {
    x = add_relu6(add_normalised(layer(0), layer(1), x, wide, 1, 1, 1));
    ++module;
  }
  x = add_relu6(add_normalised(layer(0), layer(1), x, wide, 3, stride, wide));
  ++module;
  const std::string conv = name + ".conv." + std::to_string(module);
  const std::string norm = name + ".conv." + std::to_string(module + 1);
  std::vector<Term> terms = {add_normalised(conv, norm, x, k, 1, 1, 1)};
  if (stride == 1 && inputs == k) terms.push_back(shortcut(name, input, k, 1, false));
  return add_linear_sum(terms);
}

void Oracle::build_mobilenet_v2() {
  const int stages[7][4] = {{1, 16, 1, 1},
                            {6, 24, 2, 2},
                            {6, 32, 3, 2},
                            {6, 64, 4, 2},
                            {6, 96, 3, 1},
                            {6, 160, 3, 2},
                            {6, 320, 1, 1}};
  int x = add_relu6(add_normalised("features.0.0", "features.0.1", 0, 32, 3, 2, 1));
  int module = 1;
  for (const auto& [expansion, k, blocks, stride] : stages)
    for (int block = 0; block < blocks; ++block, ++module)
      x = add_inverted(
          "features." + std::to_string(module), x, k, expansion, block == 0 ? stride : 1);
  x = add_relu6(add_normalised("features.18.0", "features.18.1", x, 1280, 1, 1, 1));
  x = add_dropout(add_flatten(add_adaptive(x, 1, 1)), 0.2);
  const int y = add_classifier("classifier.1", x, static_cast<int>(spec_.classes));
  parameters_[nodes_[y].bias].init = Init::kZero;
}

// MobileNet's kinds of nodes; groups of several channels, and a ReLU6 of a sum.
void Oracle::build_mini_mobile() {
  int x = add_relu6(add_normalised("conv0", "bn0", 0, 6, 3, 1, 1));
  x = add_inverted("block1", x, 6, 2, 1);
  x = add_inverted("block2", x, 8, 3, 2);
  Term same;
  same.node = x;
  x = add_activate({add_normalised("conv3", "bn3", x, 8, 3, 1, 4), same});
  nodes_[x].six = true;
  x = add_relu6(add_normalised("conv4", "bn4", x, 20, 5, 2, 4));
  x = add_dropout(add_flatten(add_adaptive(x, 1, 1)), 0.2);
  add_classifier("fc", x, static_cast<int>(spec_.classes));
}

int Oracle::add_elementwise(const std::string& name, int input, Function function) {
  Node node = node_like(input, Kind::kElementwise, name);
  node.function = function;
  return add_node(node);
}

int Oracle::add_concatenate(const std::vector<int>& inputs) {
  Node node = node_like(inputs[0], Kind::kConcatenate, "concatenate");
  node.inputs = inputs;
  node.c = 0;
  for (int input : inputs) node.c += nodes_[input].c;
  return add_node(node);
}

int Oracle::add_group_norm(const std::string& name, int input, int groups) {
  Node node = node_like(input, Kind::kGroupNorm, name);
  node.groups = groups;
  node.needs_gradient = true;
  const uint64_t channels = static_cast<uint64_t>(node.c);
  node.scale = add_parameter(name + ".weight", {channels}, Init::kOne, 0);
  add_parameter(name + ".bias", {channels}, Init::kZero, 0);
  return add_node(node);
}

// Four functions, one activation for three of them, and their concatenation.
void Oracle::build_mini_gates() {
  int x = add_linear_sum({add_normalised("conv0", "bn0", 0, 6, 3, 1, 1)});
  const int silu = add_elementwise("silu", x, Function::kSilu);
  const int gelu = add_elementwise("gelu", x, Function::kGelu);
  const int tanh = add_elementwise("tanh", x, Function::kTanh);
  x = add_concatenate({gelu, silu, x, tanh});
  const int wide = add_contraction("conv2", x, 9, 1, 1, 0, false, false, Init::kNormal);
  x = add_elementwise("silu2", add_group_norm("gn", wide, 3), Function::kSilu);
  x = add_group_norm("ln", x, 1);
  const int y = add_contraction("conv1", x, 5, 3, 2, 1, false, true, Init::kUniform);
  const int last = add_linear_sum({bias_term(y)});
  x = add_concatenate({add_elementwise("sigmoid", last, Function::kSigmoid), last});
  end_with_average(x);
}

int Oracle::add_softmax(const std::string& name, int input) {
  return add_node(node_like(input, Kind::kSoftmax, name));
}

int Oracle::add_pad(const std::string& mode, int input, int left, int right, int top, int bottom) {
  Node node = node_like(input, Kind::kPad, "pad" + std::to_string(nodes_.size()));
  node.pad_mode = mode;
  node.left = left;
  node.top = top;
  node.w += left + right;
  node.h += top + bottom;
  return add_node(node);
}

// Every pad, of the input too; softmax over channels and over features.
void Oracle::build_mini_edges() {
  int x = add_pad("reflect", 0, 2, 1, 1, 2);
  x = add_contraction("conv0", x, 6, 3, 1, 0, false, false, Init::kNormal);
  x = add_activate({batch_norm_term("bn0", x)});
  x = add_pad("replicate", x, 1, 0, 2, 1);
  x = add_contraction("conv1", x, 8, 3, 2, 0, false, true, Init::kUniform);
  x = add_linear_sum({bias_term(x)});
  x = add_pad("circular", add_concatenate({add_softmax("softmax1", x), x}), 1, 1, 1, 0);
  x = add_contraction("conv2", x, 7, 2, 1, 0, false, false, Init::kNormal);
  x = add_activate({batch_norm_term("bn2", x)});
  x = add_pad("reflect", x, 1, 3, 2, 0);
  x = add_contraction("conv3", x, 5, 3, 2, 0, false, true, Init::kUniform);
  x = add_softmax("softmax2", add_flatten(add_linear_sum({bias_term(x)})));
  add_contraction("fc", x, static_cast<int>(spec_.classes), 1, 1, 0, true, true, Init::kUniform);
}

// Nothing for an unknown name.
void Oracle::build_model() {
  if (spec_.model == "mlp") build_mlp();
  if (spec_.model == "lenet") build_lenet();
  const std::map<std::string, int> small = {
      {"resnet8", 1}, {"resnet20", 3}, {"resnet32", 5}, {"resnet44", 7}, {"resnet56", 9}};
  if (small.count(spec_.model) != 0) build_small_resnet(small.at(spec_.model));
  if (spec_.model == "resnet110") build_small_resnet(18);
  if (spec_.model == "resnet18") build_resnet({2, 2, 2, 2}, false);
  if (spec_.model == "resnet34") build_resnet({3, 4, 6, 3}, false);
  if (spec_.model == "resnet50") build_resnet({3, 4, 6, 3}, true);
  if (spec_.model == "resnet101") build_resnet({3, 4, 23, 3}, true);
  if (spec_.model == "resnet152") build_resnet({3, 8, 36, 3}, true);
  const std::map<std::string, std::vector<int>> vgg = {{"vgg11", {1, 1, 2, 2, 2}},
                                                       {"vgg13", {2, 2, 2, 2, 2}},
                                                       {"vgg16", {2, 2, 3, 3, 3}},
                                                       {"vgg19", {2, 2, 4, 4, 4}}};
  const std::string plain = spec_.model.substr(0, spec_.model.find('_'));
  if (vgg.count(plain) != 0) build_vgg(vgg.at(plain), plain != spec_.model);
  if (spec_.model == "mini_bottleneck") build_mini_bottleneck();
  if (spec_.model == "mini_vgg") build_mini_vgg();
  if (spec_.model == "mobilenet_v2") build_mobilenet_v2();
  if (spec_.model == "mini_mobile") build_mini_mobile();
  if (spec_.model == "mini_gates") build_mini_gates();
  if (spec_.model == "mini_edges") build_mini_edges();
}

}  // namespace ginn::oracle
