#pragma once

#include <memory>
#include <span>
#include <string>

#include "data/dataset.h"
#include "job/job.h"

namespace ginn::cli {

// Training data and a job that are functions of their arguments: for the self-test and benchmarks.
struct SyntheticSize {
  std::string model = "resnet8";
  uint32_t height = 28, width = 28, channels = 1;
  uint32_t classes = 10;
  uint32_t records = 64;
  uint32_t batch = 16;
  uint32_t microbatch = 8;
};
struct SyntheticRun {
  job::Job job;
  std::unique_ptr<data::MemoryRecords> records;
};
// Codes: MemoryRecords::create's, "job_invalid", naming what does not fit.
Result<SyntheticRun> synthetic_run(const SyntheticSize& size);

// Integers in [-limit, limit], limit < 32768: uniform, or bell-shaped as activations and gradients
// are. A function of the stream and the arguments.
void fill_uniform(uint64_t stream, int32_t limit, std::span<int16_t> out);
void fill_bell(uint64_t stream, int32_t limit, std::span<int16_t> out);
// Floats in [-1, 1) times 2^k, k in [-spread, 0].
void fill_floats(uint64_t stream, int spread, std::span<float> out);

}  // namespace ginn::cli
