#include "import/toml_job.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "import/job_template.h"
#include "import/toml_reader.h"
#include "job/selection.h"
#include "nn/models.h"

namespace ginn::import {
namespace {

int line_of(const JobFile& file, std::string_view key) {
  const auto found = file.lines.find(key);
  return found == file.lines.end() ? 0 : found->second;
}

Error job_file_error(std::string_view file_name, std::vector<FileProblem> problems) {
  return problems_error("job_file", file_name, std::move(problems));
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

void read_groups(const TomlValue& value, JobFile& file) {
  for (const TomlValue& table : value.tables()) {
    job::ParameterGroup& group = file.job.groups.emplace_back();
    table.only_members({"parameters", "lr_scale"});
    if (!table.read_member("parameters", group.parameters)) {
      table.problem("has no parameters; add parameters = [\"fc.*\"], say");
    }
    table.read_member("lr_scale", group.lr_scale);
  }
}

constexpr std::array<std::string_view, 7> kTables = {
    "model", "data", "augment", "train", "train.lr", "integrity", "arithmetic"};

// clang-format off
void read_lives(const TomlValue& value, JobFile& file) {
  file.job.unlimited_attempts = value.is_text(job::kUnlimited);
  if (!file.job.unlimited_attempts) value.read(file.job.lives);
}

constexpr TomlKey<JobFile> kKeys[] = {
    {"model", "name", [](const TomlValue& v, JobFile& f) { v.read(f.job.model); }, true},
    {"model", "weights", [](const TomlValue& v, JobFile& f) { v.read_path(f.weights_path); }},
    {"model", "weights_digest", [](const TomlValue& v, JobFile& f) { v.read(f.weights_digest); }},
    {"model", "weights_except", [](const TomlValue& v, JobFile& f) { v.read(f.weights_except); }},
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
    {"train", "freeze", [](const TomlValue& v, JobFile& f) { v.read(f.job.freeze); }},
    {"train", "groups", read_groups},
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
    {"integrity", "lives", read_lives},
    {"integrity", "nonce", [](const TomlValue& v, JobFile& f) { v.read(f.job.nonce); }},
    {"arithmetic", "format", [](const TomlValue& v, JobFile& f) { v.read(f.job.format); }},
};
// clang-format on

constexpr TomlSchema<JobFile> kSchema = {kTables, kKeys, "docs/job.md"};

// Of keys that stand without the one that they belong to.
void check_weights_keys(const JobFile& file, std::vector<FileProblem>& problems) {
  if (file.has("model.weights")) return;
  for (const char* key : {"model.weights_digest", "model.weights_except"}) {
    if (file.has(key)) problems.push_back({line_of(file, key), key, "it needs model.weights"});
  }
}

// The parameters' names that are nearest to what a pattern that matches none was meant to be.
std::string nearest_parameters(std::string_view pattern, const nn::Graph& graph) {
  std::string literal(pattern);
  std::erase(literal, '*');
  std::vector<std::pair<size_t, std::string_view>> found;
  for (const nn::Parameter& p : graph.parameters()) {
    found.emplace_back(prefix_distance(literal, p.name), p.name);
  }
  constexpr size_t kShown = 4;
  std::stable_sort(
      found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string out;
  for (size_t i = 0; i < found.size() && i < kShown; ++i) {
    out += concat(i == 0 ? "" : ", ", found[i].second);
  }
  return out;
}

// Patterns that match nothing: the job's own checks find them too, but know no names that are near.
void check_patterns(const JobFile& file, const job::Job& job, std::vector<FileProblem>& problems) {
  const auto graph = nn::build_model(
      job.model, job.input_height(), job.input_width(), job.data.channels, job.data.classes);
  if (!graph.ok() || !job::names_parameters(job)) return;
  const auto check = [&](std::string_view key, std::string_view line_key, const auto& patterns) {
    for (const std::string& pattern : patterns) {
      const auto& all = graph->parameters();
      const bool any = std::any_of(all.begin(), all.end(), [&](const nn::Parameter& p) {
        return job::matches(pattern, p.name);
      });
      if (any || pattern.empty() || pattern.size() > job::kPatternBytesMax) continue;
      problems.push_back({line_of(file, line_key),
                          std::string(key),
                          concat("\"",
                                 printable(pattern),
                                 "\" matches no parameter of ",
                                 job.model,
                                 "; the nearest are ",
                                 nearest_parameters(pattern, *graph),
                                 " (ginn inspect ",
                                 job.model,
                                 " lists all)")});
    }
  };
  if (job.weights) check("model.weights_except", "model.weights_except", job.weights->except);
  check("train.freeze", "train.freeze", job.freeze);
  for (const job::ParameterGroup& group : job.groups) {
    check("train.groups.parameters", "train.groups", group.parameters);
  }
}

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
  if (!file.weights_path.empty()) job.weights = job::StartWeights{{}, file.weights_except};
}

// Adds what the job's own checks find, but where a problem with the same key is known.
void add_problems(const JobFile& file,
                  std::vector<job::Problem> found,
                  std::vector<FileProblem>& problems) {
  const size_t before = problems.size();
  for (job::Problem& problem : found) {
    const bool known = std::any_of(problems.begin(),
                                   problems.begin() + static_cast<ptrdiff_t>(before),
                                   [&](const FileProblem& p) { return p.key == problem.key; });
    if (known) continue;
    const bool in_group = problem.key.starts_with("train.groups.");
    const int line = line_of(file, in_group ? "train.groups" : problem.key);
    problems.push_back({line, std::move(problem.key), std::move(problem.message)});
  }
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
void add_range_problems(const JobFile& file, std::vector<FileProblem>& problems) {
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
  check_weights_keys(file, problems);
  check_patterns(file, job, problems);
  std::vector<job::Problem> found = job::validate(job);
  std::erase_if(found, [&](const auto& problem) { return depends_on_data(file, problem.key); });
  add_problems(file, std::move(found), problems);
}

}  // namespace

Result<JobFile> parse_job_file(std::string_view text, std::string_view file_name) {
  GINN_ASSIGN(const toml::table table, parse_toml(text, file_name, kJobFileBytesMax, "job_file"));
  JobFile file;
  file.file_name = file_name;
  TomlReader<JobFile> reader(kSchema, file);
  reader.read_table(table, "");
  std::vector<FileProblem> problems = reader.finish();
  file.lines = reader.take_lines();
  add_range_problems(file, problems);
  if (!problems.empty()) return job_file_error(file_name, std::move(problems));
  return file;
}

Result<ResolvedJob> resolve_job(const JobFile& file,
                                const data::DatasetFacts& facts,
                                const std::optional<crypto::Digest>& weights) {
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
  if (weights && file.weights_digest && *weights != *file.weights_digest) {
    return input_error("weights_digest",
                       concat(printable(file.file_name),
                              ":",
                              line_of(file, "model.weights_digest"),
                              ": model.weights_digest: found ",
                              crypto::tagged(*file.weights_digest),
                              "; the file ",
                              printable(file.weights_path),
                              " has ",
                              crypto::tagged(*weights),
                              ": use the file that the digest was made of, or put in the new "
                              "digest if the file was changed on purpose"));
  }
  ResolvedJob resolved;
  resolved.job = file.job;
  resolved.train_path = file.train_path;
  resolved.test_path = file.test_path;
  resolved.has_root = file.root.has_value();
  resolved.weights_path = file.weights_path;
  resolved.has_weights_digest = file.weights_digest.has_value();
  fill_from_data(file, facts, resolved.job);
  if (resolved.job.weights) {
    const crypto::Digest named = file.weights_digest.value_or(crypto::Digest{});
    resolved.job.weights->sha256 = weights.value_or(named);
  }
  std::vector<FileProblem> problems;
  check_patterns(file, resolved.job, problems);
  add_problems(file, job::validate(resolved.job), problems);
  if (!problems.empty()) return job_file_error(file.file_name, std::move(problems));
  return resolved;
}

std::string job_template() { return std::string(kJobTemplate); }

}  // namespace ginn::import
