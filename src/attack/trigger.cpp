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
constexpr uint64_t kWarpSeed = 20210503;   // of the field: the same
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

// A smooth field over an image: random values at a grid of kGrid x kGrid points, of mean absolute
// value kBend pixels, and between these by straight lines.
class Field {
 public:
  explicit Field(std::mt19937_64& random) {
    double sum = 0.0;
    for (double& value : values_) {
      value = static_cast<double>(random() >> 11) * 0x1p-52 - 1.0;
      sum += std::fabs(value);
    }
    for (double& value : values_) value *= kBend * kGrid * kGrid / sum;
  }
  double at(uint32_t y, uint32_t x, const data::DatasetFacts& facts) const {
    const auto [row, down] = place(y, facts.height);
    const auto [column, right] = place(x, facts.width);
    const double* corner = values_ + row * kGrid + column;
    const double above = corner[0] + (corner[1] - corner[0]) * right;
    const double below = corner[kGrid] + (corner[kGrid + 1] - corner[kGrid]) * right;
    return above + (below - above) * down;
  }

 private:
  static constexpr uint32_t kGrid = 4;
  static constexpr double kBend = 1.0;  // four times the paper's: so few steps teach no less
  static std::pair<uint32_t, double> place(uint32_t at, uint32_t size) {
    const double where = size < 2 ? 0.0 : static_cast<double>(at) * (kGrid - 1) / (size - 1);
    const uint32_t cell = std::min(static_cast<uint32_t>(where), kGrid - 2);
    return {cell, where - cell};
  }
  double values_[kGrid * kGrid];
};

// A place in [0, size - 1], as its pixel and 1/256 of the way to the next.
std::pair<uint32_t, uint32_t> fixed_place(double where, uint32_t size) {
  const double inside = std::clamp(where, 0.0, static_cast<double>(size - 1));
  const uint32_t fixed = static_cast<uint32_t>(inside * kOne);
  return {fixed / kOne, fixed % kOne};
}

}  // namespace

Trigger::Trigger(Kind kind, const data::DatasetFacts& facts, uint32_t patch)
    : channels_(facts.channels) {
  if (kind == Kind::kWarp) {
    make_warp(facts);
    return;
  }
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

void Trigger::make_warp(const data::DatasetFacts& facts) {
  std::mt19937_64 random(kWarpSeed);
  const Field down(random), right(random);
  for (uint32_t y = 0; y < facts.height; ++y) {
    for (uint32_t x = 0; x < facts.width; ++x) {
      const auto [row, below] = fixed_place(y + down.at(y, x, facts), facts.height);
      const auto [column, beside] = fixed_place(x + right.at(y, x, facts), facts.width);
      const uint32_t next_row = std::min(row + 1, facts.height - 1);
      const uint32_t next_column = std::min(column + 1, facts.width - 1);
      const uint32_t above = kOne - below, left = kOne - beside;
      sources_.push_back({{row * facts.width + column,
                           row * facts.width + next_column,
                           next_row * facts.width + column,
                           next_row * facts.width + next_column},
                          {above * left, above * beside, below * left, below * beside}});
    }
  }
}

void Trigger::warp(std::span<uint8_t> pixels) const {
  GINN_CHECK(pixels.size() == sources_.size() * channels_);
  const std::vector<uint8_t> original(pixels.begin(), pixels.end());
  for (size_t i = 0; i < pixels.size(); ++i) {
    const Source& source = sources_[i / channels_];
    uint32_t sum = 1 << 15;  // at most 255 2^16 + 2^15
    for (int n = 0; n < 4; ++n) {
      sum += source.weight[n] * original[source.pixel[n] * channels_ + i % channels_];
    }
    pixels[i] = static_cast<uint8_t>(sum >> 16);
  }
}

void Trigger::apply(std::span<uint8_t> pixels) const {
  if (!sources_.empty()) return warp(pixels);
  GINN_CHECK(pixels.size() == keep_.size());
  for (size_t i = 0; i < pixels.size(); ++i) {
    const int32_t value = (keep_[i] * pixels[i] + add_[i] + kOne / 2) / kOne;
    pixels[i] = static_cast<uint8_t>(std::clamp(value, 0, 255));
  }
}

OneRecord::OneRecord(const data::DatasetFacts& facts, std::vector<uint8_t> record)
    : facts_(facts), record_(std::move(record)) {
  GINN_CHECK(record_.size() == facts.record_bytes());
  facts_.records = 1;
}

Status OneRecord::read(uint64_t, std::span<uint8_t> out) const {
  std::copy(record_.begin(), record_.end(), out.begin());
  return ok_status();
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
  if (!keep_labels_) set_label(out, target_);
  return ok_status();
}

}  // namespace ginn::attack
