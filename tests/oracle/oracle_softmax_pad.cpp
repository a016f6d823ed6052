// Softmax and pad of docs/arithmetic.md, sections 5 and 6: both passes, in plain scalar loops.
#include <algorithm>
#include <cmath>

#include "tests/oracle/oracle_primitives.h"

namespace ginn::oracle {

namespace {

// Where row (or column) j of an image of `size` is taken from, if it lies outside.
int padded_source(const std::string& mode, int j, int size) {
  if (j >= 0 && j < size) return j;
  if (mode == "reflect") return j < 0 ? -j : 2 * (size - 1) - j;
  if (mode == "replicate") return j < 0 ? 0 : size - 1;
  return j < 0 ? j + size : j - size;
}

}  // namespace

Tensor16 Oracle::pad_forward(const Node& node, const Tensor16& x) const {
  Tensor16 out = make_tensor({x.shape[0], node.h, node.w, node.c});
  out.exponent = x.exponent;
  for (int n = 0; n < x.shape[0]; ++n)
    for (int p = 0; p < node.h; ++p)
      for (int q = 0; q < node.w; ++q)
        for (int c = 0; c < node.c; ++c) {
          const int h = padded_source(node.pad_mode, p - node.top, x.shape[1]);
          const int w = padded_source(node.pad_mode, q - node.left, x.shape[2]);
          out.q[out.index(n, p, q, c)] = x.at(n, h, w, c);
        }
  return out;
}

Tensor16 Oracle::pad_backward(const Node& node, const Tensor16& d_out) const {
  Tensor16 d = make_tensor(outputs_[node.input].shape);
  std::vector<int64_t> sums(d.q.size(), 0), copies(d.q.size(), 0);
  for (int n = 0; n < n_; ++n)
    for (int p = 0; p < node.h; ++p)
      for (int q = 0; q < node.w; ++q)
        for (int c = 0; c < node.c; ++c) {
          const int h = padded_source(node.pad_mode, p - node.top, d.shape[1]);
          const int w = padded_source(node.pad_mode, q - node.left, d.shape[2]);
          sums[d.index(n, h, w, c)] += d_out.at(n, p, q, c);
          copies[d.index(n, h, w, c)] += 1;
        }
  const int64_t most = *std::max_element(copies.begin(), copies.end());
  const int s = range_shift(most * maxabs(d_out), kStorageMax);
  d.exponent = d_out.exponent + s;
  store_shifted(sums, s, d);
  return d;
}

Tensor16 Oracle::softmax_forward(const Node& node, const Tensor16& x) {
  const size_t channels = static_cast<size_t>(node.c);
  std::vector<float> p;
  for (size_t first = 0; first < x.q.size(); first += channels) {
    int32_t top = x.q[first];
    for (size_t k = first; k < first + channels; ++k) top = std::max(top, x.q[k]);
    std::vector<int64_t> e;
    int64_t z = 0;
    for (size_t k = first; k < first + channels; ++k) {
      const float below = static_cast<float>(x.q[k] - top) * f32_power(x.exponent);
      const double scaled = static_cast<double>(exp(below)) * f64_power(40);
      e.push_back(static_cast<int64_t>(std::nearbyint(scaled)));
      z += e.back();
    }
    for (int64_t one : e)
      p.push_back(static_cast<float>(static_cast<double>(one) / static_cast<double>(z)));
  }
  Tensor16 out = make_tensor(x.shape);
  out.exponent = fit_or_fail(maxabs(p), spec_.operand_max, -60, 60, node.name);
  for (size_t i = 0; i < p.size(); ++i)
    out.q[i] = quant(p[i] * f32_power(-out.exponent), spec_.operand_max);
  return out;
}

Tensor16 Oracle::softmax_backward(const Node& node, const Tensor16& d_out) {
  const Tensor16& y = outputs_[static_cast<size_t>(&node - nodes_.data())];
  const size_t channels = static_cast<size_t>(node.c);
  std::vector<float> v;
  for (size_t first = 0; first < y.q.size(); first += channels) {
    int128 all = 0, product = 0;
    for (size_t k = first; k < first + channels; ++k) {
      all += y.q[k];
      product += static_cast<int128>(y.q[k]) * d_out.q[k];
    }
    const double sum = static_cast<double>(all);
    for (size_t k = first; k < first + channels; ++k) {
      const double centred = static_cast<double>(d_out.q[k] * all - product);
      const double share = static_cast<double>(y.q[k]) / sum;
      v.push_back(all == 0 ? 0 : static_cast<float>(share * (centred / sum)));
    }
  }
  Tensor16 d = make_tensor(y.shape);
  const float bound = maxabs(v) * f32_power(d_out.exponent);
  d.exponent = fit_or_fail(bound, kStorageMax, -60, 60, node.name + ".D");
  for (size_t i = 0; i < v.size(); ++i)
    d.q[i] = quant(v[i] * f32_power(d_out.exponent - d.exponent), kStorageMax);
  return d;
}

}  // namespace ginn::oracle
