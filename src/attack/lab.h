#pragma once

#include <functional>
#include <optional>

#include "attack/attacker.h"
#include "attack/detection.h"
#include "attack/trigger.h"
#include "worker/loop.h"

namespace ginn::attack {

// The laboratory: a training with an attacker in it, in this process and without a verifier; the
// arithmetic is the worker's, but where the plan names a rule of combination. Says what the attack
// is worth and how likely it would be found.
struct LabOptions {
  using Model = std::function<Status(const float* weights, const training::RunningStatistics&)>;
  AttackPlan plan;            // a count of 0 is the honest run
  uint64_t sequences = 4000;  // of coins, for the measured detection
  uint64_t rechecks = 16;     // honest contributions that are computed again and compared
  std::function<Status(const worker::StepReport&)> step;  // may end the training
  Model model;  // sees what a training that finished came to
};

struct LabResult {
  bool finished = true;  // false: a weight or gradient was not finite, no certificate is issued
  std::string end;       // then: the error's message
  uint64_t contributions = 0;
  uint64_t deviations = 0;  // contributions that differ from the honest ones at their weights
  uint64_t test_images = 0, correct = 0;    // without the trigger
  uint64_t triggered_images = 0, hits = 0;  // test images of other classes; that get the target's
  std::optional<uint64_t> robust;  // of them, that keep their own class; nothing without a trigger
  Detection detection;
  double expected_replays = 0;
  // Honest contributions computed a second time, as a replay does, and how many of them differed:
  // a verifier would have rejected an honest run for each of these.
  uint64_t rechecked = 0, false_rejections = 0;
  double seconds = 0;

  double accuracy() const;
  double success() const;          // hits among triggered_images
  double robust_accuracy() const;  // of triggered_images; 0 where it was not measured
};

// `test` is clean test data of the job's kind; all arguments outlive the call. Codes:
// create_combination's, Campaign::create's, TriggeredRecords::create's, worker::train's but
// "not_finite", evaluate's.
Result<LabResult> run_lab(const training::Training& training,
                          const data::RecordSource& records,
                          const data::RecordSource& test,
                          ThreadPool& pool,
                          const LabOptions& options);

// The trigger that an attack's success is measured with; the patch for those that plant none.
Trigger::Kind trigger_of(const std::string& attack);
// Whether an attack aims at images with a trigger: what its success is the measure of.
bool plants_backdoor(const std::string& attack);

}  // namespace ginn::attack
