#pragma once

#include <cstdint>
#include <span>

#include "job/job.h"

namespace ginn::attack {

// Of most jobs that were attacked.
inline constexpr uint32_t kMicrobatch = 32, kBatch = 128;

// What docs/attacks/*.csv have of backdoors: the one place in code with these numbers. A test holds
// them against the files. advice.h says what follows for a job.

// A job that was attacked. All: Fashion-MNIST, 128 images a step, a warm-up of 5 %, no
// augmentation, no weight decay.
struct MeasuredJob {
  const char* digest;  // its first 16 hex digits, as in the files
  const char* model;
  double lr, clip_norm, momentum;  // lr: the peak
  uint64_t steps;
  uint32_t microbatch = kMicrobatch;
  uint64_t seed = 1;
  job::Schedule schedule = job::Schedule::kCosine;
};

// All trainings of one attacker who replaces `count` contributions at random places.
struct MeasuredAttack {
  const char* file;  // docs/attacks/FILE
  const char* job;   // MeasuredJob::digest
  const char* attack;
  uint64_t count;
  uint32_t trainings, succeeded;    // succeeded: more than kSuccess of the triggered images
  uint64_t lowest_hits, most_hits;  // of kMeasuredImages, over the trainings
};

inline constexpr uint64_t kMeasuredImages = 9000;  // triggered test images
// The attacker that needed the fewest: what it was not tried against is not called measured.
inline constexpr const char* kBestAttack = "target-model";

std::span<const MeasuredJob> measured_jobs();
std::span<const MeasuredAttack> measured_attacks();
const MeasuredJob& job_of(const MeasuredAttack& row);  // of the table

// The most that one contribution moves the weights, momentum included, in units of a weight:
// lr C / (M (1 - momentum)), with the largest of the job's learning rates.
double reach(const job::Job& job);
double reach(const MeasuredJob& job);

}  // namespace ginn::attack
