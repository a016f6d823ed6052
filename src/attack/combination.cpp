#include "attack/combination.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "arithmetic/format.h"
#include "attack/own_gradient.h"
#include "base/text.h"

namespace ginn::attack {
namespace {

class Sum final : public Combination {
 public:
  Status take(training::Contribution&) override { return ok_status(); }
  void aim(std::span<float>) const override {}
  std::unique_ptr<Combination> fresh() const override { return std::make_unique<Sum>(); }
};

// The latest norms, and their quantile.
class Window {
 public:
  void add(double norm) {
    if (norms_.size() < kLength) {
      norms_.push_back(norm);
    } else {
      norms_[next_] = norm;
      next_ = (next_ + 1) % kLength;
    }
  }
  // No limit before there are enough to speak of one.
  double limit(double quantile) const {
    if (norms_.size() < kFewest) return std::numeric_limits<double>::infinity();
    std::vector<double> sorted = norms_;
    const auto at = static_cast<size_t>(quantile * static_cast<double>(sorted.size() - 1));
    std::nth_element(sorted.begin(), sorted.begin() + static_cast<ptrdiff_t>(at), sorted.end());
    return sorted[at];
  }

 private:
  static constexpr size_t kLength = 256, kFewest = 64;
  std::vector<double> norms_;
  size_t next_ = 0;
};

double square(double x) { return x * x; }

// Parts of a gradient that have a limit each: all tensors together, or one by one.
class RunningLimits final : public Combination {
 public:
  RunningLimits(const training::Training& training, bool layers, double quantile)
      : training_(training),
        layers_(layers),
        quantile_(quantile),
        windows_(layers ? training.graph().parameters().size() : 1) {}

  Status take(training::Contribution& contribution) override {
    const std::vector<double> norms = norms_of(contribution);
    std::vector<double> factors(norms.size(), 1.0);
    bool longer = false;
    for (size_t i = 0; i < norms.size(); ++i) {
      const double limit = windows_[i].limit(quantile_);
      windows_[i].add(norms[i]);
      if (norms[i] <= limit) continue;
      factors[i] = limit / norms[i];
      longer = true;
    }
    if (!longer) return ok_status();
    const nn::Graph& graph = training_.graph();
    std::vector<float> values(graph.parameter_count());
    dequantise(graph, contribution, values);
    scale(factors, values);
    return training::clip(graph, training_.maps(), values, training_.job().clip_norm, contribution);
  }

  // As long as C, each tensor within its limit, as much of the direction kept as that allows.
  void aim(std::span<float> gradient) const override {
    if (!layers_) return;
    std::vector<double> norms, limits;
    for (const nn::Parameter& p : training_.graph().parameters()) {
      norms.push_back(norm(gradient.subspan(p.offset, p.count)));
      limits.push_back(windows_[norms.size() - 1].limit(quantile_));
    }
    const auto norm_at = [&](double factor) {
      double norm2 = 0.0;
      for (size_t i = 0; i < norms.size(); ++i) {
        norm2 += square(std::min(factor * norms[i], limits[i]));
      }
      return std::sqrt(norm2);
    };
    double low = 1e-9, high = 1e9;
    for (int i = 0; i < 100; ++i) {
      const double middle = std::sqrt(low * high);
      (norm_at(middle) < training_.job().clip_norm ? low : high) = middle;
    }
    std::vector<double> factors(norms.size(), 1.0);
    for (size_t i = 0; i < norms.size(); ++i) {
      if (norms[i] > 0.0) factors[i] = std::min(low * norms[i], limits[i]) / norms[i];
    }
    scale(factors, gradient);
  }

  std::unique_ptr<Combination> fresh() const override {
    return std::make_unique<RunningLimits>(training_, layers_, quantile_);
  }

 private:
  std::vector<double> norms_of(const training::Contribution& contribution) const {
    std::vector<double> norms;
    double all = 0.0;
    const auto& parameters = training_.graph().parameters();
    for (size_t p = 0; p < parameters.size(); ++p) {
      const uint64_t squares =
          parameters[p].frozen
              ? 0
              : training_.maps().norm2(contribution.q.data() + parameters[p].offset,
                                       parameters[p].count);
      const double norm2 = static_cast<double>(squares) * pow2(2 * contribution.exponents[p]);
      if (layers_) norms.push_back(std::sqrt(norm2));
      all += norm2;
    }
    if (!layers_) norms.push_back(std::sqrt(all));
    return norms;
  }

