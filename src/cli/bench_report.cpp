#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "cli/bench_measure.h"
#include "cli/terminal.h"

namespace ginn::cli {
namespace {

using crypto::Json;

Json number_or_null(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

std::string number(double value) {
  const double magnitude = value < 0 ? -value : value;
  const int decimals = magnitude >= 1000  ? 0
                       : magnitude >= 100 ? 1
                       : magnitude >= 10  ? 2
                       : magnitude >= 1   ? 3
                                          : 4;
  return fmt::format("{:.{}f}", value, decimals);
}

std::string cell(const std::string& key, const Json& value) {
  if (const std::string* text = value.as_string()) return *text;
  const double* found = value.as_number();
  if (found == nullptr) return "-";
  if (key.starts_with("share_")) return fmt::format("{:.1f} %", 100.0 * *found);
  return key == "threads" ? fmt::format("{:.0f}", *found) : number(*found);
}

// What only programs ask for.
bool hidden(const std::string& key) { return key.ends_with("_elements"); }

// "fprop_gmacs" is "fprop GMAC/s".
std::string heading(std::string key) {
  std::replace(key.begin(), key.end(), '_', ' ');
  const size_t end = key.rfind("gmacs");
  if (end != std::string::npos) key.replace(end, 5, "GMAC/s");
  return key;
}

using Row = std::vector<std::string>;

// The first column and those of words to the left, numbers to the right.
std::string table(const std::vector<Row>& rows, const std::vector<bool>& left) {
  std::vector<size_t> widths(left.size());
  for (const Row& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += left[i] ? fmt::format("  {:<{}}", row[i], widths[i])
                      : fmt::format("  {:>{}}", row[i], widths[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += concat(line, "\n");
  }
  return text;
}

std::string group_text(std::string_view group, const std::vector<const Measured*>& measured) {
  std::vector<std::string> keys;  // of all rows, in order of appearance
  for (const Measured* m : measured) {
    for (const auto& [key, value] : m->more) {
      const bool known = std::find(keys.begin(), keys.end(), key) != keys.end();
      if (!known && !hidden(key)) keys.push_back(key);
    }
  }
  Row head = {std::string(group), "", ""};
  std::vector<bool> left = {true, false, true};
  for (const std::string& key : keys) {
    head.push_back(heading(key));
    left.push_back(key == "shape");
  }
  std::vector<Row> rows = {head};
  for (const Measured* m : measured) {
    Row row = {m->name, number(m->value), m->unit};
    for (const std::string& key : keys) {
      const auto found = std::find_if(
          m->more.begin(), m->more.end(), [&](const auto& one) { return one.first == key; });
      row.push_back(found == m->more.end() ? "" : cell(key, found->second));
    }
    rows.push_back(std::move(row));
  }
  return table(rows, left);
}

}  // namespace

Json bench_json(const BenchReport& report) {
  const BenchOptions& o = report.options;
  Json::Object machine;
  machine["cpu"] = report.machine.cpu;
  machine["cores"] = static_cast<double>(report.machine.cores);
  machine["int16_peak_gmacs"] = number_or_null(report.machine.int16_peak_gmacs);
  machine["memory_copy_gbs"] = number_or_null(report.machine.memory_copy_gbs);
  Json::Object json;
  json["level"] = device::level_name(report.level);
  json["machine"] = std::move(machine);
  json["model"] = o.model;
  json["height"] = static_cast<double>(o.height);
  json["width"] = static_cast<double>(o.width);
  json["channels"] = static_cast<double>(o.channels);
  json["classes"] = static_cast<double>(o.classes);
  json["microbatch"] = static_cast<double>(o.microbatch);
  json["batch"] = static_cast<double>(o.batch);
  json["format"] = o.format;
  json["peak_memory_bytes"] = report.peak_memory_bytes;
  Json::Array results;
  for (const Measured& m : report.results) {
    Json::Object row;
    row["group"] = m.group;
    row["name"] = m.name;
    row["value"] = m.value;
    row["unit"] = m.unit;
    for (const auto& [key, value] : m.more) row[key] = value;
    results.push_back(std::move(row));
  }
  json["results"] = std::move(results);
  return json;
}

std::string bench_text(const BenchReport& report) {
  const BenchOptions& o = report.options;
  std::string text = concat(o.model,
                            " at ",
                            o.height,
                            " x ",
                            o.width,
                            " x ",
                            o.channels,
                            ", microbatch ",
                            o.microbatch,
                            ", batch ",
                            o.batch,
                            ", ",
                            o.format,
                            "; level ",
                            device::level_name(report.level),
                            " on ",
                            report.machine.cpu,
                            ", ",
                            report.machine.cores,
                            " cores; medians\n");
  for (const BenchGroup& group : kBenchGroups) {
    std::vector<const Measured*> measured;
    for (const Measured& m : report.results) {
      if (m.group == group.name) measured.push_back(&m);
    }
    if (!measured.empty()) text += concat("\n", group_text(group.name, measured));
  }
  return text + concat("\npeak memory ", bytes_text(report.peak_memory_bytes), "\n");
}

}  // namespace ginn::cli
