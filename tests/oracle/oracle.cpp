// One training step of docs/arithmetic.md in plain scalar loops. Section numbers are that page's.
#include "tests/oracle/oracle.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

namespace ginn::oracle {
namespace {

using int128 = __int128;

constexpr int kOperandMax = 8191;   // dfp14
constexpr int kStorageMax = 32767;  // dfp16 and contributions
constexpr int kContributionLo = -40, kContributionHi = 20;
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// ---- Section 1: primitive operations ----

// 2^k; in f32 that is infinity above 2^127 and 0 below 2^-149.
float f32_power(int k) { return std::ldexp(1.0F, k); }
double f64_power(int k) { return std::ldexp(1.0, k); }

// Total: NaN gives Q, so that no conversion below meets one.
float clamp(float x, float q_max) { return x < q_max ? (x > -q_max ? x : -q_max) : q_max; }

int32_t quant(float v, int q_max) {
  return static_cast<int32_t>(std::nearbyintf(clamp(v, static_cast<float>(q_max))));
}

// |x| as bits: NaN > infinity > finite.
uint32_t magnitude_bits(float x) { return std::bit_cast<uint32_t>(x) & 0x7FFFFFFFU; }

float maxabs(const std::vector<float>& values) {
  uint32_t bits = 0;
  for (float v : values) bits = std::max(bits, magnitude_bits(v));
  return std::bit_cast<float>(bits);
}

int32_t maxabs(const Tensor16& tensor) {
  int32_t m = 0;
  for (int32_t q : tensor.q) m = std::max(m, std::abs(q));
  return m;
}

// The larger one; NaN if either is.
float larger(float a, float b) {
  if (std::isnan(a) || std::isnan(b)) return kNan;
  return a > b ? a : b;
}

Tensor16 make_tensor(std::array<int, 4> shape) {
  Tensor16 tensor;
  tensor.shape = shape;
  size_t size = 1;
  for (int extent : shape) size *= static_cast<size_t>(extent);
  tensor.q.assign(size, 0);
  return tensor;
}

// Smallest s >= 0 with product <= (32767 2^s)^2; the product is below 2^92, so s <= 31.
int contraction_shift(int128 product) {
  int s = 0;
  while (product >
         (static_cast<int128>(kStorageMax) << s) * (static_cast<int128>(kStorageMax) << s))
    ++s;
  return s;
}

// The largest shift of any group.
int groups_shift(const std::vector<int64_t>& filter, const std::vector<int64_t>& window) {
  int s = 0;
  for (size_t g = 0; g < filter.size(); ++g)
    s = std::max(s, contraction_shift(static_cast<int128>(filter[g]) * window[g]));
  return s;
}

// Smallest s >= 0 with m <= q_max 2^s.
int range_shift(int64_t m, int q_max) {
  int s = 0;
  while (m > (static_cast<int64_t>(q_max) << s)) ++s;
  return s;
}

// Rounds exact sums into `out`.
void store_shifted(const std::vector<int64_t>& sums, int s, Tensor16& out) {
  for (size_t i = 0; i < sums.size(); ++i) out.q[i] = static_cast<int32_t>(shift_rne(sums[i], s));
}

// How many windows of k, moved by stride, cover one pixel in one direction, at most.
int64_t cover(int k, int stride) { return (k + stride - 1) / stride; }

}  // namespace

std::optional<int> fit(float m, int q_max, int lo, int hi) {
  if (!std::isfinite(m)) return std::nullopt;
  for (int e = lo; e <= hi; ++e)
    if (static_cast<double>(m) <= std::ldexp(static_cast<double>(q_max), e)) return e;
  return std::nullopt;
}

int64_t shift_rne(int64_t i, int s) {
  if (s == 0) return i;
  const int64_t unit = int64_t{1} << s;
  int64_t floor = i / unit;
  if (i % unit < 0) --floor;
  const int64_t rest = i - floor * unit;  // in 0 .. unit - 1
  if (2 * rest > unit || (2 * rest == unit && floor % 2 != 0)) ++floor;
  return floor;
}

// ---- Section 2: elementary functions ----

float exp(float x) {
  if (std::isnan(x)) return x;
  if (x > 88.72283F) return kInfinity;
  if (x < -87.33654F) return 0;
  const float t = std::fmaf(x, 1.44269504F, 12582912.0F);
  const float k = t - 12582912.0F;
  float r = std::fmaf(k, -0.693359375F, x);
  r = std::fmaf(k, 2.12194440e-4F, r);
  float p = 1.9875691500e-4F;
  for (float c :
       {1.3981999507e-3F, 8.3334519073e-3F, 4.1665795894e-2F, 1.6666665459e-1F, 5.0000001201e-1F})
    p = std::fmaf(p, r, c);
  const float y = std::fmaf(p, r * r, r) + 1.0F;
  const int whole = static_cast<int>(k);
  const int half = static_cast<int>(std::floor(k / 2));
  return (y * f32_power(half)) * f32_power(whole - half);
}

float log(float x) {
  if (std::isnan(x) || x < 0) return kNan;
  if (x == 0) return -kInfinity;
  if (std::isinf(x)) return x;
  int shifted = 0;
  if (x < f32_power(-126)) {
    x *= f32_power(23);
    shifted = 23;
  }
  int k = 0;
  const float m = std::frexp(x, &k);
  k -= shifted;
  float f = 0;
  if (m < 0.707106781F) {
    --k;
    f = (m + m) - 1;
  } else {
    f = m - 1;
  }
  const float z = f * f;
  float p = 7.0376836292e-2F;
  for (float c : {-1.1514610310e-1F,
                  1.1676998740e-1F,
                  -1.2420140846e-1F,
                  1.4249322787e-1F,
                  -1.6668057665e-1F,
                  2.0000714765e-1F,
                  -2.4999993993e-1F,
                  3.3333331174e-1F})
    p = std::fmaf(p, f, c);
  float y = (p * f) * z;
  const float exponent = static_cast<float>(k);
  y = std::fmaf(exponent, -2.12194440e-4F, y);
  y = std::fmaf(z, -0.5F, y);
  return std::fmaf(exponent, 0.693359375F, f + y);
}

float sigmoid(float x) { return 1.0F / (1.0F + exp(-x)); }

float tanh(float x) {
  const float a = std::fabs(x);
  if (a < 0.625F) {
    const float z = x * x;
    float p = -5.70498872745e-3F;
    for (float c : {2.06390887954e-2F, -5.37397155531e-2F, 1.33314422036e-1F, -3.33332819422e-1F})
      p = std::fmaf(p, z, c);
    return std::fmaf(p * z, x, x);
  }
  const float y = 1.0F - 2.0F / (exp(a + a) + 1.0F);
  return std::copysign(y, x);
}

float erf(float x) {
  const float a = std::fabs(x);
  if (a < 1.0F) {
    const float z = x * x;
    float p = 7.853861353153693e-5F;
    for (float c : {-8.010193625184903e-4F,
                    5.188327685732524e-3F,
                    -2.685381193529856e-2F,
                    1.128358514861418e-1F,
                    -3.761262582423300e-1F,
                    1.128379165726710F})
      p = std::fmaf(p, z, c);
    return x * p;
  }
  static const std::vector<float> near = {2.326819970068386e-2F,
                                          -1.387039388740657e-1F,
                                          3.687424674597105e-1F,
                                          -5.824733027278666e-1F,
                                          6.210004621745983e-1F,
                                          -4.944515323274145e-1F,
                                          3.404879937665872e-1F,
                                          -2.741127028184656e-1F,
                                          5.638259427386472e-1F};
  static const std::vector<float> far = {-1.047766399936249e+1F,
                                         1.297719955372516e+1F,
                                         -7.495518717768503F,
                                         2.921019019210786F,
                                         -1.015265279202700F,
                                         4.218463358204948e-1F,
                                         -2.820767439740514e-1F,
                                         5.641895067754075e-1F};
  const float r = 1.0F / a;
  const float z = r * r;
  const std::vector<float>& c = a < 2.0F ? near : far;
  float p = c[0];
  for (size_t i = 1; i < c.size(); ++i) p = std::fmaf(p, z, c[i]);
  const float y = 1.0F - (exp(-(a * a)) * r) * p;
  return std::copysign(y, x);
}

namespace {

// sin and cos of pi v before their signs, and the quadrant j.
struct Quadrant {
  int j;
  float s, c;
};

Quadrant quadrant(float v) {
  const int j = static_cast<int>(std::nearbyintf(v + v));
  const float r = v - static_cast<float>(j) * 0.5F;
  const float x = r * 3.14159265F;
  const float z = x * x;
  const float s =
      std::fmaf(std::fmaf(-1.9515295891e-4F, z, 8.3321608736e-3F), z, -1.6666654611e-1F);
  const float c = std::fmaf(
      std::fmaf(2.443315711809948e-5F, z, -1.388731625493765e-3F), z, 4.166664568298827e-2F);
  return {j % 4, std::fmaf(s * z, x, x), std::fmaf(c * z, z, std::fmaf(z, -0.5F, 1.0F))};
}

}  // namespace

float sinpi(float v) {
  const Quadrant at = quadrant(v);
  if (at.j == 0) return at.s;
  if (at.j == 1) return at.c;
  return at.j == 2 ? -at.s : -at.c;
}

float cospi(float v) {
  const Quadrant at = quadrant(v);
  if (at.j == 0) return at.c;
  if (at.j == 1) return -at.s;
  return at.j == 2 ? -at.c : at.s;
}

// ---- Section 3: randomness ----

std::array<uint32_t, 4> philox_block(
    uint64_t seed, uint32_t purpose, uint64_t a, uint32_t b, uint32_t c) {
  uint32_t key0 = static_cast<uint32_t>(seed);
  uint32_t key1 = static_cast<uint32_t>(seed >> 32) ^ (purpose << 24);
  std::array<uint32_t, 4> x = {static_cast<uint32_t>(a), static_cast<uint32_t>(a >> 32), b, c};
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = uint64_t{0xD2511F53U} * x[0];
    const uint64_t product1 = uint64_t{0xCD9E8D57U} * x[2];
    x = {static_cast<uint32_t>(product1 >> 32) ^ x[1] ^ key0,
         static_cast<uint32_t>(product1),
         static_cast<uint32_t>(product0 >> 32) ^ x[3] ^ key1,
         static_cast<uint32_t>(product0)};
    key0 += 0x9E3779B9U;
    key1 += 0xBB67AE85U;
  }
  return x;
}

