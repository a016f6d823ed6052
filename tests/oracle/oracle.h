#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ginn::oracle {

// What a training step depends on besides the data, in the words of docs/arithmetic.md.
struct Spec {
  // "mlp", "lenet", "mobilenet_v2", a ResNet or a VGG by its name, or one of the small networks of
  // the tests: "mini_bottleneck", "mini_vgg", "mini_mobile", "mini_gates", "mini_edges"; any other
  // name has no nodes.
  std::string model;
  uint32_t height = 0, width = 0, channels = 0, classes = 0;
  uint32_t microbatch = 0;    // n
  uint32_t microbatches = 0;  // M, contributions a step
  std::vector<double> mean, std;
  double clip_norm = 0, momentum = 0, weight_decay = 0, label_smoothing = 0;
  bool nesterov = false, decoupled = false;
  uint64_t seed = 0;
  int operand_max = 8191;  // Q of the operands: dfp14; 32767 for dfp16
};

enum class Init { kUniform, kNormal, kSmall, kOne, kZero };

struct Parameter {
  std::string name;
  std::vector<uint64_t> shape;
  Init init = Init::kZero;
  uint64_t fan = 0;  // fan_in of kUniform, fan_out of kNormal
  std::vector<float> value, velocity;
  bool frozen = false;  // set by tests, with the next
  float rate_scale = 1.0F;
};

// Integers q and one exponent: the values are q 2^exponent. Activations are [N,H,W,C] (after
// flatten [N,1,1,C]), weights [K,C/groups,KH,KW].
struct Tensor16 {
  std::array<int, 4> shape{};
  int exponent = 0;
  std::vector<int32_t> q;

  size_t index(int a, int b, int c, int d) const {
    return ((static_cast<size_t>(a) * shape[1] + b) * shape[2] + c) * shape[3] + d;
  }
  int32_t at(int a, int b, int c, int d) const { return q[index(a, b, c, d)]; }
};

// Section 1.
std::optional<int> fit(float m, int q_max, int lo, int hi);
int64_t shift_rne(int64_t i, int s);

// Section 2.
float exp(float x);
float log(float x);
float sigmoid(float x);
float tanh(float x);
float erf(float x);
float sinpi(float v);
float cospi(float v);

// Section 3.
enum Purpose : uint32_t { kInitialisation = 1, kOrder = 2, kAugmentation = 3, kDropout = 4 };
std::array<uint32_t, 4> philox_block(
    uint64_t seed, uint32_t purpose, uint64_t a, uint32_t b, uint32_t c);
uint32_t bounded(uint64_t seed, uint32_t purpose, uint64_t a, uint32_t b, uint64_t n);
std::vector<uint32_t> permutation(uint64_t seed, uint64_t epoch, uint32_t records);
// The records of step t, in the order of their positions in the batch.
std::vector<uint32_t> batch_records(
    uint64_t seed, uint32_t records, uint32_t batch, bool carry, uint64_t t);

struct Augment {
  uint32_t pad = 0, crop = 0;
  bool flip = false;
};
// One image [H,W,C]; the result is [H + 2 pad, W + 2 pad, C]. Zero bytes only, no offset and no
// mirroring when `training` is false.
std::vector<uint8_t> augment(const std::vector<uint8_t>& image,
                             uint32_t height,
                             uint32_t width,
                             uint32_t channels,
                             const Augment& rule,
                             bool training,
                             uint64_t seed,
                             uint64_t t,
                             uint32_t position);

// Section 9.
struct Schedule {
  enum Kind { kConstant, kCosine, kStep } kind = kConstant;
  double peak = 0, warmup = 0, gamma = 1;
  std::vector<double> milestones;
  uint64_t steps = 0;  // T
};
float learning_rate(const Schedule& schedule, uint64_t t);

// A whole training step in plain loops, written from docs/arithmetic.md alone and sharing no code
// with the engine. Everything else in the project is compared with it by memcmp.
class Oracle {
 public:
  explicit Oracle(Spec spec);

  std::vector<Parameter>& parameters() { return parameters_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }

  // Sections 5 to 7 for one microbatch: images u8 [n,H,W,C], already augmented. Encoded bytes;
  // nothing when the step fails or the sizes do not match.
  // `step` and `position`, of the first image in its batch, matter to dropout only.
  std::optional<std::vector<uint8_t>> contribution(const std::vector<uint8_t>& images,
                                                   const std::vector<uint32_t>& labels,
                                                   uint64_t step = 0,
                                                   uint32_t position = 0);
  // What the latest contribution() left behind. The names of tensors: "input", a layer's name for
  // its stored output, NODE.activate, "max_pool1", "avg_pool", "flatten"; in the backward pass
  // LAYER.dy, NODE.D (what a node sends to its input), NODE.g and, for weights, LAYER.weight.
  const std::map<std::string, Tensor16>& tensors() const { return tensors_; }
  const std::vector<std::vector<float>>& gradients() const { return gradients_; }  // G, unclipped
  int64_t loss_fixed() const { return loss_fixed_; }  // sum over the images, unit 2^-24
  uint32_t correct() const { return correct_; }
  const std::string& failure() const { return failure_; }  // the tensor that failed, or empty

