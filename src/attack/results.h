#pragma once

#include <filesystem>
#include <vector>

#include "attack/lab.h"

namespace ginn::attack {

// One training of a sweep: what decides it, and what came of it. A line of results.csv.
struct Row {
  std::string job;  // the job digest's first 16 hex digits
  std::string attack, when;
  std::string combine = kSum;
  uint32_t target = 0;
  double poison = 0.5;
  uint32_t images = 0, patch = 0;
  uint64_t seed = 1, count = 0;  // count: contributions that were asked for
  LabResult result;              // `end` is not kept

  // Whether both are the same training, whatever came of it.
  bool same_training(const Row& other) const;
  double share() const;  // of the contributions: what really deviated
};
Row row_of(const std::string& job, const AttackPlan& plan);
AttackPlan plan_of(const Row& row);  // of one that parse_when() accepts

// results.csv: grows by a row at a time, so that a sweep that was cut off goes on where it was. The
// file is written as a whole or not at all.
class Results {
 public:
  // Reads what is there, if anything. Codes: read_file's, "results_form" naming the line.
  static Result<Results> open(const std::filesystem::path& path);

  const std::vector<Row>& rows() const { return rows_; }
  const Row* find(const Row& training) const;  // null: not there yet
  // Code "write_failed".
  Status add(Row row);

 private:
  explicit Results(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
  std::vector<Row> rows_;
  std::string text_;
};

// All seeds of one attack, schedule and count.
struct Group {
  std::string attack, when;
  uint64_t count = 0;
  double share = 0;                             // mean of what deviated
  uint64_t trainings = 0, succeeded = 0;        // succeeded: more than kSuccess
  uint64_t broken = 0;                          // trainings that did not finish; not in the means
  double success = 0, lowest = 1, highest = 0;  // mean and range of attack success
  double accuracy = 0;                          // mean
  double robust = 0;                            // mean robust accuracy
  bool has_robust = true;                       // of every training
  double escape = 1;                            // mean of the exact escape probability
  Interval interval;                            // of the share of trainings that succeeded
};
inline constexpr double kSuccess = 0.1;  // attack success above which a backdoor counts as planted
// In the order of attack, schedule, count. Rows of other jobs than `job`, and of other rules of
// combination, are left out.
std::vector<Group> groups(const std::vector<Row>& rows,
                          const std::string& job,
                          const std::string& combine = kSum);

// The critical budget of an attack and schedule: the least count with a mean success above
// kSuccess, which lies in (below, above].
struct Bracket {
  uint64_t below = 0, above = 0;
  // The count to try next, or nothing once both are within 5 % or one contribution.
  std::optional<uint64_t> next() const;
};
// From the groups of one attack and schedule; nothing when none succeeded. Success need not grow
// with the count everywhere: taken is the least count that succeeded, and the largest below it.
std::optional<Bracket> bracket(const std::vector<Group>& groups,
                               const std::string& attack,
                               const std::string& when);

}  // namespace ginn::attack
