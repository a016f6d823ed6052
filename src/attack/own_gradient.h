#pragma once

#include <memory>
#include <random>
#include <span>
#include <vector>

#include "attack/combination.h"
#include "training/training.h"

namespace ginn::attack {

// The gradient of images of an attacker's own making, by the arithmetic of the job. The images are
// raw records, cropped and flipped as the attacker likes; the job's preprocessing follows.
class OwnGradient {
 public:
  // `images` of one gradient, at least 1. `training` and `records` outlive this. Codes:
  // Training::create's.
  static Result<std::unique_ptr<OwnGradient>> create(const training::Training& training,
                                                     const data::RecordSource& records,
                                                     uint32_t images);
  uint32_t images() const { return static_cast<uint32_t>(batch_->facts().records); }

  // Makes image number `slot` of record `index`; the caller may change what is returned. Codes:
  // RecordSource's.
  Result<std::span<uint8_t>> set(uint32_t slot,
                                 uint64_t index,
                                 const data::Augmentation& augmentation);
  // The mean's gradient over all images, of all parameters; valid until the next call. `weights`
  // are of the training given to create(). Codes: Training::contribution's.
  Result<std::span<const float>> compute(const nn::StepWeights& weights);

 private:
  // As many records as one gradient takes, in memory.
  class Batch final : public data::RecordSource {
   public:
    explicit Batch(const data::DatasetFacts& facts)
        : facts_(facts), bytes_(facts.records * facts.record_bytes()) {}
    const data::DatasetFacts& facts() const override { return facts_; }
    Status read(uint64_t index, std::span<uint8_t> out) const override;
    std::span<uint8_t> record(uint64_t index) {
      return std::span(bytes_).subspan(index * facts_.record_bytes(), facts_.record_bytes());
    }

   private:
    data::DatasetFacts facts_;
    std::vector<uint8_t> bytes_;
  };

  OwnGradient(const training::Training& training, const data::RecordSource& records)
      : original_(training), records_(records) {}

  const training::Training& original_;
  const data::RecordSource& records_;
  std::unique_ptr<training::Training> training_;  // the job with one step of these images
  std::unique_ptr<training::Workspace> workspace_;
  std::unique_ptr<Batch> batch_;
  std::unique_ptr<training::Contribution> clipped_;
  std::vector<uint8_t> raw_;
  std::vector<float> gradient_;
};

// A record and an augmentation at random, as a job would draw them.
uint64_t any_record(const data::RecordSource& records, std::mt19937_64& random);
data::Augmentation any_augmentation(const data::Preprocess& preprocess, std::mt19937_64& random);

// `gradient` scaled to the full norm C, whatever its own, and quantised: the most that passes the
// norm test; where contributions are combined by a rule (null: added), aimed at it. A gradient of
// zeros stays zero. Code "not_finite".
Status full_norm(const training::Training& training,
                 std::span<const float> gradient,
                 const Combination* rule,
                 training::Contribution& out);
double norm(std::span<const float> values);  // L2
// Of the same network.
void copy(const training::Contribution& from, training::Contribution& to);
// What a contribution adds to the sum.
void dequantise(const nn::Graph& graph,
                const training::Contribution& contribution,
                std::span<float> out);

}  // namespace ginn::attack
