#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "base/version.h"
#include "job/job.h"
#include "job/names.h"

namespace ginn::job {
namespace {

using crypto::Json;

constexpr uint32_t kVersion = 1;
constexpr std::string_view kPixelFormat = "u8hwc";
constexpr std::string_view kOptimizer = "sgd";
constexpr uint32_t kArithmeticVersion = 1;
// A job has some 2 kB; its arrays hold at most 100 numbers.
constexpr crypto::JsonLimits kLimits{size_t{1} << 16, 8};
constexpr size_t kArrayMax = 100;

Json number(uint32_t value) { return Json(static_cast<double>(value)); }

Json numbers(const std::vector<double>& values) {
  return Json(Json::Array(values.begin(), values.end()));
}

Json data_json(const data::DatasetFacts& facts) {
  return Json::Object{{"records", Json::integer(facts.records)},
                      {"height", number(facts.height)},
                      {"width", number(facts.width)},
                      {"channels", number(facts.channels)},
                      {"classes", number(facts.classes)},
                      {"format", kPixelFormat},
                      {"root", crypto::tagged(facts.root())},
                      {"tree", crypto::tagged(facts.tree)}};
}

Json lr_json(const LearningRate& lr) {
  return Json::Object{{"schedule", word_of(kSchedules, lr.schedule)},
                      {"peak", lr.peak},
                      {"warmup", lr.warmup},
                      {"milestones", numbers(lr.milestones)},
                      {"gamma", lr.gamma}};
}

Json train_json(const Job& job) {
  return Json::Object{{"epochs", number(job.epochs)},
                      {"steps", Json::integer(job.steps)},
                      {"batch", number(job.batch)},
                      {"microbatch", number(job.microbatch)},
                      {"last_batch", word_of(kLastBatches, job.last_batch)},
                      {"optimizer", kOptimizer},
                      {"momentum", job.momentum},
                      {"nesterov", job.nesterov},
                      {"weight_decay", job.weight_decay},
                      {"decoupled", job.decoupled},
                      {"clip_norm", job.clip_norm},
                      {"label_smoothing", job.label_smoothing},
                      {"seed", Json::integer(job.seed)},
                      {"bn_samples", Json::integer(job.bn_samples)},
                      {"lr", lr_json(job.lr)}};
}

Json lives_json(const Job& job) {
  return job.unlimited_attempts ? Json(std::string(kUnlimited)) : number(job.lives);
}

Json integrity_json(const Job& job) {
  Json::Object budget;
  if (job.budget.is_share) {
    budget["share"] = Json(job.budget.share);
  } else {
    budget["count"] = Json::integer(job.budget.count);
  }
  return Json::Object{{"probability", job.probability},
                      {"budget", std::move(budget)},
                      {"verify", word_of(kVerifies, job.verify)},
                      {"verify_last", job.verify_last},
                      {"lives", lives_json(job)},
                      {"nonce", job.nonce}};
}

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

Status read_train(const Json& json, Job& job) {
  GINN_TRY(crypto::exact_fields(json,
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
  const Json& model = member(json, "model");
  GINN_TRY(crypto::exact_fields(model, {"name"}));
  GINN_TRY(read(model, "name", job.model));
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

Json to_json(const Job& job) {
  return Json::Object{
      {"ginn", crypto::format_text("job", kVersion)},
      {"model", Json::Object{{"name", job.model}}},
      {"data", data_json(job.data)},
      {"preprocess",
       Json::Object{{"pad", number(job.preprocess.pad)},
                    {"mean", numbers(job.mean)},
                    {"std", numbers(job.std)}}},
      {"augment",
       Json::Object{{"crop", number(job.preprocess.crop)}, {"flip", job.preprocess.flip}}},
      {"train", train_json(job)},
      {"integrity", integrity_json(job)},
      {"arithmetic",
       Json::Object{{"format", job.format}, {"version", number(kArithmeticVersion)}}}};
}

std::string canonical(const Job& job) { return crypto::canonical_json(to_json(job)); }

crypto::Digest digest(const Job& job) { return crypto::sha256(as_bytes(canonical(job))); }

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
