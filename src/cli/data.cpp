#include <fmt/format.h>

#include "base/text.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "crypto/json.h"
#include "import/dataset_import.h"

namespace ginn::cli {
namespace {

constexpr size_t kClassesShown = 20;  // in text; --json has all

crypto::Json to_json(const std::string& path, const import::DatasetSummary& summary) {
  const data::DatasetFacts& facts = summary.facts;
  crypto::Json::Array per_class;
  for (const uint64_t count : summary.records_per_class) {
    per_class.emplace_back(static_cast<double>(count));
  }
  crypto::Json::Object json;
  json["path"] = printable(path, 4096);
  json["records"] = static_cast<double>(facts.records);
  json["height"] = static_cast<double>(facts.height);
  json["width"] = static_cast<double>(facts.width);
  json["channels"] = static_cast<double>(facts.channels);
  json["classes"] = static_cast<double>(facts.classes);
  json["records_per_class"] = std::move(per_class);
  json["root"] = crypto::tagged(summary.root);
  return json;
}

void print_summary(const std::string& path, const import::DatasetSummary& summary) {
  const data::DatasetFacts& facts = summary.facts;
  fmt::print("{}\n", printable(path, 4096));
  fmt::print("  records    {} ({})\n",
             facts.records,
             bytes_text(static_cast<double>(facts.records * facts.record_bytes())));
  fmt::print("  shape      {} x {} x {} (height, width, channels), 8 bits\n",
             facts.height,
             facts.width,
             facts.channels);
  fmt::print("  classes    {}\n", facts.classes);
  std::string counts;
  for (size_t c = 0; c < summary.records_per_class.size() && c < kClassesShown; ++c) {
    counts += concat(c > 0 ? ", " : "", summary.records_per_class[c]);
  }
  if (summary.records_per_class.size() > kClassesShown) counts += ", ... (all with --json)";
  fmt::print("  per class  {}\n", counts);
  fmt::print("  root       {}\n", crypto::tagged(summary.root));
}

}  // namespace

Result<int> data_verb(const DataOptions& options) {
  crypto::Json::Array all;
  for (const std::string& path : options.paths) {
    GINN_ASSIGN(const auto records, import::load_dataset(path));
    const import::DatasetSummary summary = import::summarize(*records);
    if (options.json) {
      all.push_back(to_json(path, summary));
    } else {
      print_summary(path, summary);
    }
  }
  if (options.json) {
    crypto::Json::Object json;
    json["datasets"] = std::move(all);
    fmt::print("{}\n", crypto::pretty_json(json));
  }
  return 0;
}

}  // namespace ginn::cli
