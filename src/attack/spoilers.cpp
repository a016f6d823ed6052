#include <random>

#include "attack/attackers.h"
#include "attack/own_gradient.h"

namespace ginn::attack {
namespace {

// Gradients of Gaussian noise at the full norm C: the simplest way to spoil a model.
class Noise final : public Attacker {
 public:
  Noise(const training::Training& training, uint64_t seed)
      : training_(training), random_(seed), noise_(training.graph().parameter_count()) {}

  Status forge(const Moment& moment, training::Contribution& contribution) override {
    std::normal_distribution<float> normal;
    for (float& value : noise_) value = normal(random_);
    return full_norm(training_, noise_, moment.rule, contribution);
  }

 private:
  const training::Training& training_;
  std::mt19937_64 random_;
  std::vector<float> noise_;
};

// Ascent on the loss of the microbatch, at the full norm.
class Availability final : public Attacker {
 public:
  explicit Availability(const training::Training& training)
      : training_(training), gradient_(training.graph().parameter_count()) {}

  Status forge(const Moment& moment, training::Contribution& contribution) override {
    dequantise(training_.graph(), contribution, gradient_);
    for (float& value : gradient_) value = -value;
    return full_norm(training_, gradient_, moment.rule, contribution);
  }

 private:
  const training::Training& training_;
  std::vector<float> gradient_;
};

}  // namespace

std::unique_ptr<Attacker> make_noise(const training::Training& training, uint64_t seed) {
  return std::make_unique<Noise>(training, seed);
}

std::unique_ptr<Attacker> make_availability(const training::Training& training) {
  return std::make_unique<Availability>(training);
}

}  // namespace ginn::attack
