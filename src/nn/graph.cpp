#include "nn/graph.h"

#include "base/text.h"
#include "nn/activate.h"
#include "nn/conv2d.h"
#include "nn/loss.h"

namespace ginn::nn {

uint64_t Graph::macs() const {
  uint64_t total = 0;
  for (const auto& operation : operations_) total += operation->macs();
  return total;
}

// Operation number i makes value i + 1; a contraction's output has one reader.
bool Graph::passes_by(ValueId value) const {
  if (value == kInput || value >= operations_.size()) return false;
  const Operation& next = *operations_[value];
  const std::vector<ValueId> inputs = next.inputs();
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] == value) return next.reads_contraction(i) && !next.reads_backward(i);
  }
  return false;
}

size_t Graph::trainable_count() const {
  size_t count = 0;
  for (const Parameter& parameter : parameters_) count += parameter.frozen ? 0 : parameter.count;
  return count;
}

void Graph::set_training(const std::vector<bool>& frozen, const std::vector<float>& rate_scales) {
  GINN_CHECK(frozen.size() == parameters_.size() && rate_scales.size() == parameters_.size());
  for (size_t p = 0; p < parameters_.size(); ++p) {
    parameters_[p].frozen = frozen[p];
    parameters_[p].rate_scale = rate_scales[p];
  }
  find_gradients();
}

// Operation number i makes value i + 1, but for the loss, which comes last and always has its part.
void Graph::find_gradients() {
  needs_backward_.assign(operations_.size(), true);
  for (size_t i = 0; i + 1 < operations_.size(); ++i) {
    bool needs = false;
    for (ValueId input : operations_[i]->inputs()) needs = needs || values_[input].needs_gradient;
    for (size_t p : operations_[i]->parameters()) needs = needs || !parameters_[p].frozen;
    values_[i + 1].needs_gradient = needs;
    needs_backward_[i] = needs;
  }
}

GraphBuilder::GraphBuilder(Extent input) { add_value(input, false); }

ValueId GraphBuilder::add_value(Extent extent, bool needs_gradient) {
  graph_.values_.push_back({extent, needs_gradient});
  bias_of_.push_back(kNoParameter);
  return static_cast<ValueId>(graph_.values_.size() - 1);
}

size_t GraphBuilder::add_parameter(Parameter parameter) {
  parameter.count = 1;
  for (uint64_t size : parameter.shape) parameter.count *= size;
  parameter.offset = graph_.parameter_count_;
  graph_.parameter_count_ += parameter.count;
  graph_.parameters_.push_back(std::move(parameter));
  return graph_.parameters_.size() - 1;
}

void GraphBuilder::fail(std::string message) {
  if (problem_.empty()) problem_ = std::move(message);
}

ValueId GraphBuilder::contraction(ValueId x, const std::string& name, const Contraction& c) {
  const device::ConvShape& shape = c.shape;
  const ValueId y = add_value(c.output, true);
  Parameter weight;
  weight.name = name + ".weight";
  weight.shape = {shape.k, shape.c / shape.groups};
  if (!c.linear) weight.shape.insert(weight.shape.end(), {shape.kernel_h, shape.kernel_w});
  weight.initialiser = c.initialiser;
  weight.fan_in = uint64_t{shape.kernel_h} * shape.kernel_w * (shape.c / shape.groups);
  weight.fan_out = uint64_t{shape.kernel_h} * shape.kernel_w * shape.k;
  Conv2d::Config config;
  config.name = name;
  config.input = x;
  config.output = y;
  config.shape = shape;
  config.linear = c.linear;
  config.input_gradient = graph_.values_[x].needs_gradient;
  config.weight = add_parameter(weight);
  config.weight_offset = graph_.parameters_[config.weight].offset;
  graph_.operations_.push_back(std::make_unique<Conv2d>(std::move(config)));
  if (c.bias) {
    Parameter bias;
    bias.name = name + ".bias";
    bias.shape = {shape.k};
    bias.initialiser = c.bias_initialiser;
    bias.fan_in = weight.fan_in;
    bias_of_[y] = add_parameter(std::move(bias));
  }
  return y;
}

