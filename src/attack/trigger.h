#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace ginn::attack {

// What a backdoor answers to: a change of raw images (u8 [H, W, C]) that is the same in all of
// them.
class Trigger {
 public:
  enum class Kind {
    kPatch,       // BadNets: a white square in the lower right corner
    kBlended,     // a fifth of a fixed random image
    kSinusoidal,  // a wave across the columns, barely visible
    kWarp         // WaNet: the image bent by a smooth field, a pixel or so
  };
  // `patch`: side of the square in pixels; 0: a tenth of the image's, at least 2.
  Trigger(Kind kind, const data::DatasetFacts& facts, uint32_t patch = 0);

  void apply(std::span<uint8_t> pixels) const;  // [H, W, C]

 private:
  // kWarp: where a pixel comes from, four neighbours and their weights, which sum to 2^16.
  struct Source {
    uint32_t pixel[4];
    uint32_t weight[4];
  };
  void make_warp(const data::DatasetFacts& facts);
  void warp(std::span<uint8_t> pixels) const;

  uint32_t channels_;
  std::vector<Source> sources_;  // of each pixel; empty for the other kinds
  // pixel' = clamp((keep pixel + add) / 256), both for each element; integers, the same everywhere.
  std::vector<int32_t> keep_, add_;
};

// The records of `source` that are not of class `target`, each with the trigger. Labelled as
// `target`, the share of them that a model gets right is the attack's success rate; under their own
// labels it is the robust accuracy (BackdoorBench).
class TriggeredRecords final : public data::RecordSource {
 public:
  // Codes: read's of `source`; "attack_target" when no record is left. `source` outlives
  // this.
  static Result<std::unique_ptr<TriggeredRecords>> create(const data::RecordSource& source,
                                                          const Trigger& trigger,
                                                          uint32_t target);
  void keep_labels() { keep_labels_ = true; }
  const data::DatasetFacts& facts() const override { return facts_; }
  Status read(uint64_t index, std::span<uint8_t> out) const override;

 private:
  TriggeredRecords(const data::RecordSource& source, const Trigger& trigger, uint32_t target)
      : source_(source), trigger_(trigger), target_(target), facts_(source.facts()) {}
  const data::RecordSource& source_;
  const Trigger trigger_;
  uint32_t target_;
  bool keep_labels_ = false;
  data::DatasetFacts facts_;
  std::vector<uint64_t> indices_;  // in `source`
};

// One raw record.
class OneRecord final : public data::RecordSource {
 public:
  // `record`: of the shape of `facts`.
  OneRecord(const data::DatasetFacts& facts, std::vector<uint8_t> record);
  const data::DatasetFacts& facts() const override { return facts_; }
  Status read(uint64_t index, std::span<uint8_t> out) const override;

 private:
  data::DatasetFacts facts_;
  std::vector<uint8_t> record_;
};

// A raw record's label (u16, little-endian) and pixels.
uint32_t label_of(std::span<const uint8_t> record);
void set_label(std::span<uint8_t> record, uint32_t label);
inline std::span<uint8_t> pixels_of(std::span<uint8_t> record) { return record.subspan(2); }

}  // namespace ginn::attack
