// Sections 1 to 3 and 9 of docs/arithmetic.md, in plain scalar loops.
#include "tests/oracle/oracle_primitives.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace ginn::oracle {

// ---- Section 1: primitive operations ----

int32_t quant(float v, int q_max) {
  return static_cast<int32_t>(std::nearbyintf(clamp(v, static_cast<float>(q_max))));
}

namespace {

// |x| as bits: NaN > infinity > finite.
uint32_t magnitude_bits(float x) { return std::bit_cast<uint32_t>(x) & 0x7FFFFFFFU; }

}  // namespace

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

int contraction_shift(int128 product) {
  int s = 0;
  while (product >
         (static_cast<int128>(kStorageMax) << s) * (static_cast<int128>(kStorageMax) << s))
    ++s;
  return s;
}

int groups_shift(const std::vector<int64_t>& filter, const std::vector<int64_t>& window) {
  int s = 0;
  for (size_t g = 0; g < filter.size(); ++g)
    s = std::max(s, contraction_shift(static_cast<int128>(filter[g]) * window[g]));
  return s;
}

int range_shift(int64_t m, int q_max) {
  int s = 0;
  while (m > (static_cast<int64_t>(q_max) << s)) ++s;
  return s;
}

void store_shifted(const std::vector<int64_t>& sums, int s, Tensor16& out) {
  for (size_t i = 0; i < sums.size(); ++i) out.q[i] = static_cast<int32_t>(shift_rne(sums[i], s));
}

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

}  // namespace ginn::oracle