  // Section 7's form and norm test, as the verifier applies them.
  bool form_ok(const std::vector<uint8_t>& contribution) const;
  bool norm_ok(const std::vector<uint8_t>& contribution) const;
  // Section 7's sum; false when the form is wrong (and nothing is added).
  bool accumulate(const std::vector<uint8_t>& contribution);
  bool apply(float rate);  // section 8 and an empty sum again; false when not finite
  std::vector<uint8_t> state_bytes() const;  // section 11, before the tree

  // Section 10.
  struct Running {
    std::vector<float> mean, var;
  };
  void begin_statistics();
  bool add_statistics(const std::vector<uint8_t>& images);  // one microbatch
  bool finish_statistics();
  std::map<std::string, Running>& running() { return running_; }  // by batch norm's name
  std::optional<std::vector<float>> evaluate_logits(const std::vector<uint8_t>& images);

 private:
  enum class Kind {
    kInput,
    kContraction,
    kActivate,
    kMaxPool,
    kAvgPool,
    kRepeat,
    kDropout,
    kFlatten,
    kElementwise,
    kConcatenate,
    kGroupNorm,
    kSoftmax,
    kPad
  };
  enum class Function { kSigmoid, kTanh, kSilu, kGelu };
  enum class TermKind { kBatchNorm, kBias, kSame };
  enum class Statistics { kBatch, kRunning };
  // Step and position in the batch of the first image, for dropout; none: no dropout.
  struct Place {
    uint64_t step = 0;
    uint32_t position = 0;
  };

  struct Term {
    TermKind kind = TermKind::kSame;
    int node = 0;        // the contraction y, or the activation x of same(x)
    int parameter = 0;   // bias, or gamma (beta follows it)
    int batch_norm = 0;  // index into batch_norms_
  };
  // A linear layer is a contraction over [N,1,1,C] with a 1x1 window.
  struct Node {
    Kind kind = Kind::kInput;
    std::string name;
    int input = 0;
    int h = 0, w = 0, c = 0;  // of the output
    int window_h = 1, window_w = 1, stride = 1, pad = 0, groups = 1;
    int weight = 0;                 // parameter
    int bias = -1;                  // parameter, or none
    bool relu = true, six = false;  // six: ReLU6
    int layer = 0;                  // counts dropouts
    double probability = 0;         // of dropout
    bool needs_gradient = false;    // false for the input and what is only a view of it
    std::vector<Term> terms;
    Function function = Function::kSigmoid;
    std::vector<int> inputs;  // of a concatenation
    int scale = 0;            // of a group norm: gamma; beta follows it
    std::string pad_mode;     // of a pad: "reflect", "replicate", "circular"
    int left = 0, top = 0;    // its borders there
  };
  struct BatchNorm {
    std::string name;
    double m = 0;                           // values a channel
    std::vector<double> mean, var, inv, t;  // of the present microbatch, per channel
    std::vector<int64_t> mean_sum, var_sum;
  };
  struct Affine {  // a term as fma(a_c, q, b_c), with the range of q per channel
    std::vector<float> a, b;
    std::vector<int32_t> lo, hi;
  };

  // Model (oracle_models.cpp).
  void build_model();
  int add_node(const Node& node);
  Node node_like(int input, Kind kind, std::string name) const;
  int add_parameter(std::string name, std::vector<uint64_t> shape, Init init, uint64_t fan);
  int add_contraction(const std::string& name,
                      int input,
                      int k,
                      int size,
                      int stride,
                      int pad,
                      bool linear,
                      bool bias,
                      Init init,
                      int groups = 1);
  int add_activate(std::vector<Term> terms);
  // Without bias, with batch norm.
  Term add_normalised(const std::string& conv,
                      const std::string& norm,
                      int input,
                      int k,
                      int size,
                      int stride,
                      int groups);
  int add_relu6(const Term& term);
  int add_linear_sum(std::vector<Term> terms);  // without ReLU
  int add_pool(Kind kind, const std::string& name, int input, int h, int w, int stride, int pad);
  int add_repeat(int input, int h, int w);
  int add_adaptive(int input, int h, int w);
  int add_dropout(int input, double probability);
  int add_flatten(int input);
  Term batch_norm_term(const std::string& name, int node);
  // A block's other way: its input, or that brought to the block's extent by a 1x1 convolution.
  Term shortcut(const std::string& name, int input, int k, int stride, bool projected);
  Term bias_term(int node) const;
  int add_bias_layer(const std::string& name, int input, int k, int size, int pad, bool linear);
  int add_block(const std::string& name, int input, int k, int stride);
  int add_bottleneck(const std::string& name, int input, int k, int stride, bool first);
  int add_classifier(const std::string& name, int input, int k);
  void build_mlp();
  void build_lenet();
  void build_small_resnet(int blocks);
  void build_resnet(const std::vector<int>& blocks, bool bottlenecks);
  void build_vgg(const std::vector<int>& convolutions, bool batch_norm);
  void build_mini_bottleneck();
  void build_mini_vgg();
  int add_inverted(const std::string& name, int input, int k, int expansion, int stride);
  void build_mobilenet_v2();
  void build_mini_mobile();
  int add_elementwise(const std::string& name, int input, Function function);
  int add_concatenate(const std::vector<int>& inputs);
  int add_group_norm(const std::string& name, int input, int groups);
  void build_mini_gates();
  int add_softmax(const std::string& name, int input);
  int add_pad(const std::string& mode, int input, int left, int right, int top, int bottom);
  void build_mini_edges();
  void end_with_average(int x);
  void initialise();

