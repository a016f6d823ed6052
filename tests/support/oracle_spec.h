#pragma once

#include "job/job.h"
#include "tests/oracle/oracle.h"

namespace ginn::test {

// A job in the oracle's words.
inline oracle::Spec oracle_spec(const job::Job& job) {
  oracle::Spec spec;
  spec.model = job.model;
  spec.height = job.input_height();
  spec.width = job.input_width();
  spec.channels = job.data.channels;
  spec.classes = job.data.classes;
  spec.microbatch = job.microbatch;
  spec.microbatches = job.microbatches();
  spec.mean = job.mean;
  spec.std = job.std;
  spec.clip_norm = job.clip_norm;
  spec.momentum = job.momentum;
  spec.weight_decay = job.weight_decay;
  spec.label_smoothing = job.label_smoothing;
  spec.nesterov = job.nesterov;
  spec.decoupled = job.decoupled;
  spec.seed = job.seed;
  spec.operand_max = operand_max(job.operands());
  return spec;
}

}  // namespace ginn::test
