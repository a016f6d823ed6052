#include "nn/group_norm.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "arithmetic/format.h"
#include "nn/batch_norm.h"
#include "nn/run.h"

namespace ginn::nn {
namespace {

struct Group {
  double mean = 0, inv = 0;
  int32_t low = 0, high = 0;
};

// Value = fma(a, q, b); gradient = fma(a, g, fma(b, q, c)).
struct Coefficients {
  float a = 0, b = 0, c = 0;
};

// By image and channel; `gradient` and `product` are sums of g and g q.
struct State final : OperationState {
  std::vector<Group> groups;  // [images, groups]
  std::vector<Coefficients> coefficients;
  std::vector<int64_t> gradient, product, beta;
  std::vector<int32_t> largest;  // |g|, [images, groups]
};

// Calls body(image, channel, index) for all elements of all images.
template <typename Body>
void for_elements(size_t images, const Extent& extent, const Body& body) {
  size_t index = 0;
  for (size_t n = 0; n < images; ++n) {
    for (size_t pixel = 0; pixel < size_t{extent.h} * extent.w; ++pixel) {
      for (size_t c = 0; c < extent.c; ++c) body(n, c, index++);
    }
  }
}

// The larger magnitude of both ends of fma(slope, q, start).
float larger_end(const Group& group, float slope, float start) {
  return max_magnitude(std::fma(slope, static_cast<float>(group.low), start),
                       std::fma(slope, static_cast<float>(group.high), start));
}

// Everything that one pass over a microbatch needs.
struct Shape {
  size_t images, channels, groups;
  size_t width() const { return channels / groups; }  // channels of a group
};

void sum_gradients(const GroupNorm::Config& config,
                   const Shape& shape,
                   const Tensor& d,
                   const Tensor& x,
                   State& state) {
  std::fill(state.gradient.begin(), state.gradient.end(), 0);
  std::fill(state.product.begin(), state.product.end(), 0);
  std::fill(state.largest.begin(), state.largest.end(), 0);
  for_elements(shape.images, config.extent, [&](size_t n, size_t c, size_t i) {
    const int32_t g = d.q[i];
    int32_t& largest = state.largest[n * shape.groups + c / shape.width()];
    state.gradient[n * shape.channels + c] += g;
    state.product[n * shape.channels + c] += int64_t{g} * x.q[i];
    largest = std::max(largest, std::abs(g));
  });
}

// One group's coefficients, channels [first, first + width) of an image; gives their bound. `unit`
// is 2^(e_g - e_x), `m` the values of a group.
float set_coefficients(const Group& group,
                       const float* gamma,
                       size_t first,
                       int32_t largest,
                       double unit,
                       double m,
                       const Shape& shape,
                       State& state) {
  double sum = 0;      // of gamma g
  double product = 0;  // of gamma g (q - mean)
  const size_t end = first + shape.width();
  for (size_t i = first; i < end; ++i) {
    const double g = static_cast<double>(state.gradient[i]);
    const double weight = static_cast<double>(gamma[i % shape.channels]);
    sum += weight * g;
    product += weight * (static_cast<double>(state.product[i]) - group.mean * g);
  }
  const double k = group.inv * unit;
  const double slope = -(k * (((group.inv * group.inv) * product) / m));
  const float start = static_cast<float>(-(k * (sum / m)) - slope * group.mean);
  const float rest = larger_end(group, static_cast<float>(slope), start);
  float bound = 0.0f;
  for (size_t i = first; i < end; ++i) {
    const float direct = static_cast<float>(k * static_cast<double>(gamma[i % shape.channels]));
    state.coefficients[i] = {direct, static_cast<float>(slope), start};
    bound = max_magnitude(bound, std::fma(std::fabs(direct), static_cast<float>(largest), rest));
  }
  return bound;
}

void store_parameters(Run& run, size_t parameter, const Shape& shape, int exponent, State& state) {
  float* dgamma = run.gradient(parameter);
  for (size_t c = 0; c < shape.channels; ++c) {
    double sum = 0;
    state.beta[c] = 0;
    for (size_t n = 0; n < shape.images; ++n) {
      const Group& group = state.groups[n * shape.groups + c / shape.width()];
      const size_t i = n * shape.channels + c;
      const double g = static_cast<double>(state.gradient[i]);
      state.beta[c] += state.gradient[i];
      sum += (static_cast<double>(state.product[i]) - group.mean * g) * group.inv;
    }
    dgamma[c] = static_cast<float>((sum * pow2(exponent)) / static_cast<double>(shape.images));
  }
  run.store_gradient(parameter + 1, state.beta.data(), exponent);
}

}  // namespace

std::unique_ptr<OperationState> GroupNorm::make_state(const Run& run) const {
  auto state = std::make_unique<State>();
  const size_t images = run.capacity();
  state->groups.resize(images * config_.groups);
  state->largest.resize(images * config_.groups);
  state->coefficients.resize(images * config_.extent.c);
  state->gradient.resize(images * config_.extent.c);
  state->product.resize(images * config_.extent.c);
  state->beta.resize(config_.extent.c);
  return state;
}

Status GroupNorm::forward(Run& run, OperationState& base) const {
  State& state = static_cast<State&>(base);
  const Tensor& x = run.value(config_.input);
  Tensor& y = run.value(config_.output);
  const size_t channels = config_.extent.c;
  const size_t width = channels / config_.groups;
  const size_t groups = run.images() * config_.groups;
  const uint64_t m = config_.extent.count() / config_.groups;
  // |sum| <= 2^26 2^15, squares <= 2^26 2^30.
  std::fill_n(state.gradient.begin(), groups, 0);
  std::fill_n(state.product.begin(), groups, 0);
  std::fill_n(state.groups.begin(), groups, Group{0, 0, kDfp16Max, -kDfp16Max});
  for_elements(run.images(), config_.extent, [&](size_t n, size_t c, size_t i) {
    const size_t at = n * config_.groups + c / width;
    const int32_t q = x.q[i];
    state.gradient[at] += q;
    state.product[at] += int64_t{q} * q;
    state.groups[at].low = std::min(state.groups[at].low, q);
    state.groups[at].high = std::max(state.groups[at].high, q);
  });
  const float* gamma = run.parameter(config_.parameter);
  const float* beta = run.parameter(config_.parameter + 1);
  float bound = 0.0f;
  for (size_t at = 0; at < groups; ++at) {
    Group& group = state.groups[at];
    const size_t first = at % config_.groups * width;
    for (size_t c = first; c < first + width; ++c) {
      const Normalisation n =
          normalise(state.gradient[at], state.product[at], m, x.exponent, gamma[c], beta[c]);
      group.mean = n.mean;
      group.inv = n.inv;
      state.coefficients[at / config_.groups * channels + c] = {n.a, n.b, 0.0f};
      bound = max_magnitude(bound, larger_end(group, n.a, n.b));
    }
  }
  const auto exponent = run.fit_operand(bound);
  if (!exponent) return not_finite(config_.name, "the output");
  y.exponent = *exponent;
  const int32_t most = run.operand_max();
  const float scale = pow2f(-*exponent);
  for_elements(run.images(), config_.extent, [&](size_t n, size_t c, size_t i) {
    const Coefficients& k = state.coefficients[n * channels + c];
    y.q[i] = quant(std::fma(k.a * scale, static_cast<float>(x.q[i]), k.b * scale), most);
  });
  return ok_status();
}

Status GroupNorm::backward(Run& run, OperationState& base) const {
  State& state = static_cast<State&>(base);
  GINN_ASSIGN(Tensor * d, run.join(config_.output));
  const Tensor& x = run.value(config_.input);
  const Shape shape{run.images(), config_.extent.c, config_.groups};
  sum_gradients(config_, shape, *d, x, state);
  const float* gamma = run.parameter(config_.parameter);
  const double m = static_cast<double>(config_.extent.count() / config_.groups);
  const double unit = pow2(d->exponent - x.exponent);
  float bound = 0.0f;
  for (size_t at = 0; at < shape.images * shape.groups; ++at) {
    const size_t first = at * shape.width();
    bound = max_magnitude(
        bound,
        set_coefficients(state.groups[at], gamma, first, state.largest[at], unit, m, shape, state));
  }
  store_parameters(run, config_.parameter, shape, d->exponent, state);
  if (!run.needs_gradient(config_.input)) return ok_status();
  const auto exponent = config_.operand ? run.fit_operand(bound) : fit16(bound);
  if (!exponent) return not_finite(config_.name, "the gradient of its input");
  Tensor& dx =
      config_.operand ? run.make_operand_gradient(config_.input) : run.make_gradient(config_.input);
  dx.exponent = *exponent;
  const float scale = pow2f(-*exponent);
  const int32_t q_max = config_.operand ? run.operand_max() : kDfp16Max;
  for_elements(shape.images, config_.extent, [&](size_t n, size_t c, size_t i) {
    const Coefficients& k = state.coefficients[n * shape.channels + c];
    const float rest = std::fma(k.b * scale, static_cast<float>(x.q[i]), k.c * scale);
    dx.q[i] = quant(std::fma(k.a * scale, static_cast<float>(d->q[i]), rest), q_max);
  });
  if (!config_.operand) run.send(config_.input, dx);
  return ok_status();
}

}  // namespace ginn::nn
