#pragma once

#include <cstdint>
#include <span>

#include "data/dataset.h"

namespace ginn::data {

// From a raw record to the bytes of a network's input. `pad` enlarges every image by that many zero
// pixels on each side, always; crop and flip only when training: a window of the padded size at a
// random offset in [0, 2 crop] of the image padded by `crop` more zeros (torchvision's
// RandomCrop(size, padding=crop)), then a horizontal flip with probability 1/2.
struct Preprocess {
  uint32_t pad = 0;
  uint32_t crop = 0;
  bool flip = false;
};

// Where (step, position) is random: block = Random(seed, kAugment).block(step, position,
// 0x80000000); flip = block[0] & 1; offsets = bounded(step, 2 position, 2 crop + 1) and
// bounded(step, 2 position + 1, 2 crop + 1) for rows and columns.
struct Augmentation {
  uint32_t row = 0;  // in [0, 2 crop]
  uint32_t column = 0;
  bool flip = false;
};
Augmentation augmentation(const Preprocess& preprocess,
                          uint64_t seed,
                          uint64_t step,
                          uint32_t position);
// The augmentation that moves nothing: (crop, crop, false).
Augmentation identity_augmentation(const Preprocess& preprocess);

// Writes the image of `record` (a raw record of `facts`) as u8 [H + 2 pad, W + 2 pad, C] and
// returns its label.
uint32_t prepare_image(const DatasetFacts& facts,
                       const Preprocess& preprocess,
                       const Augmentation& augmentation,
                       std::span<const uint8_t> record,
                       std::span<uint8_t> image);

}  // namespace ginn::data
