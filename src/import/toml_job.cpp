#include "import/toml_job.h"

#include <algorithm>
#include <array>
#include <exception>
#include <numeric>

#include "base/text.h"
#include "import/job_template.h"
#include "import/toml_value.h"
#include "nn/models.h"

namespace ginn::import {
namespace {

constexpr size_t kProblemsMax = 50;  // printed; the rest is counted

// "file:12: train.batch: message", one line a problem, in the order of the file.
Error job_file_error(std::string_view file_name, std::vector<JobProblem> problems) {
  std::stable_sort(problems.begin(), problems.end(), [](const auto& a, const auto& b) {
    return a.line < b.line;
  });
  const std::string file = printable(file_name);
  std::string message;
  for (size_t i = 0; i < problems.size() && i < kProblemsMax; ++i) {
    const JobProblem& problem = problems[i];
    if (i > 0) message += '\n';
    message += problem.line > 0 ? concat(file, ":", problem.line, ": ") : concat(file, ": ");
    if (!problem.key.empty()) message += concat(problem.key, ": ");
    message += problem.message;
  }
  if (problems.size() > kProblemsMax) {
    message += concat("\n", file, ": and ", problems.size() - kProblemsMax, " problems more");
  }
  return input_error("job_file", std::move(message));
}

void read_budget(const TomlValue& value, JobFile& file) {
  guarantee::Budget& budget = file.job.budget;
  budget.is_share = !value.is_integer();
  if (budget.is_share) {
    value.read(budget.share);
  } else {
    value.read(budget.count);
  }
}

void read_optimizer(const TomlValue& value, JobFile&) {
  std::string text = "sgd";
  value.read(text);
  if (text != "sgd") {
    value.problem(concat("found \"", printable(text, 40), "\"; allowed: \"sgd\""));
  }
}

struct Key {
  std::string_view table;
  std::string_view name;
  void (*read)(const TomlValue& value, JobFile& file);
  bool required = false;
};

constexpr std::array<std::string_view, 7> kTables = {
    "model", "data", "augment", "train", "train.lr", "integrity", "arithmetic"};

// clang-format off
constexpr Key kKeys[] = {
    {"model", "name", [](const TomlValue& v, JobFile& f) { v.read(f.job.model); }, true},
    {"data", "train", [](const TomlValue& v, JobFile& f) { v.read_path(f.train_path); }, true},
    {"data", "test", [](const TomlValue& v, JobFile& f) { v.read_path(f.test_path); }},
    {"data", "root", [](const TomlValue& v, JobFile& f) { v.read(f.root); }},
    {"data", "pad", [](const TomlValue& v, JobFile& f) { v.read(f.job.preprocess.pad); }},
    {"data", "mean", [](const TomlValue& v, JobFile& f) { v.read(f.job.mean); }},
    {"data", "std", [](const TomlValue& v, JobFile& f) { v.read(f.job.std); }},
    {"augment", "crop", [](const TomlValue& v, JobFile& f) { v.read(f.job.preprocess.crop); }},
    {"augment", "flip", [](const TomlValue& v, JobFile& f) { v.read(f.job.preprocess.flip); }},
    {"train", "epochs", [](const TomlValue& v, JobFile& f) { v.read(f.job.epochs); }, true},
    {"train", "batch", [](const TomlValue& v, JobFile& f) { v.read(f.job.batch); }},
    {"train", "microbatch", [](const TomlValue& v, JobFile& f) { v.read(f.job.microbatch); }},
    {"train", "last_batch",
     [](const TomlValue& v, JobFile& f) { v.read(job::kLastBatches, f.job.last_batch); }},
    {"train", "optimizer", read_optimizer},
    {"train", "momentum", [](const TomlValue& v, JobFile& f) { v.read(f.job.momentum); }},
    {"train", "nesterov", [](const TomlValue& v, JobFile& f) { v.read(f.job.nesterov); }},
    {"train", "weight_decay", [](const TomlValue& v, JobFile& f) { v.read(f.job.weight_decay); }},
    {"train", "decoupled", [](const TomlValue& v, JobFile& f) { v.read(f.job.decoupled); }},
    {"train", "clip_norm", [](const TomlValue& v, JobFile& f) { v.read(f.job.clip_norm); }},
    {"train", "label_smoothing",
     [](const TomlValue& v, JobFile& f) { v.read(f.job.label_smoothing); }},
    {"train", "seed", [](const TomlValue& v, JobFile& f) { v.read(f.job.seed); }},
    {"train", "bn_samples", [](const TomlValue& v, JobFile& f) { v.read(f.job.bn_samples); }},
    {"train.lr", "schedule",
     [](const TomlValue& v, JobFile& f) { v.read(job::kSchedules, f.job.lr.schedule); }},
    {"train.lr", "peak", [](const TomlValue& v, JobFile& f) { v.read(f.job.lr.peak); }, true},
    {"train.lr", "warmup", [](const TomlValue& v, JobFile& f) { v.read(f.job.lr.warmup); }},
    {"train.lr", "milestones", [](const TomlValue& v, JobFile& f) { v.read(f.job.lr.milestones); }},
    {"train.lr", "gamma", [](const TomlValue& v, JobFile& f) { v.read(f.job.lr.gamma); }},
    {"integrity", "probability", [](const TomlValue& v, JobFile& f) { v.read(f.job.probability); }},
    {"integrity", "budget", read_budget},
    {"integrity", "verify",
     [](const TomlValue& v, JobFile& f) { v.read(job::kVerifies, f.job.verify); }},
    {"integrity", "verify_last", [](const TomlValue& v, JobFile& f) { v.read(f.job.verify_last); }},
    {"integrity", "lives", [](const TomlValue& v, JobFile& f) { v.read(f.job.lives); }},
    {"integrity", "nonce", [](const TomlValue& v, JobFile& f) { v.read(f.job.nonce); }},
    {"arithmetic", "format", [](const TomlValue& v, JobFile& f) { v.read(f.job.format); }},
};
// clang-format on

std::string full_name(std::string_view table, std::string_view name) {
  return table.empty() ? std::string(name) : concat(table, ".", name);
}

// Edits (insert, delete, replace one character) from `a` to `b`; both are short.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

// The known key or table that an unknown one was probably meant to be; empty: none is near. A key
// of another table with the same name counts as near, after a misspelling in its own.
std::string suggestion(std::string_view table, std::string_view name) {
  if (name.size() > 40) return {};
  std::string best;
  size_t best_distance = std::min<size_t>(3, name.size());
  const auto consider = [&](std::string_view other_table, std::string_view other) {
    size_t distance = edit_distance(name, other);
    if (table != other_table) distance = distance == 0 ? 2 : 99;
    if (distance >= best_distance) return;
    best_distance = distance;
    best = full_name(other_table, other);
  };
  for (const Key& key : kKeys) consider(key.table, key.name);
  for (std::string_view known : kTables) {
    const size_t dot = known.rfind('.');
    const bool top = dot == std::string_view::npos;
    consider(top ? "" : known.substr(0, dot), top ? known : known.substr(dot + 1));
  }
  return best;
}

class FileReader {
 public:
  explicit FileReader(JobFile& file) : file_(file) {}