uint32_t bounded(uint64_t seed, uint32_t purpose, uint64_t a, uint32_t b, uint64_t n) {
  uint64_t mask = 0;
  while (mask < n - 1) mask = 2 * mask + 1;
  for (uint32_t c = 0;; ++c)
    for (uint32_t word : philox_block(seed, purpose, a, b, c))
      if ((word & mask) < n) return static_cast<uint32_t>(word & mask);
}

std::vector<uint32_t> permutation(uint64_t seed, uint64_t epoch, uint32_t records) {
  std::vector<uint32_t> order(records);
  for (uint32_t i = 0; i < records; ++i) order[i] = i;
  for (uint32_t i = records; i-- > 1;)
    std::swap(order[i], order[bounded(seed, kOrder, epoch, i, uint64_t{i} + 1)]);
  return order;
}

std::vector<uint32_t> batch_records(
    uint64_t seed, uint32_t records, uint32_t batch, bool carry, uint64_t t) {
  const uint64_t steps_an_epoch = records / batch;
  uint64_t number = t * batch;  // among the used entries of the epochs laid end to end
  const uint64_t used = carry ? records : steps_an_epoch * batch;
  std::vector<uint32_t> result, order;
  uint64_t epoch_held = 0;
  for (uint32_t p = 0; p < batch; ++p, ++number) {
    const uint64_t epoch = number / used;
    if (order.empty() || epoch != epoch_held) order = permutation(seed, epoch, records);
    epoch_held = epoch;
    result.push_back(order[number % used]);
  }
  return result;
}

