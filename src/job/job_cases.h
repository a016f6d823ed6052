#pragma once

#include <limits>

#include "job/job.h"

// A job without a problem, for the tests of jobs.
namespace ginn::job::cases {

inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
inline constexpr double kInfinity = std::numeric_limits<double>::infinity();

inline Job good_job() {
  Job job;
  job.model = "resnet8";
  job.data = {60000, 28, 28, 1, 10, {}};
  job.data.tree.fill(0x5a);
  job.preprocess = {0, 2, true};
  job.mean = {0.5};
  job.std = {0.25};
  job.epochs = 4;
  job.steps = 1872;
  job.weight_decay = 5e-4;
  job.clip_norm = 0.5;
  job.lr.peak = 0.2;
  job.lr.warmup = 0.05;
  return job;
}

}  // namespace ginn::job::cases
