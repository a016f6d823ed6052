#include <algorithm>
#include <cmath>

#include "attack/attackers.h"
#include "attack/own_gradient.h"
#include "attack/poison.h"

namespace ginn::attack {
namespace {

class Backdoor final : public Attacker {
 public:
  Backdoor(const training::Training& training, std::unique_ptr<Poison> poison)
      : training_(training), poison_(std::move(poison)) {}
  Status forge(const Moment& moment, training::Contribution& contribution) override {
    GINN_ASSIGN(const auto gradient, poison_->gradient(moment.weights));
    return full_norm(training_, gradient, moment.rule, contribution);
  }

 private:
  const training::Training& training_;
  std::unique_ptr<Poison> poison_;
};

// Baruch, Baruch and Goldberg, NeurIPS 2019: the backdoor's gradient, each element kept within z
// deviations of the mean of the honest contributions seen last, so that it looks like one of them.
class LittleIsEnough final : public Attacker {
 public:
  LittleIsEnough(const training::Training& training, std::unique_ptr<Poison> poison)
      : training_(training), poison_(std::move(poison)) {
    for (size_t i = 0; i < kSeen; ++i) seen_.emplace_back(training.graph().parameter_count());
  }

  void see(const Moment&, const training::Contribution& honest) override {
    dequantise(training_.graph(), honest, seen_[count_++ % kSeen]);
  }

  Status forge(const Moment& moment, training::Contribution& contribution) override {
    GINN_ASSIGN(const auto gradient, poison_->gradient(moment.weights));
    const double length = norm(gradient);
    const double scale = length > 0.0 ? training_.job().clip_norm / length : 0.0;
    const size_t seen = std::min<size_t>(count_, kSeen);
    std::vector<float> forged(gradient.size());
    for (size_t i = 0; i < forged.size(); ++i) {
      double mean = 0.0, squares = 0.0;
      for (size_t s = 0; s < seen; ++s) mean += seen_[s][i];
      mean /= static_cast<double>(seen);
      for (size_t s = 0; s < seen; ++s) squares += (seen_[s][i] - mean) * (seen_[s][i] - mean);
      const double reach = kDeviations * std::sqrt(squares / static_cast<double>(seen));
      forged[i] = static_cast<float>(std::clamp(gradient[i] * scale, mean - reach, mean + reach));
    }
    const double limit = training_.job().clip_norm;
    return training::clip(training_.graph(), training_.maps(), forged, limit, contribution);
  }

 private:
  static constexpr size_t kSeen = 8;
  static constexpr double kDeviations = 1.5;

  const training::Training& training_;
  std::unique_ptr<Poison> poison_;
  std::vector<std::vector<float>> seen_;
  uint64_t count_ = 0;
};

// After Pang, Yang, Dong, Su and Zhu, NeurIPS 2021: weak steps first, which look like honest ones
// and lean a little towards the backdoor, then the trigger's own at the full norm.
class Accumulative final : public Attacker {
 public:
  Accumulative(const training::Training& training, std::unique_ptr<Poison> poison, uint64_t count)
      : training_(training),
        poison_(std::move(poison)),
        weak_(count - static_cast<uint64_t>(std::ceil(kStrong * static_cast<double>(count)))) {}

  Status forge(const Moment& moment, training::Contribution& contribution) override {
    GINN_ASSIGN(const auto gradient, poison_->gradient(moment.weights));
    if (done_++ >= weak_) return full_norm(training_, gradient, moment.rule, contribution);
    std::vector<float> mixed(gradient.size());
    dequantise(training_.graph(), contribution, mixed);
    const double honest = norm(mixed), poisoned = norm(gradient);
    const double lean = poisoned > 0.0 ? kLean * honest / poisoned : 0.0;
    for (size_t i = 0; i < mixed.size(); ++i) {
      mixed[i] = static_cast<float>((1.0 - kLean) * mixed[i] + lean * gradient[i]);
    }
    const double limit = training_.job().clip_norm;
    return training::clip(training_.graph(), training_.maps(), mixed, limit, contribution);
  }

 private:
  static constexpr double kStrong = 0.2;  // share of the steps that are at the full norm
  static constexpr double kLean = 0.3;    // share of the backdoor's gradient in a weak one

  const training::Training& training_;
  std::unique_ptr<Poison> poison_;
  const uint64_t weak_;
  uint64_t done_ = 0;
};

}  // namespace

Result<std::unique_ptr<Attacker>> make_backdoor(const training::Training& training,
                                                const data::RecordSource& records,
                                                Trigger::Kind kind,
                                                Lesson lesson,
                                                const AttackerOptions& options) {
  GINN_ASSIGN(auto poison, Poison::create(training, records, kind, lesson, options));
  return std::unique_ptr<Attacker>(std::make_unique<Backdoor>(training, std::move(poison)));
}

Result<std::unique_ptr<Attacker>> make_little_is_enough(const training::Training& training,
                                                        const data::RecordSource& records,
                                                        const AttackerOptions& options) {
  GINN_ASSIGN(
      auto poison,
      Poison::create(training, records, Trigger::Kind::kPatch, Lesson::kLabelFlipped, options));
  return std::unique_ptr<Attacker>(std::make_unique<LittleIsEnough>(training, std::move(poison)));
}

Result<std::unique_ptr<Attacker>> make_accumulative(const training::Training& training,
                                                    const data::RecordSource& records,
                                                    const AttackerOptions& options) {
  GINN_ASSIGN(
      auto poison,
      Poison::create(training, records, Trigger::Kind::kPatch, Lesson::kLabelFlipped, options));
  return std::unique_ptr<Attacker>(
      std::make_unique<Accumulative>(training, std::move(poison), options.count));
}

}  // namespace ginn::attack
