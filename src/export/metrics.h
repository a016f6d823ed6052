#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace ginn::exporting {

// One step of a run as metrics.csv has it.
struct MetricsRow {
  uint64_t step = 0;  // 0-based
  double learning_rate = 0;
  double claimed_loss = 0;      // the worker's word
  double claimed_accuracy = 0;  // 0 to 1, on the training batch
  double images_per_second = 0;
  uint64_t taken = 0;  // contributions that the verifier has taken in
  uint64_t replays_done = 0;
  uint64_t replays_queued = 0;

  bool operator==(const MetricsRow&) const = default;
};

// The rows of a metrics.csv that this program wrote. Codes: read_file's, "metrics_version",
// "metrics_form" naming the line.
Result<std::vector<MetricsRow>> read_metrics(const std::filesystem::path& path);

// metrics.csv, gathered in memory. The file is written as a whole or not at all, so a reader never
// sees half a row: every `flush_rows` rows, later every eighth of the file, and by finish().
class MetricsWriter {
 public:
  explicit MetricsWriter(std::filesystem::path path, size_t flush_rows = 500);

  // Code "write_failed".
  Status add(const MetricsRow& row);
  Status finish();
  const std::vector<MetricsRow>& rows() const { return rows_; }

 private:
  std::filesystem::path path_;
  size_t flush_rows_;
  size_t flushed_rows_ = 0;
  std::vector<MetricsRow> rows_;
  std::string text_;
};

}  // namespace ginn::exporting
