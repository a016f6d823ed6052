#pragma once

#include <vector>

#include "attack/trigger.h"
#include "base/thread_pool.h"
#include "training/training.h"

namespace ginn::attack {

// A few test images to look at, and what models say to them.
struct ShownImage {
  uint32_t label = 0;
  std::vector<uint8_t> clean, triggered;  // u8 [H, W, C]
};

// The first test images of each class but `target`, at most `most` in all: the classes in turn, so
// that nobody chose them. Codes: RecordSource::read's.
Result<std::vector<ShownImage>> first_of_each_class(const data::RecordSource& test,
                                                    const Trigger& trigger,
                                                    uint32_t target,
                                                    size_t most);

// The class that a model gives an image of the job's shape. Codes: Training::evaluate's.
Result<uint32_t> predicted_class(const training::Training& training,
                                 const float* weights,
                                 const training::RunningStatistics& statistics,
                                 std::span<const uint8_t> pixels,
                                 ThreadPool& pool);

}  // namespace ginn::attack