std::vector<uint8_t> augment(const std::vector<uint8_t>& image,
                             uint32_t height,
                             uint32_t width,
                             uint32_t channels,
                             const Augment& rule,
                             bool training,
                             uint64_t seed,
                             uint64_t t,
                             uint32_t position) {
  const bool crop = training && rule.crop != 0;
  const uint64_t offsets = 2 * uint64_t{rule.crop} + 1;
  int64_t row = 0, column = 0;  // of the window, relative to the image padded by `pad`
  if (crop) {
    row = bounded(seed, kAugmentation, t, 2 * position, offsets) - int64_t{rule.crop};
    column = bounded(seed, kAugmentation, t, 2 * position + 1, offsets) - int64_t{rule.crop};
  }
  const bool mirror = training && rule.flip &&
                      (philox_block(seed, kAugmentation, t, position, 0x80000000U)[0] & 1) != 0;
  const int64_t out_h = int64_t{height} + 2 * rule.pad, out_w = int64_t{width} + 2 * rule.pad;
  std::vector<uint8_t> out(static_cast<size_t>(out_h * out_w * channels), 0);
  for (int64_t y = 0; y < out_h; ++y)
    for (int64_t x = 0; x < out_w; ++x)
      for (int64_t c = 0; c < channels; ++c) {
        const int64_t from_y = y + row - rule.pad;
        const int64_t from_x = (mirror ? out_w - 1 - x : x) + column - rule.pad;
        if (from_y < 0 || from_y >= height || from_x < 0 || from_x >= width) continue;
        out[static_cast<size_t>((y * out_w + x) * channels + c)] =
            image[static_cast<size_t>((from_y * width + from_x) * channels + c)];
      }
  return out;
}

