#include "job/job.h"
#include "job/names.h"

namespace ginn::job {
namespace {

using crypto::Json;

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

Json texts(const std::vector<std::string>& values) {
  return Json(Json::Array(values.begin(), values.end()));
}

// Members that a job may do without are left out: a job that does not use them has the digest that
// it always had.
Json model_json(const Job& job) {
  Json::Object model{{"name", job.model}};
  if (job.weights) {
    model["weights"] = Json::Object{{"sha256", crypto::tagged(job.weights->sha256)},
                                    {"except", texts(job.weights->except)}};
  }
  return model;
}

Json groups_json(const std::vector<ParameterGroup>& groups) {
  Json::Array out;
  for (const ParameterGroup& group : groups) {
    out.emplace_back(
        Json::Object{{"parameters", texts(group.parameters)}, {"lr_scale", group.lr_scale}});
  }
  return out;
}

Json lr_json(const LearningRate& lr) {
  return Json::Object{{"schedule", word_of(kSchedules, lr.schedule)},
                      {"peak", lr.peak},
                      {"warmup", lr.warmup},
                      {"milestones", numbers(lr.milestones)},
                      {"gamma", lr.gamma}};
}

Json train_json(const Job& job) {
  Json::Object train{{"epochs", number(job.epochs)},
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
  if (!job.freeze.empty()) train["freeze"] = texts(job.freeze);
  if (!job.groups.empty()) train["groups"] = groups_json(job.groups);
  return train;
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

}  // namespace

Json to_json(const Job& job) {
  return Json::Object{
      {"ginn", crypto::format_text("job", kVersion)},
      {"model", model_json(job)},
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

}  // namespace ginn::job
