// Section 6 of docs/arithmetic.md: the backward pass, in plain scalar loops.
#include <algorithm>
#include <cmath>
#include <utility>

#include "tests/oracle/oracle_primitives.h"

namespace ginn::oracle {

// ---- Section 6: backward ----

void Oracle::send(const Node& from, int to, Tensor16 d) {
  tensors_[from.name + ".D"] = d;
  // Nodes run in reverse: the newest consumer is the lowest one.
  received_[to].insert(received_[to].begin(), std::move(d));
}

// The consumers' gradients of one tensor, joined.
Tensor16 Oracle::joined(int node) {
  const std::vector<Tensor16>& all = received_[node];
  if (all.size() == 1) return all[0];
  Tensor16 g = make_tensor(all[0].shape);
  float bound = 0;
  for (size_t j = 0; j < all.size(); ++j) {
    const float one = static_cast<float>(maxabs(all[j])) * f32_power(all[j].exponent);
    bound = j == 0 ? one : bound + one;
  }
  g.exponent = fit_or_fail(bound, kStorageMax, -60, 60, nodes_[node].name + ".g");
  for (size_t i = 0; i < g.q.size(); ++i) {
    float v = 0;
    for (size_t j = 0; j < all.size(); ++j) {
      const float one = static_cast<float>(all[j].q[i]) * f32_power(all[j].exponent - g.exponent);
      v = j == 0 ? one : v + one;
    }
    g.q[i] = quant(v, kStorageMax);
  }
  return g;
}

// Biases and beta: the integer sum per channel, |sum| < 2^41.
void Oracle::bias_gradient(int parameter, const Tensor16& g) {
  std::vector<int64_t> sums(parameters_[parameter].value.size(), 0);
  for (size_t i = 0; i < g.q.size(); ++i) sums[i % sums.size()] += g.q[i];
  gradients_[parameter].resize(sums.size());
  for (size_t c = 0; c < sums.size(); ++c)
    gradients_[parameter][c] = static_cast<float>(
        (static_cast<double>(sums[c]) * f64_power(g.exponent)) / static_cast<double>(n_));
}

void Oracle::bias_backward(const Term& term, const Tensor16& g) {
  bias_gradient(term.parameter, g);
  const int s = range_shift(maxabs(g), spec_.operand_max);
  Tensor16 dy = g;
  dy.exponent = g.exponent + s;
  for (int32_t& q : dy.q) q = static_cast<int32_t>(shift_rne(q, s));
  dy_[term.node] = dy;
}

void Oracle::batch_norm_backward(const Term& term, const Tensor16& g) {
  const Tensor16& y = outputs_[term.node];
  const BatchNorm& norm = batch_norms_[term.batch_norm];
  const size_t channels = norm.mean.size();
  bias_gradient(term.parameter + 1, g);
  std::vector<int64_t> sg(channels, 0), sgq(channels, 0);  // |sgq| < 2^56
  std::vector<int32_t> g_max(channels, 0), lo(channels, kStorageMax), hi(channels, -kStorageMax);
  for (size_t i = 0; i < g.q.size(); ++i) {
    const size_t c = i % channels;
    sg[c] += g.q[i];
    sgq[c] += int64_t{g.q[i]} * y.q[i];
    g_max[c] = std::max(g_max[c], std::abs(g.q[i]));
    lo[c] = std::min(lo[c], y.q[i]);
    hi[c] = std::max(hi[c], y.q[i]);
  }
  std::vector<float> c0(channels), c1(channels), c2(channels), dgamma(channels);
  float bound = 0;
  for (size_t c = 0; c < channels; ++c) {
    const double k1 = norm.t[c] * f64_power(g.exponent - y.exponent);
    const double dg = static_cast<double>(sgq[c]) - norm.mean[c] * static_cast<double>(sg[c]);
    const double h = ((norm.inv[c] * norm.inv[c]) * dg) / norm.m;
    const double c2d = -(k1 * h);
    c1[c] = static_cast<float>(k1);
    c2[c] = static_cast<float>(c2d);
    c0[c] = static_cast<float>(-(k1 * (static_cast<double>(sg[c]) / norm.m)) - c2d * norm.mean[c]);
    dgamma[c] =
        static_cast<float>(((dg * norm.inv[c]) * f64_power(g.exponent)) / static_cast<double>(n_));
    const float low = std::fabs(std::fmaf(c2[c], static_cast<float>(lo[c]), c0[c]));
    const float high = std::fabs(std::fmaf(c2[c], static_cast<float>(hi[c]), c0[c]));
    const float u = larger(low, high);
    bound = larger(bound, std::fmaf(std::fabs(c1[c]), static_cast<float>(g_max[c]), u));
  }
  gradients_[term.parameter] = dgamma;
  Tensor16 dy = make_tensor(y.shape);
  dy.exponent = fit_or_fail(bound, spec_.operand_max, -60, 60, nodes_[term.node].name + ".dy");
  const float z = f32_power(-dy.exponent);
  for (size_t i = 0; i < dy.q.size(); ++i) {
    const size_t c = i % channels;
    const float inner = std::fmaf(c2[c] * z, static_cast<float>(y.q[i]), c0[c] * z);
    dy.q[i] = quant(std::fmaf(c1[c] * z, static_cast<float>(g.q[i]), inner), spec_.operand_max);
  }
  dy_[term.node] = dy;
}

void Oracle::activate_backward(const Node& node, Tensor16 g) {
  const Tensor16& out = outputs_[static_cast<size_t>(&node - nodes_.data())];
  if (node.relu)
    for (size_t i = 0; i < g.q.size(); ++i)
      if (out.q[i] <= 0 ||
          (node.six && std::ldexp(static_cast<double>(out.q[i]), out.exponent) >= 6.0))
        g.q[i] = 0;
  tensors_[node.name + ".g"] = g;
  for (const Term& term : node.terms) {
    if (term.kind == TermKind::kBias) bias_backward(term, g);
    if (term.kind == TermKind::kBatchNorm) batch_norm_backward(term, g);
    if (term.kind == TermKind::kSame) send(node, term.node, g);
  }
}

// At most 2^26 products of 32767^2 a sum: below 2^56.
void Oracle::weight_gradient(const Node& node, const Tensor16& dy) {
  const Tensor16& x = outputs_[node.input];
  std::vector<float>& gradient = gradients_[node.weight];
  gradient.clear();
  const int channels = x.shape[3] / node.groups, filters = node.c / node.groups;
  for (int k = 0; k < node.c; ++k)
    for (int c = k / filters * channels; c < (k / filters + 1) * channels; ++c)
      for (int r = 0; r < node.window_h; ++r)
        for (int s = 0; s < node.window_w; ++s) {
          int64_t sum = 0;
          for (int n = 0; n < n_; ++n)
            for (int p = 0; p < node.h; ++p)
              for (int q = 0; q < node.w; ++q) {
                const int h = p * node.stride - node.pad + r, v = q * node.stride - node.pad + s;
                if (h < 0 || h >= x.shape[1] || v < 0 || v >= x.shape[2]) continue;
                sum += int64_t{dy.at(n, p, q, k)} * x.at(n, h, v, c);
              }
          gradient.push_back(
              static_cast<float>((static_cast<double>(sum) * f64_power(x.exponent + dy.exponent)) /
                                 static_cast<double>(n_)));
        }
}

Tensor16 Oracle::contraction_backward(const Node& node, const Tensor16& dy) const {
  const Tensor16& w = weights_[static_cast<size_t>(&node - nodes_.data())];
  const auto [filters, channels, window_h, window_w] = w.shape;
  Tensor16 d = make_tensor(outputs_[node.input].shape);
  std::vector<int64_t> sums(d.q.size(), 0);
  const int group = filters / node.groups;  // filters of a group
  std::vector<int64_t> channel_max(node.groups, 0), window_max(node.groups, 0);  // F', P'
  for (int g = 0; g < node.groups; ++g)
    for (int c = 0; c < channels; ++c) {
      int64_t square = 0;
      for (int k = g * group; k < (g + 1) * group; ++k)
        for (int r = 0; r < window_h; ++r)
          for (int s = 0; s < window_w; ++s) square += int64_t{w.at(k, c, r, s)} * w.at(k, c, r, s);
      channel_max[g] = std::max(channel_max[g], square);
    }
  for (int n = 0; n < n_; ++n)
    for (int h = 0; h < d.shape[1]; ++h)
      for (int v = 0; v < d.shape[2]; ++v) {
        std::vector<int64_t> square(node.groups, 0);
        for (int r = 0; r < window_h; ++r)
          for (int s = 0; s < window_w; ++s) {
            const int from_h = h + node.pad - r, from_v = v + node.pad - s;
            if (from_h < 0 || from_h % node.stride != 0) continue;
            if (from_v < 0 || from_v % node.stride != 0) continue;
            const int p = from_h / node.stride, q = from_v / node.stride;
            if (p >= node.h || q >= node.w) continue;
            for (int k = 0; k < filters; ++k) {
              const int64_t g = dy.at(n, p, q, k);
              const int first = k / group * channels;
              square[k / group] += g * g;
              for (int c = 0; c < channels; ++c)
                sums[d.index(n, h, v, first + c)] += g * w.at(k, c, r, s);
            }
          }
        for (int g = 0; g < node.groups; ++g) window_max[g] = std::max(window_max[g], square[g]);
      }
  const int s = groups_shift(channel_max, window_max);
  d.exponent = dy.exponent + w.exponent + s;
  store_shifted(sums, s, d);
  return d;
}

Tensor16 Oracle::max_pool_backward(const Node& node, const Tensor16& d_out) const {
  const Tensor16& x = outputs_[node.input];
  Tensor16 d = make_tensor(x.shape);
  std::vector<int64_t> sums(d.q.size(), 0);
  for (int n = 0; n < n_; ++n)
    for (int p = 0; p < node.h; ++p)
      for (int q = 0; q < node.w; ++q)
        for (int c = 0; c < node.c; ++c) {
          std::optional<size_t> best;
          for (int r = 0; r < node.window_h; ++r)
            for (int s = 0; s < node.window_w; ++s) {
              const int h = p * node.stride + r - node.pad;
              const int w = q * node.stride + s - node.pad;
              if (h < 0 || h >= x.shape[1] || w < 0 || w >= x.shape[2]) continue;
              const size_t here = x.index(n, h, w, c);
              if (!best || x.q[here] > x.q[*best]) best = here;
            }
          sums[*best] += d_out.at(n, p, q, c);
        }
  const int64_t times = cover(node.window_h, node.stride) * cover(node.window_w, node.stride);
  const int s = range_shift(times * maxabs(d_out), kStorageMax);
  d.exponent = d_out.exponent + s;
  store_shifted(sums, s, d);
  return d;
}

Tensor16 Oracle::repeat_backward(const Node& node, const Tensor16& d_out) const {
  Tensor16 d = make_tensor(outputs_[node.input].shape);
  std::vector<int64_t> sums(d.q.size(), 0);
  const int a = node.h / d.shape[1];
  const int b = node.w / d.shape[2];
  for (int n = 0; n < n_; ++n)
    for (int p = 0; p < node.h; ++p)
      for (int q = 0; q < node.w; ++q)
        for (int c = 0; c < node.c; ++c) sums[d.index(n, p / a, q / b, c)] += d_out.at(n, p, q, c);
  const int s = range_shift(int64_t{a} * b * maxabs(d_out), kStorageMax);
  d.exponent = d_out.exponent + s;
  store_shifted(sums, s, d);
  return d;
}

Tensor16 Oracle::avg_pool_backward(const Node& node, const Tensor16& d_out) {
  Tensor16 d = make_tensor(outputs_[node.input].shape);
  std::vector<int64_t> sums(d.q.size(), 0);
  for (int n = 0; n < n_; ++n)
    for (int p = 0; p < node.h; ++p)
      for (int q = 0; q < node.w; ++q)
        for (int r = 0; r < node.window_h; ++r)
          for (int s = 0; s < node.window_w; ++s)
            for (int c = 0; c < node.c; ++c)
              sums[d.index(n, p * node.stride + r, q * node.stride + s, c)] += d_out.at(n, p, q, c);
  const bool whole = node.window_h == d.shape[1] && node.window_w == d.shape[2];
  const int64_t times =
      whole ? 1 : cover(node.window_h, node.stride) * cover(node.window_w, node.stride);
  const float window = static_cast<float>(node.window_h * node.window_w);  // KK
  const float bound =
      (static_cast<float>(times * maxabs(d_out)) / window) * f32_power(d_out.exponent);
  d.exponent = fit_or_fail(bound, kStorageMax, -60, 60, node.name + ".D");
  const float scale = f32_power(d_out.exponent - d.exponent);
  for (size_t i = 0; i < sums.size(); ++i)
    d.q[i] = quant((static_cast<float>(sums[i]) / window) * scale, kStorageMax);
  return d;
}

Tensor16 Oracle::elementwise_backward(const Node& node, const Tensor16& d_out) {
  const Tensor16& x = outputs_[node.input];
  const auto [lo, hi] = std::minmax_element(x.q.begin(), x.q.end());
  float steepest = 0;
  for (int32_t q = *lo; q <= *hi; ++q) {
    const float v = static_cast<float>(q) * f32_power(x.exponent);
    steepest = larger(steepest, std::fabs(function_slope(node.function, v)));
  }
  Tensor16 d = make_tensor(x.shape);
  const float bound = (static_cast<float>(maxabs(d_out)) * steepest) * f32_power(d_out.exponent);
  d.exponent = fit_or_fail(bound, kStorageMax, -60, 60, node.name + ".D");
  for (size_t i = 0; i < x.q.size(); ++i) {
    const float v = static_cast<float>(x.q[i]) * f32_power(x.exponent);
    const float slope = function_slope(node.function, v) * f32_power(d_out.exponent - d.exponent);
    d.q[i] = quant(static_cast<float>(d_out.q[i]) * slope, kStorageMax);
  }
  return d;
}

void Oracle::concatenate_backward(const Node& node, const Tensor16& d_out) {
  int first = 0;
  for (int input : node.inputs) {
    Tensor16 d = make_tensor(outputs_[input].shape);
    d.exponent = d_out.exponent;
    const auto [images, height, width, channels] = d.shape;
    for (int n = 0; n < images; ++n)
      for (int h = 0; h < height; ++h)
        for (int w = 0; w < width; ++w)
          for (int c = 0; c < channels; ++c)
            d.q[d.index(n, h, w, c)] = d_out.at(n, h, w, first + c);
    first += channels;
    if (nodes_[input].needs_gradient) send(node, input, d);
  }
}

void Oracle::group_norm_backward(const Node& node, const Tensor16& g) {
  const Tensor16& x = outputs_[node.input];
  const std::vector<float>& gamma = parameters_[node.scale].value;
  const auto [images, height, width, channels] = x.shape;
  const int size = channels / node.groups;
  const double m = static_cast<double>(height * width * size);
  bias_gradient(node.scale + 1, g);
  std::vector<double> dgamma(gamma.size(), 0);
  std::vector<float> c1, c2, c0;  // [n, c]
  float bound = 0;
  for (int n = 0; n < images; ++n)
    for (int group = 0; group < node.groups; ++group) {
      const GroupStatistics s = group_statistics(x, node.groups, n, group);
      double sum = 0, product = 0;
      int32_t largest = 0;
      for (int c = group * size; c < (group + 1) * size; ++c) {
        int64_t sg = 0, sgq = 0;
        for (int h = 0; h < height; ++h)
          for (int w = 0; w < width; ++w) {
            sg += g.at(n, h, w, c);
            sgq += int64_t{g.at(n, h, w, c)} * x.at(n, h, w, c);
            largest = std::max(largest, std::abs(g.at(n, h, w, c)));
          }
        const double dg = static_cast<double>(sgq) - s.mean * static_cast<double>(sg);
        sum += static_cast<double>(gamma[c]) * static_cast<double>(sg);
        product += static_cast<double>(gamma[c]) * dg;
        dgamma[c] += dg * s.inv;
      }
      const double k = s.inv * f64_power(g.exponent - x.exponent);
      const double c2d = -(k * (((s.inv * s.inv) * product) / m));
      for (int c = group * size; c < (group + 1) * size; ++c) {
        c1.push_back(static_cast<float>(k * static_cast<double>(gamma[c])));
        c2.push_back(static_cast<float>(c2d));
        c0.push_back(static_cast<float>(-(k * (sum / m)) - c2d * s.mean));
        const float u = larger(std::fabs(std::fmaf(c2.back(), s.lo, c0.back())),
                               std::fabs(std::fmaf(c2.back(), s.hi, c0.back())));
        bound = larger(bound, std::fmaf(std::fabs(c1.back()), static_cast<float>(largest), u));
      }
    }
  gradients_[node.scale].clear();
  for (double sum : dgamma)
    gradients_[node.scale].push_back(
        static_cast<float>((sum * f64_power(g.exponent)) / static_cast<double>(n_)));
  const bool operand = nodes_[node.input].kind == Kind::kContraction;
  const int q_max = operand ? spec_.operand_max : kStorageMax;
  Tensor16 d = make_tensor(x.shape);
  d.exponent = fit_or_fail(bound, q_max, -60, 60, node.name + ".D");
  const float z = f32_power(-d.exponent);
  const size_t all = static_cast<size_t>(channels);
  const size_t image = x.q.size() / static_cast<size_t>(images);
  for (size_t i = 0; i < x.q.size(); ++i) {
    const size_t at = i / image * all + i % all;
    const float inner = std::fmaf(c2[at] * z, static_cast<float>(x.q[i]), c0[at] * z);
    d.q[i] = quant(std::fmaf(c1[at] * z, static_cast<float>(g.q[i]), inner), q_max);
  }
  if (operand)
    dy_[node.input] = d;
  else
    send(node, node.input, d);
}

void Oracle::backward(Tensor16 loss_gradient) {
  gradients_.assign(parameters_.size(), {});
  received_.assign(nodes_.size(), {});
  dy_.assign(nodes_.size(), {});
  // A bias that batch norm takes away has gradient 0.
  for (const Node& node : nodes_)
    if (node.bias >= 0) gradients_[node.bias].assign(parameters_[node.bias].value.size(), 0);
  bias_gradient(nodes_.back().bias, loss_gradient);
  dy_.back() = std::move(loss_gradient);
  for (size_t i = nodes_.size(); i-- > 0;) {
    const Node& node = nodes_[i];
    if (!node.needs_gradient) continue;
    const bool pass_on = nodes_[node.input].needs_gradient;
    if (node.kind == Kind::kContraction) {
      tensors_[node.name + ".dy"] = dy_[i];
      weight_gradient(node, dy_[i]);
      if (pass_on) send(node, node.input, contraction_backward(node, dy_[i]));
      continue;
    }
    const Tensor16 g = joined(static_cast<int>(i));
    if (node.kind == Kind::kActivate) activate_backward(node, g);
    if (node.kind == Kind::kMaxPool) send(node, node.input, max_pool_backward(node, g));
    if (node.kind == Kind::kAvgPool) send(node, node.input, avg_pool_backward(node, g));
    if (node.kind == Kind::kRepeat) send(node, node.input, repeat_backward(node, g));
    if (node.kind == Kind::kDropout) send(node, node.input, dropout_scaled(node, g, kStorageMax));
    if (node.kind == Kind::kElementwise) send(node, node.input, elementwise_backward(node, g));
    if (node.kind == Kind::kConcatenate) concatenate_backward(node, g);
    if (node.kind == Kind::kGroupNorm) group_norm_backward(node, g);
    if (node.kind == Kind::kSoftmax) send(node, node.input, softmax_backward(node, g));
    if (node.kind == Kind::kPad) send(node, node.input, pad_backward(node, g));
    if (node.kind == Kind::kFlatten)
      send(node, node.input, unflatten(g, outputs_[node.input].shape));
  }
}

}  // namespace ginn::oracle
