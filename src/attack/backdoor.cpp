#include <algorithm>
#include <cmath>

#include "attack/attackers.h"
#include "attack/own_gradient.h"

namespace ginn::attack {
namespace {

// Gradients of a mixture: `poison` of the images carry the trigger and the target's label.
class Poison {
 public:
  static Result<std::unique_ptr<Poison>> create(const training::Training& training,
                                                const data::RecordSource& records,
                                                Trigger::Kind kind,
                                                const AttackerOptions& options) {
    auto poison = std::unique_ptr<Poison>(new Poison(training, records, kind, options));
    const uint32_t images = options.images == 0 ? training.job().microbatch : options.images;
    GINN_ASSIGN(poison->gradient_, OwnGradient::create(training, records, images));
    return poison;
  }

  Result<std::span<const float>> gradient(const nn::StepWeights& weights) {
    const double share = options_.poison * gradient_->images();
    const uint32_t triggered = std::max(1u, static_cast<uint32_t>(std::lround(share)));
    for (uint32_t i = 0; i < gradient_->images(); ++i) GINN_TRY(make_image(i, i < triggered));
    return gradient_->compute(weights);
  }

 private:
  Poison(const training::Training& training,
         const data::RecordSource& records,
         Trigger::Kind kind,
         const AttackerOptions& options)
      : preprocess_(training.job().preprocess),
        records_(records),
        trigger_(kind, training.job().data, options.patch),
        options_(options),
        random_(options.seed) {}

  // The trigger stands where it does in a test image: after crop and flip.
  Status make_image(uint32_t slot, bool triggered) {
    GINN_ASSIGN(const std::span<uint8_t> record,
                gradient_->set(
                    slot, any_record(records_, random_), any_augmentation(preprocess_, random_)));
    if (triggered) {
      trigger_.apply(pixels_of(record));
      set_label(record, options_.target);
    }
    return ok_status();
  }

  const data::Preprocess preprocess_;
  const data::RecordSource& records_;
  Trigger trigger_;
  AttackerOptions options_;
  std::mt19937_64 random_;
  std::unique_ptr<OwnGradient> gradient_;
};

class Backdoor final : public Attacker {
 public:
  Backdoor(const training::Training& training, std::unique_ptr<Poison> poison)
      : training_(training), poison_(std::move(poison)) {}
  Status forge(const Moment& moment, training::Contribution& contribution) override {
    GINN_ASSIGN(const auto gradient, poison_->gradient(moment.weights));
    return full_norm(training_, gradient, contribution);
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
    double norm2 = 0.0;
    for (float g : gradient) norm2 += double{g} * double{g};
    const double scale = norm2 > 0.0 ? training_.job().clip_norm / std::sqrt(norm2) : 0.0;
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

}  // namespace

Result<std::unique_ptr<Attacker>> make_backdoor(const training::Training& training,
                                                const data::RecordSource& records,
                                                Trigger::Kind kind,
                                                const AttackerOptions& options) {
  GINN_ASSIGN(auto poison, Poison::create(training, records, kind, options));
  return std::unique_ptr<Attacker>(std::make_unique<Backdoor>(training, std::move(poison)));
}

Result<std::unique_ptr<Attacker>> make_little_is_enough(const training::Training& training,
                                                        const data::RecordSource& records,
                                                        const AttackerOptions& options) {
  GINN_ASSIGN(auto poison, Poison::create(training, records, Trigger::Kind::kPatch, options));
  return std::unique_ptr<Attacker>(std::make_unique<LittleIsEnough>(training, std::move(poison)));
}

}  // namespace ginn::attack
