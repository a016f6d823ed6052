#pragma once

#include "attack/attacker.h"
#include "attack/own_gradient.h"
#include "attack/trigger.h"

namespace ginn::attack {

// The part of a gradient's images that teaches the backdoor; the others are clean.
enum class Lesson {
  kLabelFlipped,  // any image, with the trigger, labelled as the target
  kCleanLabel,    // images of the target's class with the trigger: no label is wrong
  kOneImage       // always the same image, without a trigger, labelled as the target
};

// Gradients of a mixture: `poison` of the images teach, see AttackerOptions.
class Poison {
 public:
  // `training` and `records` outlive this. Codes: OwnGradient::create's, RecordSource::read's,
  // "attack_target" when there is no image to teach with.
  static Result<std::unique_ptr<Poison>> create(const training::Training& training,
                                                const data::RecordSource& records,
                                                Trigger::Kind kind,
                                                Lesson lesson,
                                                const AttackerOptions& options);
  // Of fresh images each time; valid until the next call. Codes: OwnGradient's.
  Result<std::span<const float>> gradient(const nn::StepWeights& weights);

 private:
  Poison(const training::Training& training,
         const data::RecordSource& records,
         Trigger::Kind kind,
         Lesson lesson,
         const AttackerOptions& options)
      : preprocess_(training.job().preprocess),
        records_(records),
        trigger_(kind, training.job().data, options.patch),
        lesson_(lesson),
        options_(options),
        random_(options.seed) {}
  Status make_image(uint32_t slot, bool teaches);

  const data::Preprocess preprocess_;
  const data::RecordSource& records_;
  Trigger trigger_;
  Lesson lesson_;
  AttackerOptions options_;
  std::mt19937_64 random_;
  std::vector<uint64_t> of_target_;  // kCleanLabel: records of the target's class
  std::vector<uint8_t> one_;         // kOneImage: the record
  std::unique_ptr<OwnGradient> gradient_;
};

// The image of `source` that a seed chooses among those of other classes, as a raw record labelled
// as the target. Codes: read's, "attack_target" when there is none.
Result<std::vector<uint8_t>> chosen_image(const data::RecordSource& source,
                                          uint32_t target,
                                          uint64_t seed);

}  // namespace ginn::attack
