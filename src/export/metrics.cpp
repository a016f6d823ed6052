#include "export/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/file.h"

namespace ginn::exporting {

namespace {
constexpr std::string_view kHeader =
    "step,learning_rate,claimed_loss,claimed_accuracy,images_per_second,taken,replays_done,"
    "replays_queued\n";
}  // namespace

MetricsWriter::MetricsWriter(std::filesystem::path path, size_t flush_rows)
    : path_(std::move(path)), flush_rows_(std::max<size_t>(flush_rows, 1)), text_(kHeader) {}

Status MetricsWriter::add(const MetricsRow& row) {
  rows_.push_back(row);
  fmt::format_to(std::back_inserter(text_),
                 "{},{:.6g},{:.6g},{:.6g},{:.6g},{},{},{}\n",
                 row.step,
                 row.learning_rate,
                 row.claimed_loss,
                 row.claimed_accuracy,
                 row.images_per_second,
                 row.taken,
                 row.replays_done,
                 row.replays_queued);
  // Growing with the file keeps the bytes written in all linear in the number of rows.
  if (rows_.size() - flushed_rows_ < std::max(flush_rows_, rows_.size() / 8)) return ok_status();
  return finish();
}

Status MetricsWriter::finish() {
  flushed_rows_ = rows_.size();
  return write_file_atomic(path_, as_bytes(text_));
}

}  // namespace ginn::exporting