ValueId GraphBuilder::conv2d(ValueId x, const std::string& name, const ConvOptions& options) {
  if (!problem_.empty()) return Graph::kInput;
  const Extent in = extent(x);
  device::ConvShape shape;
  shape.h = in.h;
  shape.w = in.w;
  shape.c = in.c;
  shape.k = options.channels;
  shape.kernel_h = options.kernel;
  shape.kernel_w = options.kernel;
  shape.stride = options.stride;
  shape.padding = options.padding;
  shape.groups = options.groups;
  if (options.groups == 0 || in.c % options.groups != 0 || options.channels % options.groups != 0) {
    fail(concat("layer ",
                name,
                ": ",
                options.groups,
                " groups do not divide ",
                in.c,
                " input and ",
                options.channels,
                " output channels"));
    return Graph::kInput;
  }
  if (!shape.valid()) {
    fail(concat("layer ",
                name,
                ": a ",
                options.kernel,
                " x ",
                options.kernel,
                " convolution with padding ",
                options.padding,
                " does not fit an input of ",
                in.h,
                " x ",
                in.w,
                " x ",
                in.c));
    return Graph::kInput;
  }
  return contraction(x,
                     name,
                     {shape,
                      {shape.out_h(), shape.out_w(), shape.k},
                      false,
                      options.bias,
                      options.initialiser,
                      options.bias_initialiser});
}

ValueId GraphBuilder::linear(ValueId x, const std::string& name, uint32_t outputs) {
  LinearOptions options;
  options.outputs = outputs;
  return linear(x, name, options);
}

ValueId GraphBuilder::linear(ValueId x, const std::string& name, const LinearOptions& options) {
  if (!problem_.empty()) return Graph::kInput;
  const Extent in = extent(x);
  device::ConvShape shape;
  shape.c = in.c;
  shape.k = options.outputs;
  if (in.h != 1 || in.w != 1) {
    fail(concat("layer ", name, ": expects a flat input, found ", in.h, " x ", in.w, " x ", in.c));
    return Graph::kInput;
  }
  if (!shape.valid()) {
    fail(concat("layer ",
                name,
                ": ",
                in.c,
                " inputs and ",
                options.outputs,
                " outputs; allowed are 1 to 65535 of each"));
    return Graph::kInput;
  }
  return contraction(
      x, name, {shape, {1, 1, shape.k}, true, true, options.initialiser, options.bias_initialiser});
}

size_t GraphBuilder::add_scale_and_shift(const std::string& name, uint32_t channels) {
  Parameter gamma;
  gamma.name = name + ".weight";
  gamma.shape = {channels};
  gamma.initialiser = Initialiser::kOne;
  Parameter beta;
  beta.name = name + ".bias";
  beta.shape = {channels};
  beta.initialiser = Initialiser::kZero;
  const size_t index = add_parameter(std::move(gamma));
  add_parameter(std::move(beta));
  return index;
}

// Every operation but the loss makes one value, in order; the first value is the input.
bool GraphBuilder::is_contraction(ValueId value) const {
  return value > 0 && dynamic_cast<const Conv2d*>(graph_.operations_[value - 1].get()) != nullptr;
}

Term GraphBuilder::batch_norm(ValueId y, const std::string& name) {
  Term term;
  term.kind = Term::Kind::kBatchNorm;
  term.source = y;
  if (!problem_.empty()) return term;
  const uint32_t channels = extent(y).c;
  term.parameter = add_scale_and_shift(name, channels);
  term.batch_norm = graph_.batch_norms_.size();
  graph_.batch_norms_.push_back({name, channels, graph_.batch_norm_channels_});
  graph_.batch_norm_channels_ += channels;
  return term;
}