  // Forward.
  int fit_or_fail(float m, int q_max, int lo, int hi, const std::string& name);
  void fail(const std::string& name);
  bool forward(const std::vector<uint8_t>& images, Statistics statistics);
  Tensor16 quantised_input(const std::vector<uint8_t>& images, int n);
  Tensor16 quantised_weight(const Node& node);
  Tensor16 contraction_forward(const Node& node, const Tensor16& x, const Tensor16& w) const;
  void batch_statistics(BatchNorm& norm, const Tensor16& y) const;
  Affine affine(const Term& term, Statistics statistics);
  Tensor16 activate_forward(const Node& node, Statistics statistics);
  Tensor16 max_pool_forward(const Node& node, const Tensor16& x) const;
  Tensor16 repeat_forward(const Node& node, const Tensor16& x) const;
  bool dropped(const Node& node, int image, size_t element) const;
  // Both passes: what is not dropped times f, in a format of `q_max`.
  Tensor16 dropout_scaled(const Node& node, const Tensor16& x, int q_max);
  Tensor16 avg_pool_forward(const Node& node, const Tensor16& x);
  static float function_value(Function function, float x);
  static float function_slope(Function function, float x);
  Tensor16 elementwise_forward(const Node& node, const Tensor16& x);
  Tensor16 concatenate_forward(const Node& node) const;
  struct GroupStatistics {
    double mean = 0, inv = 0;
    float lo = 0, hi = 0;
  };
  // Of image n's group g of a tensor.
  static GroupStatistics group_statistics(const Tensor16& x, int groups, int n, int g);
  Tensor16 group_norm_forward(const Node& node, const Tensor16& x);
  Tensor16 softmax_forward(const Node& node, const Tensor16& x);
  Tensor16 pad_forward(const Node& node, const Tensor16& x) const;
  std::vector<float> logits();
  Tensor16 loss(const std::vector<uint32_t>& labels);

  // Backward.
  void backward(Tensor16 loss_gradient);
  Tensor16 joined(int node);
  void send(const Node& from, int to, Tensor16 d);
  void activate_backward(const Node& node, Tensor16 g);
  void bias_backward(const Term& term, const Tensor16& g);
  void batch_norm_backward(const Term& term, const Tensor16& g);
  void weight_gradient(const Node& node, const Tensor16& dy);
  Tensor16 contraction_backward(const Node& node, const Tensor16& dy) const;
  Tensor16 max_pool_backward(const Node& node, const Tensor16& d_out) const;
  Tensor16 repeat_backward(const Node& node, const Tensor16& d_out) const;
  Tensor16 avg_pool_backward(const Node& node, const Tensor16& d_out);
  Tensor16 elementwise_backward(const Node& node, const Tensor16& d_out);
  void concatenate_backward(const Node& node, const Tensor16& d_out);
  void group_norm_backward(const Node& node, const Tensor16& g);
  Tensor16 softmax_backward(const Node& node, const Tensor16& d_out);
  Tensor16 pad_backward(const Node& node, const Tensor16& d_out) const;
  void bias_gradient(int parameter, const Tensor16& g);
  std::vector<uint8_t> clip_and_encode();

  Spec spec_;
  std::vector<Parameter> parameters_;
  std::vector<Node> nodes_;  // the last one is the linear layer that makes the logits
  std::vector<BatchNorm> batch_norms_;
  std::map<std::string, Running> running_;
  int64_t statistics_count_ = 0;  // B

  int dropouts_ = 0;
  std::optional<Place> place_;
  int n_ = 0;  // images in the present microbatch
  std::string failure_;
  std::vector<Tensor16> outputs_, weights_, dy_;  // by node
  std::vector<std::vector<Tensor16>> received_;   // by node: the D's, consumers ascending
  std::map<std::string, Tensor16> tensors_;
  std::vector<std::vector<float>> gradients_;
  int64_t loss_fixed_ = 0;
  uint32_t correct_ = 0;
  std::vector<std::vector<int64_t>> sums_;  // unit 2^-40
};

}  // namespace ginn::oracle
