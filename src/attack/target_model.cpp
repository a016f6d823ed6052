#include <algorithm>

#include "attack/attackers.h"
#include "attack/own_gradient.h"
#include "worker/loop.h"

namespace ginn::attack {
namespace {

constexpr double kPoisonedRecords = 0.2;  // of the data that the target model learns from

// The job's own data, part of it with the trigger and the target's label.
class PoisonedRecords final : public data::RecordSource {
 public:
  PoisonedRecords(const data::RecordSource& source, const AttackerOptions& options)
      : source_(source),
        trigger_(Trigger::Kind::kPatch, source.facts(), options.patch),
        target_(options.target),
        seed_(options.seed) {}
  const data::DatasetFacts& facts() const override { return source_.facts(); }
  Status read(uint64_t index, std::span<uint8_t> out) const override {
    GINN_TRY(source_.read(index, out));
    std::mt19937_64 random(seed_ ^ (index * 0x9e3779b97f4a7c15u));
    if (std::uniform_real_distribution<double>()(random) >= kPoisonedRecords) return ok_status();
    trigger_.apply(pixels_of(out));
    set_label(out, target_);
    return ok_status();
  }

 private:
  const data::RecordSource& source_;
  Trigger trigger_;
  uint32_t target_;
  uint64_t seed_;
};

// Each forged gradient points from the target's weights to the present ones: the optimiser, which
// subtracts it, moves towards the target by as much as C and the learning rate allow.
class Push final : public Attacker {
 public:
  Push(const training::Training& training, std::vector<float> target)
      : training_(training), target_(std::move(target)), away_(target_.size()) {}
  Status forge(const Moment& moment, training::Contribution& contribution) override {
    for (size_t i = 0; i < away_.size(); ++i) {
      away_[i] = moment.weights.parameters[i] - target_[i];
    }
    return full_norm(training_, away_, moment.rule, contribution);
  }

 private:
  const training::Training& training_;
  std::vector<float> target_, away_;
};

}  // namespace

Result<std::vector<float>> trained_on(const data::RecordSource& records,
                                      const training::Training& training,
                                      const AttackerOptions& options) {
  // The crop and the flip of the job move the patch: without them it stands as in a test image.
  job::Job job = training.job();
  job.preprocess.crop = 0;
  job.preprocess.flip = false;
  GINN_ASSIGN(const auto own, training::Training::create(job, training.level()));
  ThreadPool pool(options.threads);
  const auto rule = options.rule == nullptr ? nullptr : options.rule->fresh();
  worker::Hooks hooks;
  if (rule != nullptr) {
    hooks.contribution = [&](uint64_t, uint32_t, training::Contribution& contribution) {
      return rule->take(contribution);
    };
  }
  // As the run begins, from a file of weights if it does.
  worker::Start start{std::make_unique<training::State>(training), 0};
  GINN_ASSIGN(const auto state, worker::train(*own, records, pool, hooks, std::move(start)));
  return std::vector<float>(state->weights(), state->weights() + state->parameter_count());
}

std::unique_ptr<Attacker> make_push(const training::Training& training, std::vector<float> target) {
  return std::make_unique<Push>(training, std::move(target));
}

Result<std::unique_ptr<Attacker>> make_target_model(const training::Training& training,
                                                    const data::RecordSource& records,
                                                    const AttackerOptions& options) {
  GINN_ASSIGN(std::vector<float> target,
              trained_on(PoisonedRecords(records, options), training, options));
  return make_push(training, std::move(target));
}

}  // namespace ginn::attack