// ---- Section 4: models are in oracle_models.cpp ----

Oracle::Oracle(Spec spec) : spec_(std::move(spec)) {
  Node input;
  input.name = "input";
  input.h = static_cast<int>(spec_.height);
  input.w = static_cast<int>(spec_.width);
  input.c = static_cast<int>(spec_.channels);
  nodes_.push_back(input);
  build_model();
  initialise();
  for (const Parameter& p : parameters_) sums_.emplace_back(p.value.size(), 0);
}

// Section 3, initialisation.
void Oracle::initialise() {
  for (size_t i = 0; i < parameters_.size(); ++i) {
    Parameter& p = parameters_[i];
    const double fan = static_cast<double>(p.fan);
    const float uniform_scale = static_cast<float>(1.0 / std::sqrt(fan));
    const float normal_scale =
        p.init == Init::kSmall ? 0.01F : static_cast<float>(std::sqrt(2.0 / fan));
    for (size_t k = 0; k < p.value.size(); ++k) {
      if (p.init == Init::kOne) p.value[k] = 1;
      if (p.init == Init::kOne || p.init == Init::kZero) continue;
      const std::array<uint32_t, 4> words =
          philox_block(spec_.seed, kInitialisation, k / 4, static_cast<uint32_t>(i), 0);
      if (p.init == Init::kUniform) {
        const float u = static_cast<float>(words[k % 4] >> 8) * f32_power(-24);
        p.value[k] = ((u + u) - 1) * uniform_scale;
        continue;
      }
      const size_t pair = (k % 4) / 2;
      const float u = static_cast<float>((words[2 * pair] >> 8) + 1) * f32_power(-24);
      const float v = static_cast<float>(words[2 * pair + 1] >> 8) * f32_power(-23);
      const float r = std::sqrt(-2.0F * log(u));
      p.value[k] = (k % 2 == 0 ? r * cospi(v) : r * sinpi(v)) * normal_scale;
    }
  }
}

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
  x.exponent = fit_or_fail(bound, kOperandMax, -60, 60, node.name);
  for (size_t i = 0; i < x.q.size(); ++i)
    x.q[i] = quant(table[i % spec_.channels][images[i]] * f32_power(-x.exponent), kOperandMax);
  return x;
}

Tensor16 Oracle::quantised_weight(const Node& node) {
  const Parameter& p = parameters_[node.weight];
  Tensor16 w =
      make_tensor({node.c, nodes_[node.input].c / node.groups, node.window_h, node.window_w});
  w.exponent = fit_or_fail(maxabs(p.value), kOperandMax, -60, 60, p.name);
  for (size_t i = 0; i < w.q.size(); ++i)
    w.q[i] = quant(p.value[i] * f32_power(-w.exponent), kOperandMax);
  return w;
}

