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

// The whole file, written under a temporary name first: a reader never sees half a row. Code
// "write_failed".
Status write_metrics(const std::filesystem::path& path, const std::vector<MetricsRow>& rows);

}  // namespace ginn::exporting
