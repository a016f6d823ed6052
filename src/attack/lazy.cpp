#include <algorithm>

#include "arithmetic/format.h"
#include "attack/attackers.h"
#include "attack/own_gradient.h"

namespace ginn::attack {
namespace {

// A tensor of zeros has one exponent (docs/arithmetic.md, section 7).
void fix_zero_exponents(const nn::Graph& graph, training::Contribution& contribution) {
  for (size_t p = 0; p < graph.parameters().size(); ++p) {
    const nn::Parameter& parameter = graph.parameters()[p];
    const int16_t* q = contribution.q.data() + parameter.offset;
    if (std::all_of(q, q + parameter.count, [](int16_t value) { return value == 0; })) {
      contribution.exponents[p] = kMinContributionExponent;
    }
  }
}

// Nothing at all.
class Zero final : public Attacker {
 public:
  explicit Zero(const training::Training& training) : zero_(training.graph()) {}
  Status forge(const Moment&, training::Contribution& contribution) override {
    copy(zero_, contribution);
    return ok_status();
  }

 private:
  training::Contribution zero_;
};

// The contribution of the same microbatch of the step before; the first step's stays honest.
class Stale final : public Attacker {
 public:
  explicit Stale(const training::Training& training) {
    for (uint32_t j = 0; j < training.job().microbatches(); ++j) {
      before_.emplace_back(training.graph());
      now_.emplace_back(training.graph());
    }
  }
  void see(const Moment& moment, const training::Contribution& honest) override {
    if (moment.j == 0) std::swap(before_, now_);
    copy(honest, now_[moment.j]);
  }
  Status forge(const Moment& moment, training::Contribution& contribution) override {
    if (moment.t > 0) copy(before_[moment.j], contribution);
    return ok_status();
  }

 private:
  std::vector<training::Contribution> before_, now_;
};

// The contribution handed over just before, of another microbatch; the first one stays honest.
class Copy final : public Attacker {
 public:
  explicit Copy(const training::Training& training)
      : before_(training.graph()), now_(training.graph()) {}
  void see(const Moment&, const training::Contribution& honest) override {
    std::swap(before_, now_);
    copy(honest, now_);
    ++seen_;
  }
  Status forge(const Moment&, training::Contribution& contribution) override {
    if (seen_ > 1) copy(before_, contribution);
    return ok_status();
  }

 private:
  training::Contribution before_, now_;
  uint64_t seen_ = 0;
};

// As if the gradients had been computed with 8 bits: the lower half of each integer is cut off.
class LowPrecision final : public Attacker {
 public:
  explicit LowPrecision(const training::Training& training) : training_(training) {}
  Status forge(const Moment&, training::Contribution& contribution) override {
    int16_t* q = contribution.q.data();
    for (size_t i = 0; i < contribution.q.size(); ++i)
      q[i] = static_cast<int16_t>(q[i] / 256 * 256);
    fix_zero_exponents(training_.graph(), contribution);
    return ok_status();
  }

 private:
  const training::Training& training_;
};

// The gradient of the first half of the microbatch's images.
class Subsample final : public Attacker {
 public:
  Subsample(const training::Training& training, std::unique_ptr<OwnGradient> half)
      : training_(training), half_(std::move(half)) {}
  Status forge(const Moment& moment, training::Contribution& contribution) override {
    const job::Job& job = training_.job();
    const std::vector<uint64_t> indices = training_.record_indices(moment.t, moment.j);
    for (uint32_t i = 0; i < half_->images(); ++i) {
      const auto augmentation =
          data::augmentation(job.preprocess, job.seed, moment.t, moment.j * job.microbatch + i);
      GINN_TRY(half_->set(i, indices[i], augmentation));
    }
    GINN_ASSIGN(const auto gradient, half_->compute(moment.weights));
    return training::clip(
        training_.graph(), training_.maps(), gradient, job.clip_norm, contribution);
  }

 private:
  const training::Training& training_;
  std::unique_ptr<OwnGradient> half_;
};

}  // namespace

std::unique_ptr<Attacker> make_zero(const training::Training& training) {
  return std::make_unique<Zero>(training);
}

std::unique_ptr<Attacker> make_stale(const training::Training& training) {
  return std::make_unique<Stale>(training);
}

std::unique_ptr<Attacker> make_copy(const training::Training& training) {
  return std::make_unique<Copy>(training);
}

std::unique_ptr<Attacker> make_low_precision(const training::Training& training) {
  return std::make_unique<LowPrecision>(training);
}

Result<std::unique_ptr<Attacker>> make_subsample(const training::Training& training,
                                                 const data::RecordSource& records) {
  GINN_ASSIGN(auto half,
              OwnGradient::create(training, records, std::max(1u, training.job().microbatch / 2)));
  return std::unique_ptr<Attacker>(std::make_unique<Subsample>(training, std::move(half)));
}

}  // namespace ginn::attack
