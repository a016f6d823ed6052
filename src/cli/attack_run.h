#pragma once

#include "attack/lab.h"
#include "cli/job_source.h"
#include "cli/verbs.h"

namespace ginn::cli {

// Contributions that a share stands for, rounded up. Code "usage" unless it is in [0, 1]; 0 only in
// the laboratory, where it is the honest run.
Result<uint64_t> count_of_share(double share, uint64_t contributions, bool lab);

// What the options say of an attack besides its name, schedule, count and seed.
attack::AttackPlan plan_without(const AttackOptions& options);
// The one attack that the options describe. Code "usage" when a list has more than one element.
Result<attack::AttackPlan> single_plan(const AttackOptions& options, uint64_t contributions);

// What a laboratory's runs share: the job with its data, and test data.
class Laboratory {
 public:
  // Codes: load_job's, "no_test_data", "usage" for the number of steps, check_memory's.
  static Result<std::unique_ptr<Laboratory>> create(const AttackOptions& options);

  const training::Training& training() const { return *training_; }
  const data::RecordSource& test() const { return *test_; }
  ThreadPool& pool() { return pool_; }
  // `model` (may be empty) sees the finished one. Codes: attack::run_lab's, "interrupted".
  Result<attack::LabResult> run(const attack::AttackPlan& plan,
                                uint64_t sequences,
                                bool quiet,
                                attack::LabOptions::Model model = {});

 private:
  Laboratory(LoadedJob job, size_t threads) : job_(std::move(job)), pool_(threads) {}
  LoadedJob job_;
  std::unique_ptr<data::MemoryRecords> test_;
  std::unique_ptr<training::Training> training_;
  ThreadPool pool_;
};

// Gives a laboratory's job the steps of the options, if any; its epochs are those that they begin.
// Code "usage".
Status set_steps(const AttackOptions& options, job::Job& job);

Result<int> lab_verb(const AttackOptions& options);
Result<int> sweep_verb(const AttackOptions& options);
Result<int> demo_verb(const AttackOptions& options);
Result<int> game_verb(const AttackOptions& options);
Result<int> protocol_verb(const AttackOptions& options);

}  // namespace ginn::cli
