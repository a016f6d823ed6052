#include "attack/attacker.h"

#include <random>

#include "base/text.h"

namespace ginn::attack {
namespace {

// Random numbers here decide what an attacker does, never what a job gives.
std::set<uint64_t> choose(uint64_t contributions, uint64_t count, std::mt19937_64& random) {
  std::set<uint64_t> chosen;
  std::uniform_int_distribution<uint64_t> any(0, contributions - 1);
  while (chosen.size() < count) chosen.insert(any(random));
  return chosen;
}

// Gradients of Gaussian noise at the full norm C: the simplest way to spoil a model.
class Noise final : public Attacker {
 public:
  Noise(const training::Training& training, uint64_t count, uint64_t seed)
      : training_(training),
        random_(seed),
        chosen_(choose(training.job().contributions(), count, random_)),
        noise_(training.graph().parameter_count()) {}

  bool replace(uint64_t t, uint32_t j, training::Contribution& contribution) override {
    if (!chosen_.contains(t * training_.job().microbatches() + j)) return false;
    std::normal_distribution<float> normal(0.0f, 1000.0f);
    for (float& value : noise_) value = normal(random_);
    GINN_CHECK(
        training::clip(
            training_.graph(), training_.maps(), noise_, training_.job().clip_norm, contribution)
            .ok());
    return true;
  }

 private:
  const training::Training& training_;
  std::mt19937_64 random_;
  std::set<uint64_t> chosen_;
  std::vector<float> noise_;
};

}  // namespace

std::vector<std::string> attack_names() { return {"noise"}; }

Result<std::unique_ptr<Attacker>> create_attacker(const std::string& name,
                                                  const training::Training& training,
                                                  uint64_t count,
                                                  uint64_t seed) {
  const uint64_t contributions = training.job().contributions();
  if (count < 1 || count > contributions) {
    return input_error(
        "attack_count",
        concat(
            "an attack replaces 1 to ", contributions, " contributions of this job, not ", count));
  }
  if (name == "noise") {
    return std::unique_ptr<Attacker>(std::make_unique<Noise>(training, count, seed));
  }
  std::string known;
  for (const std::string& n : attack_names()) known += concat(known.empty() ? "" : ", ", n);
  return input_error("unknown_attack",
                     concat("no attack is called \"", printable(name), "\"; known: ", known));
}

}  // namespace ginn::attack