// At most 2^20 products of 8191^2 a sum: below 2^46.
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
  out.exponent = fit_or_fail(bound, kOperandMax, -60, 60, node.name);
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
    out.q[i] = quant(v, kOperandMax);
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
  out.exponent = fit_or_fail(bound, kOperandMax, -60, 60, node.name);
  const float scale = f32_power(x.exponent - out.exponent);
  for (size_t i = 0; i < sums.size(); ++i)
    out.q[i] = quant((static_cast<float>(sums[i]) / window) * scale, kOperandMax);
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
  out.exponent = fit_or_fail(bound, kOperandMax, -60, 60, node.name);
  for (size_t i = 0; i < x.q.size(); ++i) {
    const float v = static_cast<float>(x.q[i]) * f32_power(x.exponent);
    out.q[i] = quant(function_value(node.function, v) * f32_power(-out.exponent), kOperandMax);
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
  out.exponent = fit_or_fail(bound, kOperandMax, -60, 60, node.name);
  const float z = f32_power(-out.exponent);
  const size_t channels = static_cast<size_t>(node.c);
  const size_t image = x.q.size() / static_cast<size_t>(n_);
  for (size_t i = 0; i < x.q.size(); ++i) {
    const size_t at = i / image * channels + i % channels;
    out.q[i] = quant(std::fmaf(a[at] * z, static_cast<float>(x.q[i]), b[at] * z), kOperandMax);
  }
  return out;
}

namespace {

// [N,H,W,C] to [N,1,1,C H W] in the order (C, H, W), or back.
Tensor16 flatten(const Tensor16& x) {
  const auto [n, h, w, c] = x.shape;
  Tensor16 out = make_tensor({n, 1, 1, c * h * w});
  out.exponent = x.exponent;
  for (int i = 0; i < n; ++i)
    for (int y = 0; y < h; ++y)
      for (int v = 0; v < w; ++v)
        for (int k = 0; k < c; ++k)
          out.q[out.index(i, 0, 0, (k * h + y) * w + v)] = x.at(i, y, v, k);
  return out;
}

Tensor16 unflatten(const Tensor16& flat, std::array<int, 4> shape) {
  const auto [n, h, w, c] = shape;
  Tensor16 out = make_tensor(shape);
  out.exponent = flat.exponent;
  for (int i = 0; i < n; ++i)
    for (int y = 0; y < h; ++y)
      for (int v = 0; v < w; ++v)
        for (int k = 0; k < c; ++k)
          out.q[out.index(i, y, v, k)] = flat.at(i, 0, 0, (k * h + y) * w + v);
  return out;
}

}  // namespace

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
        outputs_[i] = place_ ? dropout_scaled(node, x, kOperandMax) : x;
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
  dy.exponent = -13;
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
      dy.q[i * classes + k] = quant((p - target) * 8192.0F, kOperandMax);
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
  const int s = range_shift(maxabs(g), kOperandMax);
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
  dy.exponent = fit_or_fail(bound, kOperandMax, -60, 60, nodes_[term.node].name + ".dy");
  const float z = f32_power(-dy.exponent);
  for (size_t i = 0; i < dy.q.size(); ++i) {
    const size_t c = i % channels;
    const float inner = std::fmaf(c2[c] * z, static_cast<float>(y.q[i]), c0[c] * z);
    dy.q[i] = quant(std::fmaf(c1[c] * z, static_cast<float>(g.q[i]), inner), kOperandMax);
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

// At most 2^26 products of 8191^2 a sum: below 2^52, exact in f64.
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
  const int q_max = operand ? kOperandMax : kStorageMax;
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
    if (node.kind == Kind::kFlatten)
      send(node, node.input, unflatten(g, outputs_[node.input].shape));
  }
}

// ---- Section 7: contribution ----

