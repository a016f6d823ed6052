#include "nn/activate.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "arithmetic/format.h"
#include "nn/batch_norm.h"
#include "nn/run.h"

namespace ginn::nn {
namespace {

constexpr float kSix = 6.0f;  // where ReLU6 ends

struct TermState {
  const ChannelStatistics* statistics = nullptr;  // of the source, unless it is an activation
  std::vector<Normalisation> normalisation;       // by channel; a and b for every kind of term
  std::vector<float> a, b;                        // scaled, repeated to the period
};

struct State final : OperationState {
  std::vector<TermState> terms;
  ChannelStatistics gradient_statistics;
  std::vector<NormalisationGradient> gradients;
  std::vector<float> c1, c2, c0;  // repeated to the period
};

// Constants and the largest magnitude of one term: B of section 5.
float prepare_same(Run& run, const Term& term, TermState& state) {
  const Tensor& x = run.value(term.source);
  const float unit = pow2f(x.exponent);
  for (Normalisation& n : state.normalisation) {
    n.a = unit;
    n.b = 0.0f;
  }
  const int32_t largest =
      x.largest >= 0 ? x.largest : run.maps().maxabs_i16(x.q.data(), run.count(term.source));
  return static_cast<float>(largest) * unit;
}

void prepare_affine(Run& run, const Term& term, TermState& state) {
  const Tensor& y = run.value(term.source);
  const size_t channels = state.normalisation.size();
  const size_t count = run.count(term.source);
  const float* p = run.parameter(term.parameter);
  if (term.kind == Term::Kind::kBias) {
    const float unit = y.exponent > 127 ? pow2f(128) : pow2f(y.exponent);
    for (size_t c = 0; c < channels; ++c) {
      state.normalisation[c].a = unit;
      state.normalisation[c].b = p[c];
    }
    return;
  }
  const float* gamma = p;
  const float* beta = p + channels;
  const size_t offset = run.graph().batch_norms()[term.batch_norm].offset;
  for (size_t c = 0; c < channels; ++c) {
    state.normalisation[c] = run.mode() != Mode::kEvaluate
                                 ? normalise(state.statistics->first(c),
                                             state.statistics->second(c),
                                             count / channels,
                                             y.exponent,
                                             gamma[c],
                                             beta[c])
                                 : normalise_running(run.weights().running_mean[offset + c],
                                                     run.weights().running_var[offset + c],
                                                     y.exponent,
                                                     gamma[c],
                                                     beta[c]);
  }
}

// Smallest and largest value of the term over channel c.
struct Ends {
  float at_low, at_high;
};
Ends ends(const TermState& state, size_t c) {
  const Normalisation& n = state.normalisation[c];
  return {std::fma(n.a, static_cast<float>(state.statistics->low(c)), n.b),
          std::fma(n.a, static_cast<float>(state.statistics->high(c)), n.b)};
}

float largest_magnitude(const TermState& state) {
  float bound = 0.0f;
  for (size_t c = 0; c < state.normalisation.size(); ++c) {
    const Ends e = ends(state, c);
    bound = max_magnitude(bound, max_magnitude(e.at_low, e.at_high));
  }
  return bound;
}

float largest_positive(const TermState& state) {
  float bound = 0.0f;
  for (size_t c = 0; c < state.normalisation.size(); ++c) {
    const Ends e = ends(state, c);
    if (e.at_low != e.at_low || e.at_high != e.at_high) return pow2f(128) - pow2f(128);  // NaN
    bound = std::max(bound, std::max(e.at_low, e.at_high));
  }
  return bound;
}

Status report_statistics(Run& run, const Term& term, const TermState& state) {
  const BatchNorm& norm = run.graph().batch_norms()[term.batch_norm];
  const uint64_t m = run.count(term.source) / norm.channels;
  const int exponent = run.value(term.source).exponent;
  for (size_t c = 0; c < norm.channels; ++c) {
    int64_t mean = 0;
    int64_t var = 0;
    if (!grid_statistics(state.normalisation[c], m, exponent, mean, var)) {
      return not_finite(norm.name, "a running statistic");
    }
    run.report_batch_statistics(norm.offset + c, mean, var);
  }
  return ok_status();
}

}  // namespace

std::vector<ValueId> Activate::inputs() const {
  std::vector<ValueId> ids;
  for (const Term& term : config_.terms) ids.push_back(term.source);
  return ids;
}

std::vector<size_t> Activate::parameters() const {
  std::vector<size_t> indices;
  for (const Term& term : config_.terms) {
    if (term.kind == Term::Kind::kSame) continue;
    indices.push_back(term.parameter);
    if (term.kind == Term::Kind::kBatchNorm) indices.push_back(term.parameter + 1);
  }
  return indices;
}

std::unique_ptr<OperationState> Activate::make_state(const Run& run) const {
  auto state = std::make_unique<State>();
  const size_t channels = config_.extent.c;
  const size_t period = device::channel_period(channels);
  state->terms.resize(config_.terms.size());
  for (size_t i = 0; i < config_.terms.size(); ++i) {
    TermState& term = state->terms[i];
    term.statistics = run.statistics(config_.terms[i].source);
    term.normalisation.resize(channels);
    term.a.resize(period);
    term.b.resize(period);
  }
  state->gradient_statistics = ChannelStatistics(channels);
  state->gradients.resize(channels);
  for (auto* c : {&state->c1, &state->c2, &state->c0}) c->resize(period);
  return state;
}

Status Activate::forward(Run& run, OperationState& base) const {
  State& state = static_cast<State&>(base);
  const size_t terms = config_.terms.size();
  const bool one_sided = terms == 1 && config_.activation != Activation::kNone;
  const bool capped = config_.activation == Activation::kRelu6;
  float bound = 0.0f;
  for (size_t i = 0; i < terms; ++i) {
    const Term& term = config_.terms[i];
    TermState& t = state.terms[i];
    float largest;
    if (term.kind == Term::Kind::kSame) {
      largest = prepare_same(run, term, t);
    } else {
      prepare_affine(run, term, t);
      largest = one_sided ? largest_positive(t) : largest_magnitude(t);
    }
    if (term.kind == Term::Kind::kBatchNorm && run.mode() != Mode::kEvaluate) {
      GINN_TRY(report_statistics(run, term, t));
    }
    bound = i == 0 ? largest : bound + largest;
  }
  // A bound that is not finite fails, whatever would be cut off.
  if (capped && bound > kSix && bound < pow2f(128)) bound = kSix;
  const auto exponent = run.fit_operand(bound);
  if (!exponent) return not_finite(config_.name, "the activation");

  const float scale = pow2f(-*exponent);
  device::AffineTerm affine[2];
  for (size_t i = 0; i < terms; ++i) {
    TermState& t = state.terms[i];
    const Tensor& source = run.value(config_.terms[i].source);
    const bool same = config_.terms[i].kind == Term::Kind::kSame;
    const size_t channels = t.normalisation.size();
    for (size_t p = 0; p < t.a.size(); ++p) {
      const Normalisation& n = t.normalisation[p % channels];
      t.a[p] = same ? pow2f(source.exponent - *exponent) : n.a * scale;
      t.b[p] = n.b * scale;
    }
    affine[i] = {source.q.data(), t.a.data(), t.b.data()};
  }
  Tensor& out = run.value(config_.output);
  out.exponent = *exponent;
  const size_t count = run.count(config_.output);
  const size_t period = state.terms[0].a.size();
  const auto used = static_cast<int>(terms);
  const int32_t most = run.operand_max();
  const bool relu = config_.activation == Activation::kRelu;
  out.largest = capped ? run.maps().activate_capped(
                             affine, used, kSix * scale, count, period, most, out.q.data())
                       : run.maps().activate(affine, used, relu, count, period, most, out.q.data());
  return ok_status();
}

namespace {

// The gradient of an activation's output on its way back.
struct Incoming {
  Tensor& g;
  size_t count;
  std::optional<device::PassMask> mask;  // not applied yet
  bool last;                             // no term reads g after this one
};

Tensor& place_for_operand_gradient(Run& run, const Term& term, Incoming& in) {
  return in.last ? run.turn_into_operand_gradient(in.g, term.source)
                 : run.make_operand_gradient(term.source);
}

const ChannelStatistics& sums_of(Run& run, State& state, const Tensor& q, Incoming& in) {
  state.gradient_statistics.of_gradients(run.maps(), in.mask, in.g.q.data(), q.q.data(), in.count);
  in.mask.reset();
  return state.gradient_statistics;
}

Status backward_bias(Run& run, const Term& term, State& state, Incoming& in) {
  const ChannelStatistics& sums = sums_of(run, state, in.g, in);
  int32_t largest = 0;
  for (size_t c = 0; c < sums.channels(); ++c) {
    largest = std::max(largest, sums.high(c));
  }
  run.store_gradient(term.parameter, sums.firsts().data(), in.g.exponent);
  if (!run.needs_gradient(term.source)) return ok_status();
  const int shift = range_shift(largest, run.operand_max());
  const int exponent = in.g.exponent + shift;
  Tensor& dy = place_for_operand_gradient(run, term, in);
  run.maps().shift_round(in.g.q.data(), in.count, shift, dy.q.data());
  dy.exponent = exponent;
  return ok_status();
}

Status backward_batch_norm(
    Run& run, const Term& term, const TermState& t, State& state, Incoming& in) {
  const Tensor& g = in.g;
  const Tensor& y = run.value(term.source);
  const BatchNorm& norm = run.graph().batch_norms()[term.batch_norm];
  const size_t channels = norm.channels;
  const double images = static_cast<double>(run.images());
  const ChannelStatistics& sums = sums_of(run, state, y, in);
  float* dgamma = run.gradient(term.parameter);
  float bound = 0.0f;
  for (size_t c = 0; c < channels; ++c) {
    const NormalisationGradient n = normalise_gradient(t.normalisation[c],
                                                       sums.first(c),
                                                       sums.second(c),
                                                       in.count / channels,
                                                       g.exponent,
                                                       y.exponent);
    state.gradients[c] = n;
    dgamma[c] = static_cast<float>((n.dgamma * pow2(g.exponent)) / images);
    const float u = max_magnitude(std::fma(n.c2, static_cast<float>(t.statistics->low(c)), n.c0),
                                  std::fma(n.c2, static_cast<float>(t.statistics->high(c)), n.c0));
    bound = max_magnitude(bound, std::fma(std::fabs(n.c1), static_cast<float>(sums.high(c)), u));
  }
  run.store_gradient(term.parameter + 1, sums.firsts().data(), g.exponent);
  if (!run.needs_gradient(term.source)) return ok_status();
  const auto exponent = run.fit_operand(bound);
  if (!exponent) return not_finite(norm.name, "the gradient of its input");
  const float scale = pow2f(-*exponent);
  for (size_t p = 0; p < state.c1.size(); ++p) {
    const NormalisationGradient& n = state.gradients[p % channels];
    state.c1[p] = n.c1 * scale;
    state.c2[p] = n.c2 * scale;
    state.c0[p] = n.c0 * scale;
  }
  Tensor& dy = place_for_operand_gradient(run, term, in);
  dy.exponent = *exponent;
  run.maps().normalise_backward(g.q.data(),
                                y.q.data(),
                                state.c1.data(),
                                state.c2.data(),
                                state.c0.data(),
                                in.count,
                                state.c1.size(),
                                run.operand_max(),
                                dy.q.data());
  return ok_status();
}

Tensor& copy_of(Run& run, ValueId to, const Tensor& g, size_t count) {
  Tensor& copy = run.make_gradient(to);
  std::copy_n(g.q.data(), count, copy.q.data());
  copy.exponent = g.exponent;
  return copy;
}

}  // namespace

std::optional<device::PassMask> Activate::mask_of(Run& run) const {
  if (config_.activation == Activation::kNone) return std::nullopt;
  const Tensor& out = run.value(config_.output);
  if (config_.activation == Activation::kRelu) {
    return device::PassMask{out.q.data(), device::kNoCap};
  }
  // The exponent is at most that of 6; below it no value reaches 6.
  const int of_six = run.fit_operand(kSix).value();
  return device::PassMask{out.q.data(),
                          out.exponent == of_six ? 6 << -of_six : run.operand_max() + 1};
}

Status Activate::backward(Run& run, OperationState& base) const {
  State& state = static_cast<State&>(base);
  GINN_ASSIGN(Tensor * g, run.join(config_.output));
  Incoming in{*g, run.count(config_.output), mask_of(run), false};
  bool sent = false;
  for (size_t i = 0; i < config_.terms.size(); ++i) {
    const Term& term = config_.terms[i];
    in.last = !sent && i + 1 == config_.terms.size();
    switch (term.kind) {
      case Term::Kind::kSame:
        if (in.mask) run.maps().mask(*in.mask, in.count, g->q.data());
        in.mask.reset();
        run.send(term.source, sent ? copy_of(run, term.source, *g, in.count) : *g);
        sent = true;  // from now on another operation's, which may change it
        break;
      case Term::Kind::kBias:
        GINN_TRY(backward_bias(run, term, state, in));
        break;
      case Term::Kind::kBatchNorm:
        GINN_TRY(backward_batch_norm(run, term, state.terms[i], state, in));
        break;
    }
  }
  return ok_status();
}

}  // namespace ginn::nn
