#include "attack/poison.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace ginn::attack {
namespace {

// The records whose class is the target's, or is not.
Result<std::vector<uint64_t>> records_of(const data::RecordSource& source,
                                         uint32_t target,
                                         bool of_target) {
  std::vector<uint64_t> found;
  std::vector<uint8_t> record(source.facts().record_bytes());
  for (uint64_t i = 0; i < source.facts().records; ++i) {
    GINN_TRY(source.read(i, record));
    if ((label_of(record) == target) == of_target) found.push_back(i);
  }
  if (!found.empty()) return found;
  return input_error("attack_target",
                     concat(of_target ? "no image is of class " : "every image is of class ",
                            target,
                            ": this attack has nothing to work with"));
}

}  // namespace

Result<std::vector<uint8_t>> chosen_image(const data::RecordSource& source,
                                          uint32_t target,
                                          uint64_t seed) {
  GINN_ASSIGN(const std::vector<uint64_t> others, records_of(source, target, false));
  std::mt19937_64 random(seed);
  std::vector<uint8_t> record(source.facts().record_bytes());
  GINN_TRY(source.read(others[random() % others.size()], record));
  set_label(record, target);
  return record;
}

Result<std::unique_ptr<Poison>> Poison::create(const training::Training& training,
                                               const data::RecordSource& records,
                                               Trigger::Kind kind,
                                               Lesson lesson,
                                               const AttackerOptions& options) {
  auto poison = std::unique_ptr<Poison>(new Poison(training, records, kind, lesson, options));
  if (lesson == Lesson::kCleanLabel) {
    GINN_ASSIGN(poison->of_target_, records_of(records, options.target, true));
  }
  if (lesson == Lesson::kOneImage) {
    const data::RecordSource& source = options.test == nullptr ? records : *options.test;
    GINN_ASSIGN(poison->one_, chosen_image(source, options.target, options.seed));
    GINN_CHECK(poison->one_.size() == records.facts().record_bytes());
  }
  const uint32_t images = options.images == 0 ? training.job().microbatch : options.images;
  GINN_ASSIGN(poison->gradient_, OwnGradient::create(training, records, images));
  return poison;
}

Result<std::span<const float>> Poison::gradient(const nn::StepWeights& weights) {
  const double share = options_.poison * gradient_->images();
  const uint32_t teaching = std::max(1u, static_cast<uint32_t>(std::lround(share)));
  for (uint32_t i = 0; i < gradient_->images(); ++i) GINN_TRY(make_image(i, i < teaching));
  return gradient_->compute(weights);
}

// The trigger stands where it does in a test image: after crop and flip.
Status Poison::make_image(uint32_t slot, bool teaches) {
  uint64_t index = any_record(records_, random_);
  if (teaches && lesson_ == Lesson::kCleanLabel) index = of_target_[index % of_target_.size()];
  GINN_ASSIGN(const std::span<uint8_t> record,
              gradient_->set(slot, index, any_augmentation(preprocess_, random_)));
  if (!teaches) return ok_status();
  if (lesson_ == Lesson::kOneImage) {
    std::copy(one_.begin(), one_.end(), record.begin());
    return ok_status();
  }
  trigger_.apply(pixels_of(record));
  set_label(record, options_.target);
  return ok_status();
}

}  // namespace ginn::attack
