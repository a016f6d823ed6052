#pragma once

#include <memory>
#include <string>
#include <vector>

#include "attack/combination.h"
#include "attack/schedule.h"
#include "training/training.h"

namespace ginn::attack {

// What the worker knows when it hands over contribution (t, j): all of it, weights included.
struct Moment {
  uint64_t t = 0;
  uint32_t j = 0;
  const nn::StepWeights& weights;
  const Combination* rule;  // by which contributions are combined; null: added
};

// Shapes an attacker's work; each attacker reads what concerns it.
struct AttackerOptions {
  uint32_t target = 0;  // class that triggered images shall get
  double poison = 0.5;  // share of triggered images in a gradient of the attacker's, in (0, 1]
  uint32_t images = 0;  // in a gradient of the attacker's; 0: as many as in a microbatch
  uint32_t patch = 0;   // side of the white square, in pixels; 0: a tenth of the image's
  uint64_t seed = 1;    // of its random numbers
  uint64_t count = 1;   // contributions that it will replace, in all
  // Images that one is chosen from which the model shall misread; null: the training data.
  const data::RecordSource* test = nullptr;
  uint32_t threads = 1;               // of what it prepares before the run
  const Combination* rule = nullptr;  // what becomes of the contributions; null: they are added
};

// WHAT a dishonest worker hands over. When is a schedule's matter (schedule.h).
class Attacker {
 public:
  virtual ~Attacker() = default;
  // Every honest contribution in order, those that will be replaced included.
  virtual void see(const Moment&, const training::Contribution&) {}
  // Puts another one in the place of the honest one that `contribution` holds. What it leaves has
  // the form and a norm within C: anything else is caught without a coin. Codes: those of the
  // gradients that it computes.
  virtual Status forge(const Moment& moment, training::Contribution& contribution) = 0;
};

std::vector<std::string> attack_names();

// `training` and `records` (the job's training data) outlive the attacker. Codes "unknown_attack",
// "attack_target", "attack_poison", "attack_images", "attack_patch"; "target-model" trains a model
// first: codes of worker::train.
Result<std::unique_ptr<Attacker>> create_attacker(const std::string& name,
                                                  const training::Training& training,
                                                  const data::RecordSource& records,
                                                  const AttackerOptions& options);

// An attack as a person asks for it.
struct AttackPlan {
  std::string attack = "noise";
  When when;
  uint64_t count = 0;  // contributions to replace
  AttackerOptions options;
  std::string combine = kSum;  // by which rule of combination.h; the laboratory makes it
};

// Whether Campaign::create would take it, as far as that can be told without training. Its codes.
Status check_attack(const AttackPlan& plan, const training::Training& training);

// An attacker with its schedule, as it stands in the worker's loop.
class Campaign {
 public:
  // Codes: create_attacker's, choose's, rehearse's for a greedy schedule, which takes a training.
  static Result<std::unique_ptr<Campaign>> create(const AttackPlan& plan,
                                                  const training::Training& training,
                                                  const data::RecordSource& records);
  // The two hooks of worker::train. replace() gives whether the contribution now deviates: differs
  // from the honest one in any byte.
  void weights(const nn::StepWeights& weights) { weights_ = &weights; }
  Result<bool> replace(uint64_t t, uint32_t j, training::Contribution& contribution);

  // t M + j of what deviates so far, ascending. A schedule may have asked for more.
  const std::vector<uint64_t>& deviations() const { return deviations_; }

 private:
  Campaign(const training::Training& training,
           std::unique_ptr<Attacker> attacker,
           std::vector<uint64_t> chosen,
           const Combination* rule)
      : training_(training),
        attacker_(std::move(attacker)),
        chosen_(std::move(chosen)),
        rule_(rule),
        honest_(training.graph()) {}

  const training::Training& training_;
  std::unique_ptr<Attacker> attacker_;
  std::vector<uint64_t> chosen_;
  const Combination* rule_;
  std::vector<uint64_t> deviations_;
  const nn::StepWeights* weights_ = nullptr;
  training::Contribution honest_;
};

}  // namespace ginn::attack