  // At most two levels deep: only known tables are entered.
  void read_table(const toml::table& table, std::string_view table_name) {
    for (const auto& [key, node] : table) {
      const int line = static_cast<int>(key.source().begin.line);
      const std::string name = full_name(table_name, key.str());
      if (std::find(kTables.begin(), kTables.end(), name) != kTables.end()) {
        file_.lines[name] = line;
        if (node.is_table()) {
          read_table(*node.as_table(), name);
        } else {
          problems_.push_back({line, name, concat("expected a table: write [", name, "]")});
        }
      } else {
        read_key(table_name, key.str(), node, line);
      }
    }
  }

  std::vector<JobProblem> finish() {
    for (const Key& key : kKeys) {
      const std::string name = full_name(key.table, key.name);
      if (!key.required || file_.has(name)) continue;
      problems_.push_back({0, name, concat("missing; add it under [", key.table, "]")});
    }
    return std::move(problems_);
  }

 private:
  void read_key(std::string_view table, std::string_view name, const toml::node& node, int line) {
    for (const Key& key : kKeys) {
      if (key.table != table || key.name != name) continue;
      std::string full = full_name(table, name);
      file_.lines[full] = line;
      key.read(TomlValue(node, line, std::move(full), problems_), file_);
      return;
    }
    const std::string meant = suggestion(table, name);
    problems_.push_back({line,
                         printable(full_name(table, name), 80),
                         meant.empty() ? "unknown key; remove it (docs/job.md lists the known ones)"
                                       : concat("unknown key; did you mean ", meant, "?")});
  }

