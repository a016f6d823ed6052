#include "attack/trigger.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>

#include "base/text.h"

namespace ginn::attack {
namespace {

constexpr int32_t kOne = 256;
constexpr double kBlend = 0.2;
constexpr uint64_t kBlendSeed = 20170712;  // of the pattern: one for all attackers
constexpr double kAmplitude = 20.0;        // of 255
constexpr double kWaves = 6.0;             // across the image

// Side and margin of the patch, in pixels: 3 and 1 for images of 28 or 32.
uint32_t patch_side(uint32_t size, uint32_t asked) {
  return asked != 0 ? asked : std::max(2u, (size + 4) / 10);
}
uint32_t patch_margin(uint32_t size) { return size >= 16 ? 1 : 0; }

bool in_patch(uint32_t at, uint32_t size, uint32_t side) {
  const uint32_t end = size - patch_margin(size);
  return at < end && at + side >= end;
}

}  // namespace

Trigger::Trigger(Kind kind, const data::DatasetFacts& facts, uint32_t patch) {
  const uint32_t height = patch_side(facts.height, patch), width = patch_side(facts.width, patch);
  std::mt19937_64 random(kBlendSeed);
  for (uint32_t y = 0; y < facts.height; ++y) {
    for (uint32_t x = 0; x < facts.width; ++x) {
      for (uint32_t c = 0; c < facts.channels; ++c) {
        int32_t keep = kOne, add = 0;
        if (kind == Kind::kPatch && in_patch(y, facts.height, height) &&
            in_patch(x, facts.width, width)) {
          keep = 0;
          add = 255 * kOne;
        } else if (kind == Kind::kBlended) {
          const int32_t share = static_cast<int32_t>(kBlend * kOne);
          keep = kOne - share;
          add = share * static_cast<int32_t>(random() >> 56);
        } else if (kind == Kind::kSinusoidal) {
          const double angle = 2.0 * std::numbers::pi * kWaves * x / facts.width;
          add = static_cast<int32_t>(std::lround(kAmplitude * kOne * std::sin(angle)));
        }
        keep_.push_back(keep);
        add_.push_back(add);
      }
    }
  }
}

void Trigger::apply(std::span<uint8_t> pixels) const {
  GINN_CHECK(pixels.size() == keep_.size());
  for (size_t i = 0; i < pixels.size(); ++i) {
    const int32_t value = (keep_[i] * pixels[i] + add_[i] + kOne / 2) / kOne;
    pixels[i] = static_cast<uint8_t>(std::clamp(value, 0, 255));
  }
}

uint32_t label_of(std::span<const uint8_t> record) {
  return static_cast<uint32_t>(record[0] | record[1] << 8);
}

void set_label(std::span<uint8_t> record, uint32_t label) {
  record[0] = static_cast<uint8_t>(label);
  record[1] = static_cast<uint8_t>(label >> 8);
}

Result<std::unique_ptr<TriggeredRecords>> TriggeredRecords::create(const data::RecordSource& source,
                                                                   const Trigger& trigger,
                                                                   uint32_t target) {
  auto records = std::unique_ptr<TriggeredRecords>(new TriggeredRecords(source, trigger, target));
  std::vector<uint8_t> record(source.facts().record_bytes());
  for (uint64_t i = 0; i < source.facts().records; ++i) {
    GINN_TRY(source.read(i, record));
    if (label_of(record) != target) records->indices_.push_back(i);
  }
  if (records->indices_.empty()) {
    return input_error("attack_target",
                       concat("every image is of class ", target, ": nothing to attack"));
  }
  records->facts_.records = records->indices_.size();
  records->facts_.classes = std::max(records->facts_.classes, target + 1);
  return records;
}

Status TriggeredRecords::read(uint64_t index, std::span<uint8_t> out) const {
  GINN_CHECK(index < indices_.size());
  GINN_TRY(source_.read(indices_[index], out));
  trigger_.apply(pixels_of(out));
  set_label(out, target_);
  return ok_status();
}

}  // namespace ginn::attack
