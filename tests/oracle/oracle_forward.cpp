// Section 5 of docs/arithmetic.md: the forward pass, in plain scalar loops.
#include <algorithm>
#include <cmath>
#include <utility>

#include "tests/oracle/oracle_primitives.h"

namespace ginn::oracle {

// ---- Section 5: forward ----

void Oracle::fail(const std::string& name) {
  if (failure_.empty()) failure_ = name;
}

// A failed step is carried on with an arbitrary exponent and thrown away at the end.
int Oracle::fit_or_fail(float m, int q_max, int lo, int hi, const std::string& name) {
  const std::optional<int> e = fit(m, q_max, lo, hi);
  if (!e) fail(name);
  return e.value_or(hi);
}

Tensor16 Oracle::quantised_input(const std::vector<uint8_t>& images, int n) {
  const Node& node = nodes_[0];
  std::vector<std::vector<float>> table(spec_.channels, std::vector<float>(256));
  float bound = 0;
  for (size_t c = 0; c < spec_.channels; ++c)
    for (int u = 0; u < 256; ++u) {
      const float v = (static_cast<float>(u) / 255.0F - static_cast<float>(spec_.mean[c])) /
                      static_cast<float>(spec_.std[c]);
      table[c][static_cast<size_t>(u)] = v;
      bound = larger(bound, std::fabs(v));
    }
  Tensor16 x = make_tensor({n, node.h, node.w, node.c});
  x.exponent = fit_or_fail(bound, spec_.operand_max, -60, 60, node.name);
  for (size_t i = 0; i < x.q.size(); ++i)
    x.q[i] =
        quant(table[i % spec_.channels][images[i]] * f32_power(-x.exponent), spec_.operand_max);
  return x;
}

Tensor16 Oracle::quantised_weight(const Node& node) {
  const Parameter& p = parameters_[node.weight];
  Tensor16 w =
      make_tensor({node.c, nodes_[node.input].c / node.groups, node.window_h, node.window_w});
  w.exponent = fit_or_fail(maxabs(p.value), spec_.operand_max, -60, 60, p.name);
  for (size_t i = 0; i < w.q.size(); ++i)
    w.q[i] = quant(p.value[i] * f32_power(-w.exponent), spec_.operand_max);
  return w;
}

// At most 2^20 products of 32767^2 a sum: below 2^50.
Tensor16 Oracle::contraction_forward(const Node& node, const Tensor16& x, const Tensor16& w) const {
  const auto [filters, channels, window_h, window_w] = w.shape;
  Tensor16 y = make_tensor({x.shape[0], node.h, node.w, filters});
  std::vector<int64_t> sums(y.q.size(), 0);
  const int group = filters / node.groups;  // filters of a group
  std::vector<int64_t> filter_max(node.groups, 0), window_max(node.groups, 0);  // F, P
  for (int k = 0; k < filters; ++k) {
    int64_t square = 0;
    for (int c = 0; c < channels; ++c)
      for (int r = 0; r < window_h; ++r)
        for (int s = 0; s < window_w; ++s) square += int64_t{w.at(k, c, r, s)} * w.at(k, c, r, s);
    filter_max[k / group] = std::max(filter_max[k / group], square);
  }
  for (int n = 0; n < x.shape[0]; ++n)
    for (int p = 0; p < node.h; ++p)
      for (int q = 0; q < node.w; ++q) {
        std::vector<int64_t> square(node.groups, 0);
        for (int r = 0; r < window_h; ++r)
          for (int s = 0; s < window_w; ++s) {
            const int h = p * node.stride - node.pad + r, v = q * node.stride - node.pad + s;
            if (h < 0 || h >= x.shape[1] || v < 0 || v >= x.shape[2]) continue;
            for (int c = 0; c < x.shape[3]; ++c)
              square[c / channels] += int64_t{x.at(n, h, v, c)} * x.at(n, h, v, c);
            for (int k = 0; k < filters; ++k) {
              const int first = k / group * channels;
              int64_t sum = 0;
              for (int c = 0; c < channels; ++c)
                sum += int64_t{x.at(n, h, v, first + c)} * w.at(k, c, r, s);
              sums[y.index(n, p, q, k)] += sum;
            }
          }
        for (int g = 0; g < node.groups; ++g) window_max[g] = std::max(window_max[g], square[g]);
      }
  const int s = groups_shift(filter_max, window_max);
  y.exponent = x.exponent + w.exponent + s;
  store_shifted(sums, s, y);
  return y;
}

void Oracle::batch_statistics(BatchNorm& norm, const Tensor16& y) const {
  const int channels = y.shape[3];
  const int64_t m = int64_t{y.shape[0]} * y.shape[1] * y.shape[2];
  std::vector<int64_t> s1(channels, 0), s2(channels, 0);  // |s1| < 2^41, s2 < 2^56
  for (size_t i = 0; i < y.q.size(); ++i) {
    s1[i % channels] += y.q[i];
    s2[i % channels] += int64_t{y.q[i]} * y.q[i];
  }
  norm.m = static_cast<double>(m);
  norm.mean.assign(channels, 0);
  norm.var.assign(channels, 0);
  for (int c = 0; c < channels; ++c) {
    norm.mean[c] = static_cast<double>(s1[c]) / norm.m;
    const int128 spread = static_cast<int128>(m) * s2[c] - static_cast<int128>(s1[c]) * s1[c];
    norm.var[c] = static_cast<double>(spread) / (norm.m * norm.m);
  }
}

Oracle::Affine Oracle::affine(const Term& term, Statistics statistics) {
  const Tensor16& y = outputs_[term.node];
  const int channels = y.shape[3];
  Affine out;
  out.a.assign(channels, f32_power(y.exponent));
  out.lo.assign(channels, std::numeric_limits<int32_t>::max());
  out.hi.assign(channels, std::numeric_limits<int32_t>::min());
  for (size_t i = 0; i < y.q.size(); ++i) {
    out.lo[i % channels] = std::min(out.lo[i % channels], y.q[i]);
    out.hi[i % channels] = std::max(out.hi[i % channels], y.q[i]);
  }
  const std::vector<float>& first = parameters_[term.parameter].value;
  if (term.kind == TermKind::kBias) {
    out.b = first;
    return out;
  }
  const std::vector<float>& beta = parameters_[term.parameter + 1].value;
  const double eps = 1e-5;
  BatchNorm& norm = batch_norms_[term.batch_norm];
  out.b.assign(channels, 0);
  norm.inv.assign(channels, 0);
  norm.t.assign(channels, 0);
  if (statistics == Statistics::kBatch) batch_statistics(norm, y);
  for (int c = 0; c < channels; ++c) {
    const double gamma = static_cast<double>(first[c]);
    if (statistics == Statistics::kBatch) {
      norm.inv[c] = 1.0 / std::sqrt(norm.var[c] + eps * f64_power(-2 * y.exponent));
      norm.t[c] = gamma * norm.inv[c];
      out.a[c] = static_cast<float>(norm.t[c]);
      out.b[c] = static_cast<float>(static_cast<double>(beta[c]) - norm.t[c] * norm.mean[c]);
    } else {
      const Running& running = running_[norm.name];
      const double i = 1.0 / std::sqrt(static_cast<double>(running.var[c]) + eps);
      out.a[c] = static_cast<float>((gamma * i) * f64_power(y.exponent));
      out.b[c] = static_cast<float>(static_cast<double>(beta[c]) -
                                    (gamma * i) * static_cast<double>(running.mean[c]));
    }
  }
  return out;
}

Tensor16 Oracle::activate_forward(const Node& node, Statistics statistics) {
  std::vector<Affine> affines;
  const bool one_sided =
      node.terms.size() == 1 && node.relu && node.terms[0].kind != TermKind::kSame;
  float bound = 0;
  for (size_t j = 0; j < node.terms.size(); ++j) {
    const Term& term = node.terms[j];
    Affine f;
    float term_bound = 0;
    if (term.kind == TermKind::kSame) {
      const Tensor16& x = outputs_[term.node];
      term_bound = static_cast<float>(maxabs(x)) * f32_power(x.exponent);
    } else {
      f = affine(term, statistics);
      for (size_t c = 0; c < f.a.size(); ++c) {
        const float low = std::fmaf(f.a[c], static_cast<float>(f.lo[c]), f.b[c]);
        const float high = std::fmaf(f.a[c], static_cast<float>(f.hi[c]), f.b[c]);
        term_bound = larger(term_bound, one_sided ? low : std::fabs(low));
        term_bound = larger(term_bound, one_sided ? high : std::fabs(high));
      }
    }
    bound = j == 0 ? term_bound : bound + term_bound;
    affines.push_back(std::move(f));
  }
  if (node.six && std::isfinite(bound)) bound = std::min(bound, 6.0F);
  Tensor16 out = make_tensor({n_, node.h, node.w, node.c});
  out.exponent = fit_or_fail(bound, spec_.operand_max, -60, 60, node.name);
  const float z = f32_power(-out.exponent);
  for (size_t i = 0; i < out.q.size(); ++i) {
    const size_t c = i % static_cast<size_t>(node.c);
    float v = 0;
    for (size_t j = 0; j < node.terms.size(); ++j) {
      const Tensor16& x = outputs_[node.terms[j].node];
      const float q = static_cast<float>(x.q[i]);
      const float value = node.terms[j].kind == TermKind::kSame
                              ? q * f32_power(x.exponent - out.exponent)
                              : std::fmaf(affines[j].a[c] * z, q, affines[j].b[c] * z);
      v = j == 0 ? value : v + value;
    }
    if (node.relu) v = v > 0 ? v : 0;
    if (node.six && v > 6.0F * z) v = 6.0F * z;
    out.q[i] = quant(v, spec_.operand_max);
  }
  return out;
}

Tensor16 Oracle::max_pool_forward(const Node& node, const Tensor16& x) const {
  Tensor16 out = make_tensor({x.shape[0], node.h, node.w, node.c});
  out.exponent = x.exponent;
  for (int n = 0; n < x.shape[0]; ++n)
    for (int p = 0; p < node.h; ++p)
      for (int q = 0; q < node.w; ++q)
        for (int c = 0; c < node.c; ++c) {
          int32_t best = std::numeric_limits<int32_t>::min();
          for (int r = 0; r < node.window_h; ++r)
            for (int s = 0; s < node.window_w; ++s) {
              const int h = p * node.stride + r - node.pad;
              const int w = q * node.stride + s - node.pad;
              if (h < 0 || h >= x.shape[1] || w < 0 || w >= x.shape[2]) continue;
              best = std::max(best, x.at(n, h, w, c));
            }
          out.q[out.index(n, p, q, c)] = best;
        }
  return out;
}

Tensor16 Oracle::repeat_forward(const Node& node, const Tensor16& x) const {
  Tensor16 out = make_tensor({x.shape[0], node.h, node.w, node.c});
  out.exponent = x.exponent;
  const int a = node.h / x.shape[1];
  const int b = node.w / x.shape[2];
  for (int n = 0; n < x.shape[0]; ++n)
    for (int p = 0; p < node.h; ++p)
      for (int q = 0; q < node.w; ++q)
        for (int c = 0; c < node.c; ++c) out.q[out.index(n, p, q, c)] = x.at(n, p / a, q / b, c);
  return out;
}

bool Oracle::dropped(const Node& node, int image, size_t element) const {
  const std::array<uint32_t, 4> words = philox_block(
      spec_.seed,
      kDropout,
      place_->step,
      place_->position + static_cast<uint32_t>(image),
      static_cast<uint32_t>(node.layer) * (1U << 24) + static_cast<uint32_t>(element / 4));
  return words[element % 4] < std::floor(std::ldexp(node.probability, 32));
}

Tensor16 Oracle::dropout_scaled(const Node& node, const Tensor16& x, int q_max) {
  Tensor16 out = make_tensor(x.shape);
  const float f = static_cast<float>(1.0 / (1.0 - node.probability));
  const float bound = (static_cast<float>(maxabs(x)) * f) * f32_power(x.exponent);
  out.exponent = fit_or_fail(bound, q_max, -60, 60, node.name);
  const float scale = f * f32_power(x.exponent - out.exponent);
  const size_t elements = x.q.size() / static_cast<size_t>(x.shape[0]);
  for (size_t i = 0; i < x.q.size(); ++i)
    if (!dropped(node, static_cast<int>(i / elements), i % elements))
      out.q[i] = quant(static_cast<float>(x.q[i]) * scale, q_max);
  return out;
}

Tensor16 Oracle::avg_pool_forward(const Node& node, const Tensor16& x) {
  Tensor16 out = make_tensor({x.shape[0], node.h, node.w, node.c});
  std::vector<int64_t> sums(out.q.size(), 0);
  int64_t sum_max = 0;
  for (int n = 0; n < x.shape[0]; ++n)
    for (int p = 0; p < node.h; ++p)
      for (int q = 0; q < node.w; ++q)
        for (int c = 0; c < node.c; ++c) {
          int64_t& sum = sums[out.index(n, p, q, c)];
          for (int r = 0; r < node.window_h; ++r)
            for (int s = 0; s < node.window_w; ++s)
              sum += x.at(n, p * node.stride + r, q * node.stride + s, c);
          sum_max = std::max(sum_max, std::abs(sum));
        }
  const float window = static_cast<float>(node.window_h * node.window_w);  // KK
  const float bound = (static_cast<float>(sum_max) / window) * f32_power(x.exponent);
  out.exponent = fit_or_fail(bound, spec_.operand_max, -60, 60, node.name);
  const float scale = f32_power(x.exponent - out.exponent);
  for (size_t i = 0; i < sums.size(); ++i)
    out.q[i] = quant((static_cast<float>(sums[i]) / window) * scale, spec_.operand_max);
  return out;
}

float Oracle::function_value(Function function, float x) {
  if (function == Function::kSigmoid) return sigmoid(x);
  if (function == Function::kTanh) return tanh(x);
  if (function == Function::kSilu) return x * sigmoid(x);
  return x * (0.5F * (1.0F + erf(x * 0.707106781F)));
}

float Oracle::function_slope(Function function, float x) {
  const float s = sigmoid(x);
  const float t = tanh(x);
  if (function == Function::kSigmoid) return s * (1.0F - s);
  if (function == Function::kTanh) return std::fmaf(-t, t, 1.0F);
  if (function == Function::kSilu) return s * std::fmaf(x, 1.0F - s, 1.0F);
  const float share = 0.5F * (1.0F + erf(x * 0.707106781F));
  return std::fmaf(x * 0.398942280F, exp(-0.5F * (x * x)), share);
}

Tensor16 Oracle::elementwise_forward(const Node& node, const Tensor16& x) {
  Tensor16 out = make_tensor(x.shape);
  const auto [lo, hi] = std::minmax_element(x.q.begin(), x.q.end());
  float bound = 0;
  for (int32_t q = *lo; q <= *hi; ++q) {
    const float v = static_cast<float>(q) * f32_power(x.exponent);
    bound = larger(bound, std::fabs(function_value(node.function, v)));
  }
  out.exponent = fit_or_fail(bound, spec_.operand_max, -60, 60, node.name);
  for (size_t i = 0; i < x.q.size(); ++i) {
    const float v = static_cast<float>(x.q[i]) * f32_power(x.exponent);
    out.q[i] =
        quant(function_value(node.function, v) * f32_power(-out.exponent), spec_.operand_max);
  }
  return out;
}

Tensor16 Oracle::concatenate_forward(const Node& node) const {
  Tensor16 out = make_tensor({n_, node.h, node.w, node.c});
  out.exponent = outputs_[node.inputs[0]].exponent;
  for (int input : node.inputs) out.exponent = std::max(out.exponent, outputs_[input].exponent);
  int first = 0;
  for (int input : node.inputs) {
    const Tensor16& x = outputs_[input];
    const auto [images, height, width, channels] = x.shape;
    for (int n = 0; n < images; ++n)
      for (int h = 0; h < height; ++h)
        for (int w = 0; w < width; ++w)
          for (int c = 0; c < channels; ++c)
            out.q[out.index(n, h, w, first + c)] = static_cast<int32_t>(
                shift_rne(x.at(n, h, w, c), std::min(out.exponent - x.exponent, 60)));
    first += channels;
  }
  return out;
}

Oracle::GroupStatistics Oracle::group_statistics(const Tensor16& x, int groups, int n, int g) {
  const auto [images, height, width, channels] = x.shape;
  const int size = channels / groups;
  const int64_t m = int64_t{height} * width * size;
  int64_t s1 = 0, s2 = 0;
  int32_t lo = kStorageMax, hi = -kStorageMax;
  for (int h = 0; h < height; ++h)
    for (int w = 0; w < width; ++w)
      for (int c = g * size; c < (g + 1) * size; ++c) {
        const int32_t q = x.at(n, h, w, c);
        s1 += q;
        s2 += int64_t{q} * q;
        lo = std::min(lo, q);
        hi = std::max(hi, q);
      }
  const double count = static_cast<double>(m);
  const int128 spread = static_cast<int128>(m) * s2 - static_cast<int128>(s1) * s1;
  const double var = static_cast<double>(spread) / (count * count);
  GroupStatistics out;
  out.mean = static_cast<double>(s1) / count;
  out.inv = 1.0 / std::sqrt(var + 1e-5 * f64_power(-2 * x.exponent));
  out.lo = static_cast<float>(lo);
  out.hi = static_cast<float>(hi);
  return out;
}

Tensor16 Oracle::group_norm_forward(const Node& node, const Tensor16& x) {
  const std::vector<float>& gamma = parameters_[node.scale].value;
  const std::vector<float>& beta = parameters_[node.scale + 1].value;
  const int size = node.c / node.groups;
  Tensor16 out = make_tensor(x.shape);
  std::vector<float> a, b;  // [n, c]
  float bound = 0;
  for (int n = 0; n < n_; ++n)
    for (int c = 0; c < node.c; ++c) {
      const GroupStatistics s = group_statistics(x, node.groups, n, c / size);
      const double t = static_cast<double>(gamma[c]) * s.inv;
      a.push_back(static_cast<float>(t));
      b.push_back(static_cast<float>(static_cast<double>(beta[c]) - t * s.mean));
      bound = larger(bound, std::fabs(std::fmaf(a.back(), s.lo, b.back())));
      bound = larger(bound, std::fabs(std::fmaf(a.back(), s.hi, b.back())));
    }
  out.exponent = fit_or_fail(bound, spec_.operand_max, -60, 60, node.name);
  const float z = f32_power(-out.exponent);
  const size_t channels = static_cast<size_t>(node.c);
  const size_t image = x.q.size() / static_cast<size_t>(n_);
  for (size_t i = 0; i < x.q.size(); ++i) {
    const size_t at = i / image * channels + i % channels;
    out.q[i] =
        quant(std::fmaf(a[at] * z, static_cast<float>(x.q[i]), b[at] * z), spec_.operand_max);
  }
  return out;
}

bool Oracle::forward(const std::vector<uint8_t>& images, Statistics statistics) {
  failure_.clear();
  tensors_.clear();
  const size_t pixels = size_t{spec_.height} * spec_.width * spec_.channels;
  if (nodes_.size() < 2 || pixels == 0 || images.empty() || images.size() % pixels != 0 ||
      spec_.mean.size() != spec_.channels || spec_.std.size() != spec_.channels) {
    fail("input");
    return false;
  }
  n_ = static_cast<int>(images.size() / pixels);
  outputs_.assign(nodes_.size(), {});
  weights_.assign(nodes_.size(), {});
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const Node& node = nodes_[i];
    const Tensor16& x = outputs_[node.input];
    switch (node.kind) {
      case Kind::kInput:
        outputs_[i] = quantised_input(images, n_);
        break;
      case Kind::kContraction:
        weights_[i] = quantised_weight(node);
        outputs_[i] = contraction_forward(node, x, weights_[i]);
        tensors_[node.name + ".weight"] = weights_[i];
        break;
      case Kind::kActivate:
        outputs_[i] = activate_forward(node, statistics);
        break;
      case Kind::kMaxPool:
        outputs_[i] = max_pool_forward(node, x);
        break;
      case Kind::kAvgPool:
        outputs_[i] = avg_pool_forward(node, x);
        break;
      case Kind::kRepeat:
        outputs_[i] = repeat_forward(node, x);
        break;
      case Kind::kDropout:
        outputs_[i] = place_ ? dropout_scaled(node, x, spec_.operand_max) : x;
        break;
      case Kind::kFlatten:
        outputs_[i] = flatten(x);
        break;
      case Kind::kElementwise:
        outputs_[i] = elementwise_forward(node, x);
        break;
      case Kind::kGroupNorm:
        outputs_[i] = group_norm_forward(node, x);
        break;
      case Kind::kSoftmax:
        outputs_[i] = softmax_forward(node, x);
        break;
      case Kind::kPad:
        outputs_[i] = pad_forward(node, x);
        break;
      case Kind::kConcatenate:
        outputs_[i] = concatenate_forward(node);
        break;
    }
    tensors_[node.name] = outputs_[i];
  }
  return failure_.empty();
}