Term GraphBuilder::bias(ValueId y) {
  Term term;
  term.kind = Term::Kind::kBias;
  term.source = y;
  if (!problem_.empty()) return term;
  term.parameter = bias_of_[y];
  GINN_CHECK(term.parameter != kNoParameter);
  return term;
}

Term GraphBuilder::same(ValueId activation) {
  Term term;
  term.kind = Term::Kind::kSame;
  term.source = activation;
  return term;
}

ValueId GraphBuilder::activate(std::vector<Term> terms, Activation activation) {
  if (!problem_.empty()) return Graph::kInput;
  GINN_CHECK(terms.size() == 1 || terms.size() == 2);
  const Extent shape = extent(terms[0].source);
  for (const Term& term : terms) {
    if (!(extent(term.source) == shape)) {
      fail("a residual sum of tensors of different shapes");
      return Graph::kInput;
    }
  }
  Activate::Config config;
  const size_t parameter = terms[0].parameter;
  config.name = parameter == kNoParameter ? "add" : graph_.parameters_[parameter].name;
  config.name = config.name.substr(0, config.name.rfind('.'));
  config.activation = activation;
  config.extent = shape;
  config.terms = std::move(terms);
  config.output = add_value(shape, true);
  const ValueId output = config.output;
  graph_.operations_.push_back(std::make_unique<Activate>(std::move(config)));
  return output;
}

ValueId GraphBuilder::add(Extent output, bool needs_gradient, const MakeOperation& make) {
  if (!problem_.empty()) return Graph::kInput;
  const ValueId value = add_value(output, needs_gradient);
  graph_.operations_.push_back(make(value));
  return value;
}

void GraphBuilder::loss(ValueId logits) {
  if (!problem_.empty()) return;
  GINN_CHECK(bias_of_[logits] != kNoParameter);
  Loss::Config config;
  config.name = "loss";
  config.logits = logits;
  config.bias = bias_of_[logits];
  config.classes = extent(logits).c;
  graph_.classes_ = config.classes;
  graph_.operations_.push_back(std::make_unique<Loss>(std::move(config)));
}

// Every value but the input has a reader: a contraction's output one, of those that send its kind
// of gradient, an activation kMostReaders at most. Else the backward pass could not go on.
void GraphBuilder::check_readers() {
  std::vector<size_t> readers(graph_.values_.size(), 0);
  for (const auto& operation : graph_.operations_) {
    const std::vector<ValueId> inputs = operation->inputs();
    for (size_t i = 0; i < inputs.size(); ++i) {
      const ValueId x = inputs[i];
      ++readers[x];
      const bool contraction = is_contraction(x);
      if (contraction && !operation->reads_contraction(i)) {
        fail(concat("layer ",
                    operation->name(),
                    ": reads the output of ",
                    graph_.operations_[x - 1]->name(),
                    " itself; expected an activation: put activate() between them"));
      }
      const size_t most = contraction ? 1 : kMostReaders;
      if (x != Graph::kInput && readers[x] > most) {
        fail(concat("layer ",
                    operation->name(),
                    ": is reader ",
                    readers[x],
                    " of the output of ",
                    graph_.operations_[x - 1]->name(),
                    "; expected at most ",
                    most));
      }
    }
  }
  for (size_t x = 1; x < readers.size(); ++x) {
    if (readers[x] > 0) continue;
    fail(concat("layer ", graph_.operations_[x - 1]->name(), ": nothing reads its output"));
  }
}

Result<Graph> GraphBuilder::finish() {
  if (problem_.empty()) check_readers();
  if (!problem_.empty()) return input_error("model_shape", problem_);
  GINN_CHECK(graph_.classes_ > 0 && graph_.values_.size() == graph_.operations_.size());
  graph_.find_gradients();
  return std::move(graph_);
}

}  // namespace ginn::nn