  JobFile& file_;
  std::vector<JobProblem> problems_;
};

void fill_from_data(const JobFile& file, const data::DatasetFacts& facts, job::Job& job) {
  job.data = facts;
  // More channels than any dataset may have are refused by validate(), not filled in.
  const size_t channels = std::min<size_t>(facts.channels, kTomlArrayMax);
  if (!file.has("data.mean")) job.mean.assign(channels, 0.5);
  if (!file.has("data.std")) job.std.assign(channels, 0.5);
  if (!file.has("train.bn_samples") && job.microbatch > 0) {
    const uint64_t samples = std::min(job.bn_samples, facts.records);
    job.bn_samples = std::max<uint64_t>(samples - samples % job.microbatch, job.microbatch);
  }
  job.steps = job::derived_steps(job);
}

int line_of(const JobFile& file, std::string_view key) {
  const auto found = file.lines.find(key);
  return found == file.lines.end() ? 0 : found->second;
}

// Whether a value can be judged before the data is known.
bool depends_on_data(const JobFile& file, std::string_view key) {
  if (key == "integrity.budget") return !file.job.budget.is_share;
  if (key == "model.name") {  // a model that there is may still not take the images' size
    const auto names = nn::model_names();
    return std::find(names.begin(), names.end(), file.job.model) != names.end();
  }
  return key == "augment.crop" || key == "train.steps" || key.starts_with("data.");
}

// Values out of range and impossible combinations that no data could make good, so that they are
// reported beside unknown keys and wrong types: judged with roomy data.
void add_range_problems(const JobFile& file, std::vector<JobProblem>& problems) {
  data::DatasetFacts roomy;
  roomy.records = 1 << 20;
  roomy.height = 64;
  roomy.width = 64;
  roomy.channels = 1;
  roomy.classes = 10;
  job::Job job = file.job;
  fill_from_data(file, roomy, job);
  job.mean.assign(1, 0.5);
  job.std.assign(1, 0.5);
  job.preprocess.pad = 0;
  job.preprocess.crop = 0;
  for (job::Problem& problem : job::validate(job)) {
    const int line = line_of(file, problem.key);
    const bool known = std::any_of(problems.begin(), problems.end(), [&](const JobProblem& other) {
      return other.key == problem.key;
    });
    if (known || depends_on_data(file, problem.key)) continue;
    problems.push_back({line, std::move(problem.key), std::move(problem.message)});
  }
}

}  // namespace

Result<JobFile> parse_job_file(std::string_view text, std::string_view file_name) {
  if (text.size() > kJobFileBytesMax) {
    return job_file_error(
        file_name,
        {{0,
          "",
          concat("found ", text.size(), " bytes; a job file has at most ", kJobFileBytesMax)}});
  }
  toml::table table;
  try {
    table = toml::parse(text);
  } catch (const toml::parse_error& error) {
    const int line = static_cast<int>(error.source().begin.line);
    return job_file_error(file_name,
                          {{line, "", concat("TOML: ", printable(error.description()))}});
  } catch (const std::exception& error) {
    return job_file_error(file_name, {{0, "", concat("TOML: ", printable(error.what()))}});
  }
  JobFile file;
  file.file_name = file_name;
  FileReader reader(file);
  reader.read_table(table, "");
  std::vector<JobProblem> problems = reader.finish();
  add_range_problems(file, problems);
  if (!problems.empty()) return job_file_error(file_name, std::move(problems));
  return file;
}

Result<ResolvedJob> resolve_job(const JobFile& file, const data::DatasetFacts& facts) {
  if (file.root && *file.root != facts.root()) {
    return input_error("dataset_root",
                       concat(printable(file.file_name),
                              ":",
                              line_of(file, "data.root"),
                              ": data.root: found ",
                              crypto::tagged(*file.root),
                              "; the data at ",
                              printable(file.train_path),
                              " has ",
                              crypto::tagged(facts.root()),
                              ": use the data that the root was made of, or put in the new root if "
                              "the data was changed on purpose"));
  }
  ResolvedJob resolved{file.job, file.train_path, file.test_path, file.root.has_value()};
  fill_from_data(file, facts, resolved.job);
  std::vector<JobProblem> problems;
  for (job::Problem& problem : job::validate(resolved.job)) {
    const int line = line_of(file, problem.key);
    problems.push_back({line, std::move(problem.key), std::move(problem.message)});
  }
  if (!problems.empty()) return job_file_error(file.file_name, std::move(problems));
  return resolved;
}

std::string job_template() { return std::string(kJobTemplate); }

}  // namespace ginn::import
