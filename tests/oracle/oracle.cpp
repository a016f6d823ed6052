// Sections 7, 8 and 10 of docs/arithmetic.md: what a worker hands over, the optimiser, evaluation.
#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "tests/oracle/oracle_primitives.h"

namespace ginn::oracle {

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
