#include "data/augment.h"

#include <algorithm>
#include <cstring>

#include "arithmetic/philox.h"
#include "base/check.h"

namespace ginn::data {

namespace {

// bounded() uses blocks (a, b, 0), (a, b, 1), ...; this third coordinate is never reached by it.
constexpr uint32_t kFlipBlock = 0x80000000;

// Copies `count` pixels so that the first one read is the last one written.
void copy_reversed(const uint8_t* from, uint8_t* to, size_t count, size_t channels) {
  for (size_t pixel = 0; pixel < count; ++pixel) {
    std::memcpy(to + (count - 1 - pixel) * channels, from + pixel * channels, channels);
  }
}

// The part of [0, size) of an axis of the image that lies in a window of [0, size + 2 pad).
struct Overlap {
  size_t from = 0;  // first pixel of the raw image
  size_t to = 0;    // first pixel of the prepared image
  size_t count = 0;
};

// Prepared pixel i shows raw pixel i + offset - crop - pad.
Overlap overlap(size_t size, const Preprocess& preprocess, uint32_t offset) {
  const int64_t prepared = static_cast<int64_t>(size) + 2 * int64_t{preprocess.pad};
  const int64_t shift = int64_t{offset} - preprocess.crop - preprocess.pad;
  const int64_t begin = std::max<int64_t>(0, -shift);
  const int64_t end = std::min<int64_t>(prepared, static_cast<int64_t>(size) - shift);
  if (begin >= end) return {};
  return {static_cast<size_t>(begin + shift),
          static_cast<size_t>(begin),
          static_cast<size_t>(end - begin)};
}

}  // namespace

Augmentation augmentation(const Preprocess& preprocess,
                          uint64_t seed,
                          uint64_t step,
                          uint32_t position) {
  GINN_CHECK(position < uint32_t{1} << 31 && preprocess.crop < uint32_t{1} << 30);
  const Random random(seed, Purpose::kAugment);
  const uint32_t bound = 2 * preprocess.crop + 1;
  Augmentation result;
  result.row = random.bounded(step, 2 * position, bound);
  result.column = random.bounded(step, 2 * position + 1, bound);
  result.flip = preprocess.flip && (random.block(step, position, kFlipBlock)[0] & 1) != 0;
  return result;
}

Augmentation identity_augmentation(const Preprocess& preprocess) {
  return {preprocess.crop, preprocess.crop, false};
}

uint32_t prepare_image(const DatasetFacts& facts,
                       const Preprocess& preprocess,
                       const Augmentation& augmentation,
                       std::span<const uint8_t> record,
                       std::span<uint8_t> image) {
  GINN_CHECK(preprocess.pad < uint32_t{1} << 16);  // sizes below stay under 2^40
  const size_t channels = facts.channels;
  const size_t height = facts.height + 2 * size_t{preprocess.pad};
  const size_t width = facts.width + 2 * size_t{preprocess.pad};
  GINN_CHECK(record.size() == facts.record_bytes());
  GINN_CHECK(image.size() == height * width * channels);
  GINN_CHECK(augmentation.row <= 2 * uint64_t{preprocess.crop} &&
             augmentation.column <= 2 * uint64_t{preprocess.crop});

  std::memset(image.data(), 0, image.size());
  const Overlap rows = overlap(facts.height, preprocess, augmentation.row);
  const Overlap columns = overlap(facts.width, preprocess, augmentation.column);
  const size_t to_column = augmentation.flip ? width - columns.to - columns.count : columns.to;
  for (size_t row = 0; row < rows.count; ++row) {
    const uint8_t* from =
        record.data() + 2 + ((rows.from + row) * facts.width + columns.from) * channels;
    uint8_t* to = image.data() + ((rows.to + row) * width + to_column) * channels;
    if (augmentation.flip) {
      copy_reversed(from, to, columns.count, channels);
    } else {
      std::memcpy(to, from, columns.count * channels);
    }
  }
  return record[0] | (static_cast<uint32_t>(record[1]) << 8);
}

}  // namespace ginn::data
