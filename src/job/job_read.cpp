#include <cmath>

#include "base/text.h"
#include "base/version.h"
#include "job/job.h"
#include "job/names.h"

namespace ginn::job {
namespace {

using crypto::Json;

// A job has some 2 kB; its arrays hold at most 100 numbers.
constexpr crypto::JsonLimits kLimits{size_t{1} << 16, 8};
constexpr size_t kArrayMax = 100;

Error field_error(std::string_view key, std::string_view problem) {
  return input_error("json_field", concat("key \"", key, "\": ", problem));
}

// The value of a member that exact_fields() has found; readers of one section follow.
const Json& member(const Json& object, std::string_view key) {
  const Json* found = object.find(key);
  GINN_CHECK(found != nullptr);
  return *found;
}

Status read(const Json& object, std::string_view key, double& out) {
  GINN_ASSIGN(out, crypto::number_field(object, key));
  return ok_status();
}

Status read(const Json& object, std::string_view key, bool& out) {
  GINN_ASSIGN(out, crypto::bool_field(object, key));
  return ok_status();
}

Status read(const Json& object, std::string_view key, std::string& out) {
  GINN_ASSIGN(out, crypto::string_field(object, key));
  return ok_status();
}

Status read(const Json& object, std::string_view key, uint64_t& out) {
  GINN_ASSIGN(out, crypto::integer_field(object, key));
  return ok_status();
}

Status read(const Json& object, std::string_view key, uint32_t& out) {
  GINN_ASSIGN(const double value, crypto::number_field(object, key));
  if (!(value >= 0 && value <= 4294967295.0) || value != std::floor(value)) {
    return field_error(key, concat("found ", value, "; expected an integer from 0 to 4294967295"));
  }
  out = static_cast<uint32_t>(value);
  return ok_status();
}

Status read(const Json& object, std::string_view key, std::vector<double>& out) {
  const Json::Array* values = member(object, key).as_array();
  if (values == nullptr) return field_error(key, "expected an array of numbers");
  if (values->size() > kArrayMax) {
    return field_error(key,
                       concat("found ", values->size(), " values; allowed: at most ", kArrayMax));
  }
  for (const Json& value : *values) {
    if (value.as_number() == nullptr) return field_error(key, "expected an array of numbers");
    out.push_back(*value.as_number());
  }
  return ok_status();
}

Status read(const Json& object, std::string_view key, std::vector<std::string>& out) {
  const Json::Array* values = member(object, key).as_array();
  if (values == nullptr || values->size() > kArrayMax) {
    return field_error(key, concat("expected an array of at most ", kArrayMax, " texts"));
  }
  for (const Json& value : *values) {
    if (value.as_string() == nullptr) return field_error(key, "expected an array of texts");
    out.push_back(*value.as_string());
  }
  return ok_status();
}

Status read(const Json& object, std::string_view key, crypto::Digest& out) {
  GINN_ASSIGN(const std::string text, crypto::string_field(object, key));
  const auto digest = crypto::parse_tagged(text);
  if (!digest.ok()) return field_error(key, digest.error().message);
  out = *digest;
  return ok_status();
}

template <typename T, size_t n>
Status read(const Json& object, std::string_view key, const std::array<Word<T>, n>& words, T& out) {
  GINN_ASSIGN(const std::string text, crypto::string_field(object, key));
  const std::optional<T> value = value_of(words, text);
  if (!value) {
    return field_error(key,
                       concat("found \"", printable(text, 40), "\"; allowed: ", all_words(words)));
  }
  out = *value;
  return ok_status();
}

Status expect(const Json& object, std::string_view key, std::string_view word) {
  GINN_ASSIGN(const std::string text, crypto::string_field(object, key));
  if (text == word) return ok_status();
  return field_error(key, concat("found \"", printable(text, 40), "\"; allowed: \"", word, "\""));
}

Status read_data(const Json& json, Job& job) {
  GINN_TRY(crypto::exact_fields(
      json, {"records", "height", "width", "channels", "classes", "format", "root", "tree"}));
  GINN_TRY(read(json, "records", job.data.records));
  GINN_TRY(read(json, "height", job.data.height));
  GINN_TRY(read(json, "width", job.data.width));
  GINN_TRY(read(json, "channels", job.data.channels));
  GINN_TRY(read(json, "classes", job.data.classes));
  GINN_TRY(expect(json, "format", kPixelFormat));
  GINN_TRY(read(json, "tree", job.data.tree));
  crypto::Digest root{};
  GINN_TRY(read(json, "root", root));
  if (root != job.data.root()) {
    return input_error("job_invalid",
                       concat("key \"root\": found ",
                              crypto::tagged(root),
                              "; the other keys of \"data\" give ",
                              crypto::tagged(job.data.root())));
  }
  return ok_status();
}

Status read_lr(const Json& json, LearningRate& lr) {
  GINN_TRY(crypto::exact_fields(json, {"schedule", "peak", "warmup", "milestones", "gamma"}));
  GINN_TRY(read(json, "schedule", kSchedules, lr.schedule));
  GINN_TRY(read(json, "peak", lr.peak));
  GINN_TRY(read(json, "warmup", lr.warmup));
  GINN_TRY(read(json, "milestones", lr.milestones));
  return read(json, "gamma", lr.gamma);
}

// For exact_fields(): an object without the members that it need not have.
Json without(Json json, std::initializer_list<std::string_view> optional) {
  Json::Object* object = json.as_object();
  if (object == nullptr) return json;
  for (std::string_view key : optional) object->erase(std::string(key));
  return json;
}

Status read_groups(const Json& json, std::vector<ParameterGroup>& groups) {
  const Json::Array* values = json.as_array();
  if (values == nullptr || values->size() > kArrayMax) {
    return field_error("groups", concat("expected an array of at most ", kArrayMax, " objects"));
  }
  for (const Json& value : *values) {
    ParameterGroup& group = groups.emplace_back();
    GINN_TRY(crypto::exact_fields(value, {"parameters", "lr_scale"}));
    GINN_TRY(read(value, "parameters", group.parameters));
    GINN_TRY(read(value, "lr_scale", group.lr_scale));
  }
  return ok_status();
}

Status read_model(const Json& json, Job& job) {
  const Json* weights = json.find("weights");
  if (weights == nullptr) {
    GINN_TRY(crypto::exact_fields(json, {"name"}));
    return read(json, "name", job.model);
  }
  GINN_TRY(crypto::exact_fields(json, {"name", "weights"}));
  GINN_TRY(read(json, "name", job.model));
  GINN_TRY(crypto::exact_fields(*weights, {"sha256", "except"}));
  job.weights.emplace();
  GINN_TRY(read(*weights, "sha256", job.weights->sha256));
  return read(*weights, "except", job.weights->except);
}

Status read_train(const Json& json, Job& job) {
  if (json.find("freeze") != nullptr) {
    GINN_TRY(read(json, "freeze", job.freeze));
  }
  if (const Json* groups = json.find("groups"); groups != nullptr) {
    GINN_TRY(read_groups(*groups, job.groups));
  }
  GINN_TRY(crypto::exact_fields(without(json, {"freeze", "groups"}),
                                {"epochs",
                                 "steps",
                                 "batch",
                                 "microbatch",
                                 "last_batch",
                                 "optimizer",
                                 "momentum",
                                 "nesterov",
                                 "weight_decay",
                                 "decoupled",
                                 "clip_norm",
                                 "label_smoothing",
                                 "seed",
                                 "bn_samples",
                                 "lr"}));
  GINN_TRY(read(json, "epochs", job.epochs));
  GINN_TRY(read(json, "steps", job.steps));
  GINN_TRY(read(json, "batch", job.batch));
  GINN_TRY(read(json, "microbatch", job.microbatch));
  GINN_TRY(read(json, "last_batch", kLastBatches, job.last_batch));
  GINN_TRY(expect(json, "optimizer", kOptimizer));
  GINN_TRY(read(json, "momentum", job.momentum));
  GINN_TRY(read(json, "nesterov", job.nesterov));
  GINN_TRY(read(json, "weight_decay", job.weight_decay));
  GINN_TRY(read(json, "decoupled", job.decoupled));
  GINN_TRY(read(json, "clip_norm", job.clip_norm));
  GINN_TRY(read(json, "label_smoothing", job.label_smoothing));
  GINN_TRY(read(json, "seed", job.seed));
  GINN_TRY(read(json, "bn_samples", job.bn_samples));
  return read_lr(member(json, "lr"), job.lr);
}

Status read_budget(const Json& json, guarantee::Budget& budget) {
  budget.is_share = json.find("count") == nullptr;
  if (budget.is_share) {
    GINN_TRY(crypto::exact_fields(json, {"share"}));
    return read(json, "share", budget.share);
  }
  GINN_TRY(crypto::exact_fields(json, {"count"}));
  return read(json, "count", budget.count);
}

Status read_lives(const Json& json, Job& job) {
  const std::string* word = member(json, "lives").as_string();
  if (word == nullptr) return read(json, "lives", job.lives);
  if (*word != kUnlimited) {
    return field_error(
        "lives",
        concat("found \"", printable(*word, 40), "\"; expected a number, or \"", kUnlimited, "\""));
  }
  job.unlimited_attempts = true;
  return ok_status();
}

Status read_integrity(const Json& json, Job& job) {
  GINN_TRY(crypto::exact_fields(
      json, {"probability", "budget", "verify", "verify_last", "lives", "nonce"}));
  GINN_TRY(read(json, "probability", job.probability));
  GINN_TRY(read_budget(member(json, "budget"), job.budget));
  GINN_TRY(read(json, "verify", kVerifies, job.verify));
  GINN_TRY(read(json, "verify_last", job.verify_last));
  GINN_TRY(read_lives(json, job));
  return read(json, "nonce", job.nonce);
}

Status read_rest(const Json& json, Job& job) {
  GINN_TRY(read_model(member(json, "model"), job));
  const Json& preprocess = member(json, "preprocess");
  GINN_TRY(crypto::exact_fields(preprocess, {"pad", "mean", "std"}));
  GINN_TRY(read(preprocess, "pad", job.preprocess.pad));
  GINN_TRY(read(preprocess, "mean", job.mean));
  GINN_TRY(read(preprocess, "std", job.std));
  const Json& augment = member(json, "augment");
  GINN_TRY(crypto::exact_fields(augment, {"crop", "flip"}));
  GINN_TRY(read(augment, "crop", job.preprocess.crop));
  GINN_TRY(read(augment, "flip", job.preprocess.flip));
  const Json& arithmetic = member(json, "arithmetic");
  GINN_TRY(crypto::exact_fields(arithmetic, {"format", "version"}));
  GINN_TRY(read(arithmetic, "format", job.format));
  uint32_t version = 0;
  GINN_TRY(read(arithmetic, "version", version));
  if (version == kArithmeticVersion) return ok_status();
  GINN_TRY(refuse_newer("job_version", "arithmetic", version, kArithmeticVersion));
  return input_error("job_version",
                     concat("key \"arithmetic.version\": found ",
                            version,
                            "; this program computes version ",
                            kArithmeticVersion,
                            " only: use the program that made the job"));
}

Status read_job(const Json& json, Job& job) {
  GINN_TRY(crypto::check_format(json, "job", kVersion, "job_version"));
  GINN_TRY(crypto::exact_fields(
      json,
      {"ginn", "model", "data", "preprocess", "augment", "train", "integrity", "arithmetic"}));
  GINN_TRY(read_rest(json, job));
  GINN_TRY(read_data(member(json, "data"), job));
  GINN_TRY(read_train(member(json, "train"), job));
  return read_integrity(member(json, "integrity"), job);
}

Error in_job(const Error& error) {
  return Error{error.kind, error.code, concat("job: ", error.message)};
}

}  // namespace

Result<Job> parse(std::string_view text) {
  const auto json = crypto::parse_json(text, kLimits);
  if (!json.ok()) return in_job(json.error());
  Job job;
  const Status found = read_job(*json, job);
  if (!found.ok()) return in_job(found.error());
  if (canonical(job) != text) {
    return input_error("job_not_canonical",
                       "job: the bytes are not its canonical form (RFC 8785: sorted keys, no white "
                       "space, shortest numbers); use job.json as ginn wrote it");
  }
  const std::vector<Problem> problems = validate(job);
  if (problems.empty()) return job;
  std::string message = "job: ";
  for (const Problem& problem : problems) {
    if (&problem != &problems.front()) message += "; ";
    message += concat(problem.key, ": ", problem.message);
  }
  return input_error("job_invalid", std::move(message));
}

}  // namespace ginn::job