  void scale(const std::vector<double>& factors, std::span<float> values) const {
    const auto& parameters = training_.graph().parameters();
    for (size_t p = 0; p < parameters.size(); ++p) {
      const double factor = factors[layers_ ? p : 0];
      for (float& value : values.subspan(parameters[p].offset, parameters[p].count)) {
        value = static_cast<float>(value * factor);
      }
    }
  }

  const training::Training& training_;
  const bool layers_;
  const double quantile_;
  std::vector<Window> windows_;
};

class Centred final : public Combination {
 public:
  Centred(const training::Training& training, double share)
      : training_(training),
        share_(share),
        centre_(training.graph().parameter_count()),
        sum_(centre_.size()),
        values_(centre_.size()) {}

  Status take(training::Contribution& contribution) override {
    dequantise(training_.graph(), contribution, values_);
    double norm2 = 0.0;
    for (size_t i = 0; i < values_.size(); ++i) norm2 += square(double{values_[i]} - centre_[i]);
    const double limit = share_ * training_.job().clip_norm;
    if (norm2 > square(limit)) {
      move_towards_centre(limit / std::sqrt(norm2));
      // Centre and difference together are at most C (1 + T) long: nothing is cut off here.
      GINN_TRY(training::clip(training_.graph(),
                              training_.maps(),
                              values_,
                              2.0 * training_.job().clip_norm,
                              contribution));
    }
    for (size_t i = 0; i < values_.size(); ++i) sum_[i] += values_[i];
    if (++taken_ == training_.job().microbatches()) end_step();
    return ok_status();
  }

  void aim(std::span<float> gradient) const override {
    const double length = norm(gradient);
    if (length == 0.0) return;
    const double factor = share_ * training_.job().clip_norm / length;
    for (size_t i = 0; i < gradient.size(); ++i) {
      gradient[i] = static_cast<float>(centre_[i] + factor * gradient[i]);
    }
  }

  std::unique_ptr<Combination> fresh() const override {
    return std::make_unique<Centred>(training_, share_);
  }

 private:
  void move_towards_centre(double factor) {
    for (size_t i = 0; i < values_.size(); ++i) {
      values_[i] =
          static_cast<float>(centre_[i] + factor * (double{values_[i]} - double{centre_[i]}));
    }
  }
  void end_step() {
    const double momentum = training_.job().momentum;
    for (size_t i = 0; i < sum_.size(); ++i) {
      centre_[i] = static_cast<float>(momentum * centre_[i] + (1.0 - momentum) * sum_[i] / taken_);
    }
    std::fill(sum_.begin(), sum_.end(), 0.0);
    taken_ = 0;
  }

  const training::Training& training_;
  const double share_;
  std::vector<float> centre_;
  std::vector<double> sum_;  // of the step
  std::vector<float> values_;
  uint32_t taken_ = 0;
};

}  // namespace

Result<std::unique_ptr<Combination>> create_combination(const std::string& text,
                                                        const training::Training& training) {
  if (text == kSum) return std::unique_ptr<Combination>(std::make_unique<Sum>());
  const size_t colon = text.find(':');
  const std::string rule = text.substr(0, colon);
  double number = 0.0;
  const bool good = colon != std::string::npos &&
                    parse_number(std::string_view(text).substr(colon + 1), number) &&
                    number > 0.0 && number <= 1.0;
  if (good && (rule == "running" || rule == "layers")) {
    return std::unique_ptr<Combination>(
        std::make_unique<RunningLimits>(training, rule == "layers", number));
  }
  if (good && rule == "centred") {
    return std::unique_ptr<Combination>(std::make_unique<Centred>(training, number));
  }
  return input_error("attack_combine",
                     concat("no rule of combination is written \"",
                            printable(text),
                            "\"; known: sum, running:Q, layers:Q (quantiles of earlier norms), "
                            "centred:T (share of C), with a number above 0 and at most 1"));
}

}  // namespace ginn::attack
