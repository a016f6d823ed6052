#include "export/metrics.h"

#include <fmt/format.h>

#include <charconv>
#include <iterator>

#include "base/file.h"
#include "base/text.h"
#include "base/version.h"

namespace ginn::exporting {

namespace {
constexpr std::string_view kHeader =
    "step,learning_rate,claimed_loss,claimed_accuracy,images_per_second,taken,replays_done,"
    "replays_queued,metrics_v1\n";
constexpr uint32_t kMetricsVersion = 1;

// The header's last column names the version; rows leave it empty.
Status check_version(std::string_view text) {
  const std::string_view header = text.substr(0, text.find('\n'));
  const size_t comma = header.rfind(',');
  if (comma == std::string_view::npos) return ok_status();
  return refuse_newer("metrics_version",
                      "metrics.csv",
                      version_in(header.substr(comma), ",metrics_v"),
                      kMetricsVersion);
}

template <typename T>
bool take_field(std::string_view& line, char end, T& out) {
  const auto number = std::from_chars(line.data(), line.data() + line.size(), out);
  if (number.ec != std::errc() || number.ptr == line.data() + line.size() || *number.ptr != end) {
    return false;
  }
  line.remove_prefix(static_cast<size_t>(number.ptr - line.data()) + 1);
  return true;
}

bool take_end(std::string_view& text) {
  const bool end = text.starts_with('\n');
  if (end) text.remove_prefix(1);
  return end;
}

bool take_row(std::string_view& text, MetricsRow& row) {
  return take_field(text, ',', row.step) && take_field(text, ',', row.learning_rate) &&
         take_field(text, ',', row.claimed_loss) && take_field(text, ',', row.claimed_accuracy) &&
         take_field(text, ',', row.images_per_second) && take_field(text, ',', row.taken) &&
         take_field(text, ',', row.replays_done) && take_field(text, ',', row.replays_queued) &&
         take_end(text);
}

}  // namespace

Result<std::vector<MetricsRow>> read_metrics(const std::filesystem::path& path) {
  constexpr uint64_t kMostBytes = uint64_t{1} << 26;
  GINN_ASSIGN(const Bytes file, read_file(path, kMostBytes));
  std::string_view text = as_text(file);
  GINN_TRY(check_version(text));
  std::vector<MetricsRow> rows;
  const bool header = text.starts_with(kHeader);
  if (header) text.remove_prefix(kHeader.size());
  while (header && !text.empty()) {
    MetricsRow row;
    if (!take_row(text, row)) break;
    rows.push_back(row);
  }
  if (header && text.empty()) return rows;
  return input_error("metrics_form",
                     concat(printable(path.native(), 400),
                            ": line ",
                            rows.size() + (header ? 2 : 1),
                            ": expected the columns of metrics.csv; remove the file, if it is not "
                            "needed"));
}

Status write_metrics(const std::filesystem::path& path, const std::vector<MetricsRow>& rows) {
  std::string text(kHeader);
  for (const MetricsRow& row : rows) {
    fmt::format_to(std::back_inserter(text),
                   "{},{:.6g},{:.6g},{:.6g},{:.6g},{},{},{},\n",
                   row.step,
                   row.learning_rate,
                   row.claimed_loss,
                   row.claimed_accuracy,
                   row.images_per_second,
                   row.taken,
                   row.replays_done,
                   row.replays_queued);
  }
  return write_file_atomic(path, as_bytes(text));
}

}  // namespace ginn::exporting