namespace {

void put_tensor(std::vector<uint8_t>& out, int e, const std::vector<int32_t>& integers) {
  out.push_back(static_cast<uint8_t>(e & 0xFF));
  for (int32_t q : integers) {
    out.push_back(static_cast<uint8_t>(q & 0xFF));
    out.push_back(static_cast<uint8_t>((q >> 8) & 0xFF));
  }
}

struct Encoded {
  int exponent = 0;
  std::vector<int32_t> q;
};

// The tensors of a contribution; nothing when the length is wrong.
std::optional<std::vector<Encoded>> decode(const std::vector<uint8_t>& bytes,
                                           const std::vector<Parameter>& parameters) {
  size_t expected = 0;
  for (const Parameter& p : parameters) expected += p.frozen ? 0 : 1 + 2 * p.value.size();
  if (bytes.size() != expected) return std::nullopt;
  std::vector<Encoded> out;
  size_t at = 0;
  for (const Parameter& p : parameters) {
    Encoded tensor;
    if (p.frozen) {
      tensor.exponent = kContributionLo;
      tensor.q.assign(p.value.size(), 0);
      out.push_back(std::move(tensor));
      continue;
    }
    tensor.exponent = static_cast<int8_t>(bytes[at++]);
    for (size_t i = 0; i < p.value.size(); ++i, at += 2)
      tensor.q.push_back(static_cast<int16_t>(bytes[at] | (bytes[at + 1] << 8)));
    out.push_back(std::move(tensor));
  }
  return out;
}

int64_t square_sum(const std::vector<int32_t>& integers) {  // < 2^30 times the count
  int64_t sum = 0;
  for (int32_t q : integers) sum += int64_t{q} * q;
  return sum;
}

// floor(c^2 2^80), for 0 < c <= 2^22.
int128 norm_limit(double c) {
  int k = 0;
  const int64_t m = static_cast<int64_t>(std::ldexp(std::frexp(c, &k), 53));  // c = m 2^(k-53)
  const int shift = 2 * (k - 53) + 80;
  const int128 square = static_cast<int128>(m) * m;  // < 2^106
  if (shift >= 0) return square << shift;
  return shift <= -127 ? 0 : square >> -shift;
}

}  // namespace

std::vector<uint8_t> Oracle::clip_and_encode() {
  std::vector<float> largest;  // m_p
  double n2 = 0;
  for (size_t p = 0; p < gradients_.size(); ++p) {
    largest.push_back(maxabs(gradients_[p]));
    if (parameters_[p].frozen) continue;
    const int e =
        fit_or_fail(largest[p], kStorageMax, kContributionLo, kContributionHi, parameters_[p].name);
    if (!failure_.empty()) return {};
    uint64_t squares = 0;
    for (float g : gradients_[p]) {
      const uint64_t a = static_cast<uint64_t>(std::ceil(std::fabs(g) * f32_power(-e)));
      squares += a * a;
    }
    n2 += static_cast<double>(squares) * f64_power(2 * e);
  }
  float f = 1;
  if (n2 != 0) {
    const double r = (spec_.clip_norm / std::sqrt(n2)) * (1.0 - f64_power(-20));
    if (r < 1) {
      f = static_cast<float>(r);
      if (static_cast<double>(f) > r) f = std::nextafterf(f, 0.0F);
    }
  }
  std::vector<uint8_t> out;
  for (size_t p = 0; p < gradients_.size(); ++p) {
    if (parameters_[p].frozen) continue;
    const int e = fit_or_fail(
        largest[p] * f, kStorageMax, kContributionLo, kContributionHi, parameters_[p].name);
    std::vector<int32_t> integers;
    for (float g : gradients_[p])
      integers.push_back(static_cast<int32_t>(std::trunc((g * f) * f32_power(-e))));
    put_tensor(out, e, integers);
  }
  return out;
}

std::optional<std::vector<uint8_t>> Oracle::contribution(const std::vector<uint8_t>& images,
                                                         const std::vector<uint32_t>& labels,
                                                         uint64_t step,
                                                         uint32_t position) {
  place_ = Place{step, position};
  if (!forward(images, Statistics::kBatch)) return std::nullopt;
  if (labels.size() != static_cast<size_t>(n_)) fail("labels");
  for (uint32_t label : labels)
    if (label >= spec_.classes) fail("labels");
  if (!failure_.empty()) return std::nullopt;
  Tensor16 loss_gradient = loss(labels);
  if (!failure_.empty()) return std::nullopt;
  backward(std::move(loss_gradient));
  std::vector<uint8_t> out = clip_and_encode();
  if (!failure_.empty()) return std::nullopt;
  return out;
}

