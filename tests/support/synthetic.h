#pragma once

#include <memory>

#include "job/job.h"

namespace ginn::test {

// Images whose class shows as a bright patch in noise: small enough for the oracle, and learnable.
struct SyntheticOptions {
  uint64_t records = 64;
  uint32_t height = 12, width = 12, channels = 1, classes = 4;
  uint64_t seed = 1;
};
std::unique_ptr<data::MemoryRecords> synthetic_records(const SyntheticOptions& options);

// A job for `records`: 2 microbatches of 4 images a step, augmentation on, one epoch.
job::Job synthetic_job(const data::MemoryRecords& records, const std::string& model);

// The same as one that the model learns within a second: 10 epochs, steps of two microbatches of 16
// images, no flip, which would make one class of another.
job::Job learnable_job(const data::MemoryRecords& records, const std::string& model);

// After changing epochs, batch or last_batch.
void derive_steps(job::Job& job);

}  // namespace ginn::test