std::vector<float> Oracle::logits() {
  const Node& node = nodes_.back();
  const Tensor16& y = outputs_.back();
  const std::vector<float>& bias = parameters_[node.bias].value;
  std::vector<float> out(y.q.size());
  for (size_t i = 0; i < out.size(); ++i) {
    const float b = bias[i % bias.size()];
    out[i] = std::fmaf(f32_power(y.exponent), static_cast<float>(y.q[i]), b);
    if (!std::isfinite(out[i])) fail("logits");
  }
  return out;
}

// The gradient operand of the last linear layer; also the reported loss and count.
Tensor16 Oracle::loss(const std::vector<uint32_t>& labels) {
  const size_t classes = spec_.classes;
  Tensor16 dy = make_tensor({n_, 1, 1, static_cast<int>(classes)});
  dy.exponent = spec_.operand_max == 8191 ? -13 : -15;
  loss_fixed_ = 0;
  correct_ = 0;
  const std::vector<float> l = logits();
  if (!failure_.empty()) return dy;
  const float alpha = static_cast<float>(spec_.label_smoothing);
  const float off = alpha / static_cast<float>(classes);
  for (size_t i = 0; i < labels.size(); ++i) {
    const float* row = l.data() + i * classes;
    float top = row[0];
    for (size_t k = 1; k < classes; ++k) top = row[k] > top ? row[k] : top;
    std::vector<int64_t> fixed(classes);
    int64_t sum = 0;  // Z
    for (size_t k = 0; k < classes; ++k) {
      const double x = static_cast<double>(exp(row[k] - top));
      fixed[k] = static_cast<int64_t>(std::nearbyint(x * f64_power(40)));
      sum += fixed[k];
    }
    double weighted = 0;
    size_t first_top = classes;
    for (size_t k = 0; k < classes; ++k) {
      const float d = row[k] - top;
      const float p = static_cast<float>(static_cast<double>(fixed[k]) / static_cast<double>(sum));
      const float target = k == labels[i] ? (1.0F - alpha) + off : off;
      dy.q[i * classes + k] = quant((p - target) * f32_power(-dy.exponent), spec_.operand_max);
      weighted += static_cast<double>(target) * static_cast<double>(d);
      if (d == 0 && first_top == classes) first_top = k;
    }
    const float z = static_cast<float>(static_cast<double>(sum) * f64_power(-40));
    double image_loss = static_cast<double>(log(z)) - weighted;
    // Reported only; kept inside int64 when the logits are absurd.
    if (!(image_loss < f64_power(20))) image_loss = f64_power(20);
    loss_fixed_ += static_cast<int64_t>(std::nearbyint(image_loss * f64_power(24)));
    if (first_top == labels[i]) ++correct_;
  }
  return dy;
}

}  // namespace ginn::oracle