bool Oracle::form_ok(const std::vector<uint8_t>& contribution) const {
  const auto tensors = decode(contribution, parameters_);
  if (!tensors) return false;
  for (const Encoded& tensor : *tensors) {
    if (tensor.exponent < kContributionLo || tensor.exponent > kContributionHi) return false;
    bool zero = true;
    for (int32_t q : tensor.q) {
      if (q < -kStorageMax) return false;
      if (q != 0) zero = false;
    }
    if (zero && tensor.exponent != kContributionLo) return false;
  }
  return true;
}

bool Oracle::norm_ok(const std::vector<uint8_t>& contribution) const {
  if (!form_ok(contribution)) return false;
  const auto tensors = decode(contribution, parameters_);
  int128 left = norm_limit(spec_.clip_norm);
  for (const Encoded& tensor : *tensors) {
    // squares 4^k can pass 2^127, so the limit is divided instead.
    const int128 squares = square_sum(tensor.q);
    const int shift = 2 * (tensor.exponent - kContributionLo);
    if (squares > (left >> shift)) return false;
    left -= squares << shift;
  }
  return true;
}

bool Oracle::accumulate(const std::vector<uint8_t>& contribution) {
  if (!form_ok(contribution)) return false;
  const auto tensors = decode(contribution, parameters_);
  for (size_t p = 0; p < tensors->size(); ++p)
    for (size_t i = 0; i < sums_[p].size(); ++i) {
      // |q 2^k| < 2^75 in a contribution that fails the norm test; unsigned, so it only wraps.
      const Encoded& tensor = (*tensors)[p];
      const uint64_t term = static_cast<uint64_t>(int64_t{tensor.q[i]})
                            << (tensor.exponent - kContributionLo);
      sums_[p][i] = static_cast<int64_t>(static_cast<uint64_t>(sums_[p][i]) + term);
    }
  return true;
}

// ---- Section 8: optimiser ----

bool Oracle::apply(float rate) {
  const float mu = static_cast<float>(spec_.momentum);
  const float wd = static_cast<float>(spec_.weight_decay);
  bool finite = true;
  for (size_t p = 0; p < parameters_.size(); ++p) {
    if (parameters_[p].frozen) continue;
    const float lr = rate * parameters_[p].rate_scale;
    for (size_t i = 0; i < sums_[p].size(); ++i) {
      float& w = parameters_[p].value[i];
      float& v = parameters_[p].velocity[i];
      float g = static_cast<float>((static_cast<double>(sums_[p][i]) * f64_power(-40)) /
                                   static_cast<double>(spec_.microbatches));
      if (spec_.decoupled)
        w = std::fmaf(-(lr * wd), w, w);
      else
        g = std::fmaf(wd, w, g);
      v = std::fmaf(mu, v, g);
      const float d = spec_.nesterov ? std::fmaf(mu, v, g) : v;
      w = std::fmaf(-lr, d, w);
      if (!std::isfinite(w) || !std::isfinite(v)) {
        fail(parameters_[p].name);
        finite = false;
      }
      sums_[p][i] = 0;
    }
  }
  return finite;
}

std::vector<uint8_t> Oracle::state_bytes() const {
  std::vector<uint8_t> out;
  auto put = [&out](const std::vector<float>& values) {
    for (float value : values) {
      const uint32_t bits = std::bit_cast<uint32_t>(value);
      for (int i = 0; i < 4; ++i) out.push_back(static_cast<uint8_t>(bits >> (8 * i)));
    }
  };
  for (const Parameter& p : parameters_) put(p.value);
  for (const Parameter& p : parameters_) put(p.velocity);
  return out;
}

// ---- Section 9: learning rate ----

float learning_rate(const Schedule& schedule, uint64_t t) {
  const double steps = static_cast<double>(schedule.steps);
  const uint64_t warm = static_cast<uint64_t>(std::floor(schedule.warmup * steps));
  const float peak = static_cast<float>(schedule.peak);
  if (t < warm) return peak * (static_cast<float>(t + 1) / static_cast<float>(warm));
  if (schedule.kind == Schedule::kCosine) {
    const double x = static_cast<double>(t - warm) / static_cast<double>(schedule.steps - warm);
    return peak * (0.5F * (1.0F + cospi(static_cast<float>(x))));
  }
  float lr = peak;
  if (schedule.kind == Schedule::kStep)
    for (double milestone : schedule.milestones)
      if (static_cast<double>(t) >= milestone * steps) lr *= static_cast<float>(schedule.gamma);
  return lr;
}

// ---- Section 10: statistics, evaluation ----

void Oracle::begin_statistics() {
  statistics_count_ = 0;
  for (BatchNorm& norm : batch_norms_) {
    norm.mean_sum.clear();
    norm.var_sum.clear();
  }
}

bool Oracle::add_statistics(const std::vector<uint8_t>& images) {
  place_.reset();
  if (!forward(images, Statistics::kBatch)) return false;
  for (const Node& node : nodes_)
    for (const Term& term : node.terms) {
      if (term.kind != TermKind::kBatchNorm) continue;
      BatchNorm& norm = batch_norms_[term.batch_norm];
      const int e = outputs_[term.node].exponent;
      norm.mean_sum.resize(norm.mean.size(), 0);
      norm.var_sum.resize(norm.mean.size(), 0);
      const double u = norm.m == 1 ? 1.0 : norm.m / (norm.m - 1);
      for (size_t c = 0; c < norm.mean.size(); ++c) {
        const double mean = (norm.mean[c] * f64_power(e)) * f64_power(32);
        const double var = ((norm.var[c] * f64_power(2 * e)) * u) * f64_power(32);
        if (!(std::fabs(mean) < f64_power(53)) || !(var < f64_power(53))) {
          fail(norm.name);
          return false;
        }
        norm.mean_sum[c] += static_cast<int64_t>(std::nearbyint(mean));
        norm.var_sum[c] += static_cast<int64_t>(std::nearbyint(var));
      }
    }
  ++statistics_count_;
  return true;
}

bool Oracle::finish_statistics() {
  if (statistics_count_ == 0) return false;
  const double count = static_cast<double>(statistics_count_);
  for (const BatchNorm& norm : batch_norms_) {
    Running& running = running_[norm.name];
    running.mean.clear();
    running.var.clear();
    for (int64_t sum : norm.mean_sum)
      running.mean.push_back(
          static_cast<float>((static_cast<double>(sum) * f64_power(-32)) / count));
    for (int64_t sum : norm.var_sum)
      running.var.push_back(
          static_cast<float>((static_cast<double>(sum) * f64_power(-32)) / count));
  }
  return true;
}

std::optional<std::vector<float>> Oracle::evaluate_logits(const std::vector<uint8_t>& images) {
  place_.reset();
  for (const Node& node : nodes_)
    for (const Term& term : node.terms) {
      if (term.kind != TermKind::kBatchNorm) continue;
      const Running& running = running_[batch_norms_[term.batch_norm].name];
      const size_t channels = static_cast<size_t>(nodes_[term.node].c);
      if (running.mean.size() != channels || running.var.size() != channels) {
        fail(batch_norms_[term.batch_norm].name);
        return std::nullopt;
      }
    }
  const size_t pixels = size_t{spec_.height} * spec_.width * spec_.channels;
  const size_t step = pixels * spec_.microbatch;
  std::vector<float> out;
  for (size_t at = 0; step != 0 && at < images.size(); at += step) {
    const size_t end = std::min(at + step, images.size());
    const std::vector<uint8_t> part(images.begin() + static_cast<ptrdiff_t>(at),
                                    images.begin() + static_cast<ptrdiff_t>(end));
    if (!forward(part, Statistics::kRunning)) return std::nullopt;
    const std::vector<float> some = logits();
    if (!failure_.empty()) return std::nullopt;
    out.insert(out.end(), some.begin(), some.end());
  }
  return out;
}

}  // namespace ginn::oracle
