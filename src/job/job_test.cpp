#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>
#include <string>

#include "job/job_cases.h"
#include "job/names.h"

namespace ginn::job::cases {
namespace {

constexpr std::string_view kGolden =
    R"({"arithmetic":{"format":"dfp14","version":1},"augment":{"crop":2,"flip":true},)"
    R"("data":{"channels":1,"classes":10,"format":"u8hwc","height":28,"records":"60000",)"
    R"("root":"sha256:8b48406e8172e6e78cd697dcc3a5542bbf92e6283dcbb6e40822e433296f86c4",)"
    R"("tree":"sha256:5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a",)"
    R"("width":28},"ginn":"job/v1",)"
    R"("integrity":{"budget":{"share":0.01},"lives":1,"nonce":"","probability":0.999,)"
    R"("verify":"sample","verify_last":0},"model":{"name":"resnet8"},)"
    R"("preprocess":{"mean":[0.5],"pad":0,"std":[0.25]},)"
    R"("train":{"batch":128,"bn_samples":"2048","clip_norm":0.5,"decoupled":false,"epochs":4,)"
    R"("label_smoothing":0,"last_batch":"drop",)"
    R"("lr":{"gamma":0.1,"milestones":[],"peak":0.2,"schedule":"cosine","warmup":0.05},)"
    R"("microbatch":32,"momentum":0.9,"nesterov":false,"optimizer":"sgd","seed":"1",)"
    R"("steps":"1872","weight_decay":0.0005}})";

// `text` with its only occurrence of `from` replaced.
std::string with(std::string_view text, std::string_view from, std::string_view to) {
  std::string out(text);
  const size_t at = out.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  EXPECT_EQ(out.find(from, at + 1), std::string::npos) << from;
  if (at != std::string::npos) out.replace(at, from.size(), to);
  return out;
}

std::string code_of(std::string_view text) {
  const Result<Job> job = parse(text);
  return job.ok() ? "" : job.error().code;
}

TEST(JobJson, GoldenBytesAndDigest) {
  EXPECT_EQ(canonical(good_job()), kGolden);
  EXPECT_EQ(crypto::hex(digest(good_job())),
            "1a2feb17a8f0c028cae4ee377c8c4bed2288c69f02d54d06b56a15ba6b2d02d5");
}

TEST(JobJson, ParsesItsOwnBytes) {
  Job counted = good_job();
  counted.budget = {false, 0.01, 24};
  counted.verify = guarantee::Verify::kAll;
  counted.last_batch = data::LastBatch::kCarry;
  counted.steps = 1875;
  counted.lr.schedule = Schedule::kStep;
  counted.lr.milestones = {0.5, 0.75};
  counted.seed = std::numeric_limits<uint64_t>::max();
  counted.nonce = "run \"7\" \\ ~";
  for (const Job& job : {good_job(), counted}) {
    const std::string text = canonical(job);
    const Result<Job> parsed = parse(text);
    ASSERT_TRUE(parsed.ok()) << parsed.error().message;
    EXPECT_EQ(canonical(*parsed), text);
    EXPECT_EQ(digest(*parsed), digest(job));
  }
  EXPECT_EQ(parse(canonical(counted))->budget.count, 24u);
  EXPECT_EQ(parse(canonical(counted))->seed, counted.seed);
}

// Paths of the leaves of a document, as "train.lr.peak".
void collect_leaves(const crypto::Json& json, const std::string& path, std::set<std::string>& out) {
  if (json.as_object() == nullptr) {
    out.insert(path);
    return;
  }
  for (const auto& [key, value] : *json.as_object()) {
    collect_leaves(value, path.empty() ? key : path + "." + key, out);
  }
}

const std::map<std::string, std::function<void(Job&)>>& changes() {
  static const std::map<std::string, std::function<void(Job&)>> all = {
      {"model.name", [](Job& job) { job.model = "resnet20"; }},
      {"data.records", [](Job& job) { ++job.data.records; }},
      {"data.height", [](Job& job) { ++job.data.height; }},
      {"data.width", [](Job& job) { ++job.data.width; }},
      {"data.channels", [](Job& job) { ++job.data.channels; }},
      {"data.classes", [](Job& job) { ++job.data.classes; }},
      {"data.tree", [](Job& job) { job.data.tree[31] ^= 1; }},
      {"preprocess.pad", [](Job& job) { ++job.preprocess.pad; }},
      {"preprocess.mean", [](Job& job) { job.mean[0] += 1e-15; }},
      {"preprocess.std", [](Job& job) { job.std[0] += 1e-15; }},
      {"augment.crop", [](Job& job) { ++job.preprocess.crop; }},
      {"augment.flip", [](Job& job) { job.preprocess.flip = false; }},
      {"train.epochs", [](Job& job) { ++job.epochs; }},
      {"train.steps", [](Job& job) { ++job.steps; }},
      {"train.batch", [](Job& job) { ++job.batch; }},
      {"train.microbatch", [](Job& job) { ++job.microbatch; }},
      {"train.last_batch", [](Job& job) { job.last_batch = data::LastBatch::kCarry; }},
      {"train.momentum", [](Job& job) { job.momentum += 1e-15; }},
      {"train.nesterov", [](Job& job) { job.nesterov = true; }},
      {"train.weight_decay", [](Job& job) { job.weight_decay += 1e-15; }},
      {"train.decoupled", [](Job& job) { job.decoupled = true; }},
      {"train.clip_norm", [](Job& job) { job.clip_norm += 1e-15; }},
      {"train.label_smoothing", [](Job& job) { job.label_smoothing = 1e-15; }},
      {"train.seed", [](Job& job) { ++job.seed; }},
      {"train.bn_samples", [](Job& job) { ++job.bn_samples; }},
      {"train.lr.schedule", [](Job& job) { job.lr.schedule = Schedule::kConstant; }},
      {"train.lr.peak", [](Job& job) { job.lr.peak += 1e-15; }},
      {"train.lr.warmup", [](Job& job) { job.lr.warmup += 1e-15; }},
      {"train.lr.milestones", [](Job& job) { job.lr.milestones = {0.5}; }},
      {"train.lr.gamma", [](Job& job) { job.lr.gamma += 1e-15; }},
      {"integrity.probability", [](Job& job) { job.probability += 1e-15; }},
      {"integrity.budget.share", [](Job& job) { job.budget.share += 1e-15; }},
      {"integrity.verify", [](Job& job) { job.verify = guarantee::Verify::kAll; }},
      {"integrity.verify_last", [](Job& job) { job.verify_last = 1e-15; }},
      {"integrity.lives", [](Job& job) { ++job.lives; }},
      {"integrity.nonce", [](Job& job) { job.nonce = "a"; }},
      {"arithmetic.format", [](Job& job) { job.format = "dfp16"; }},
  };
  return all;
}

TEST(JobJson, UnlimitedAttemptsHaveOneLifeEach) {
  Job job = good_job();
  job.lives = 1;
  job.unlimited_attempts = true;
  const std::string text = canonical(job);
  EXPECT_NE(text.find("\"lives\":\"unlimited\""), std::string::npos);
  const auto parsed = parse(text);
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  EXPECT_TRUE(parsed->unlimited_attempts);
  EXPECT_EQ(parsed->lives, 1u);
  EXPECT_EQ(sampling(*parsed)->exposure(), guarantee::exposure(1.0 - job.probability, 1));
  EXPECT_NE(digest(job), digest(good_job()));
  std::string other = text;
  other.replace(other.find("unlimited"), 9, "unlimites");
  EXPECT_EQ(code_of(other), "json_field");
}

TEST(JobJson, EveryFieldChangesTheDigest) {
  std::set<std::string> digests = {crypto::hex(digest(good_job()))};
  for (const auto& [name, change] : changes()) {
    Job job = good_job();
    change(job);
    EXPECT_TRUE(digests.insert(crypto::hex(digest(job))).second) << name;
  }
  Job counted = good_job();
  for (const uint64_t count : {uint64_t{24}, uint64_t{25}}) {
    counted.budget = {false, 0.01, count};
    EXPECT_TRUE(digests.insert(crypto::hex(digest(counted))).second) << count;
  }
}

// Fails when a key is added to the document but not to the list of changes above.
TEST(JobJson, TheListOfChangesIsComplete) {
  std::set<std::string> leaves;
  collect_leaves(to_json(good_job()), "", leaves);
  for (const char* fixed :
       {"ginn", "data.format", "data.root", "train.optimizer", "arithmetic.version"}) {
    EXPECT_EQ(leaves.erase(fixed), 1u) << fixed;
  }
  std::set<std::string> changed;
  for (const auto& [name, change] : changes()) changed.insert(name);
  EXPECT_EQ(leaves, changed);
}

TEST(JobParse, RefusesWhatIsNoJsonOrTooLarge) {
  EXPECT_EQ(code_of(kGolden), "");
  EXPECT_EQ(code_of(""), "json_syntax");
  EXPECT_EQ(code_of("{"), "json_syntax");
  EXPECT_EQ(code_of(with(kGolden, R"("crop":2)", R"("crop":2,"crop":2)")), "json_duplicate_key");
  EXPECT_EQ(code_of(std::string(70'000, ' ')), "json_too_large");
  EXPECT_EQ(code_of(std::string(9, '[') + std::string(9, ']')), "json_too_deep");
  EXPECT_EQ(code_of("[]"), "json_field");
  EXPECT_EQ(code_of("{}"), "json_field");
}

TEST(JobParse, RefusesOtherVersions) {
  EXPECT_EQ(code_of(with(kGolden, "job/v1", "job/v2")), "job_version");
  EXPECT_EQ(code_of(R"({"ginn":"job/v2"})"), "job_version");
  EXPECT_EQ(code_of(with(kGolden, R"("version":1)", R"("version":2)")), "job_version");
}

// Removes, renames and retypes every member at every level: each must be refused.
void refuse_changed_members(const crypto::Json& root, const std::vector<std::string>& path) {
  crypto::Json copy = root;
  const auto object_at = [&](crypto::Json& json) {
    crypto::Json* at = &json;
    for (const std::string& key : path) at = &at->as_object()->at(key);
    return at->as_object();
  };
  const crypto::Json::Object members = *object_at(copy);
  for (const auto& [key, value] : members) {
    for (const crypto::Json& bad : {crypto::Json(), crypto::Json(crypto::Json::Object{})}) {
      copy = root;
      object_at(copy)->at(key) = bad;
      EXPECT_EQ(code_of(crypto::canonical_json(copy)), "json_field") << key;
    }
    copy = root;
    object_at(copy)->erase(key);
    EXPECT_EQ(code_of(crypto::canonical_json(copy)), "json_field") << key;
    if (value.as_object() != nullptr) {
      std::vector<std::string> below = path;
      below.push_back(key);
      refuse_changed_members(root, below);
    }
  }
  copy = root;
  object_at(copy)->emplace("extra", 1);
  EXPECT_EQ(code_of(crypto::canonical_json(copy)), "json_field");
}

TEST(JobParse, FieldsAreExactAtEveryLevel) { refuse_changed_members(to_json(good_job()), {}); }

TEST(JobParse, RefusesBadFields) {
  const std::vector<std::pair<const char*, const char*>> edits = {
      {R"("height":28)", R"("height":28.5)"},
      {R"("height":28)", R"("height":-1)"},
      {R"("height":28)", R"("height":4294967296)"},
      {R"("records":"60000")", R"("records":60000)"},
      {R"("records":"60000")", R"("records":"060000")"},
      {R"("records":"60000")", R"("records":"18446744073709551616")"},
      {R"("mean":[0.5])", R"("mean":["0.5"])"},
      {R"("flip":true)", R"("flip":1)"},
      {R"("sgd")", R"("adam")"},
      {R"("u8hwc")", R"("u8chw")"},
      {R"("drop")", R"("keep")"},
      {R"("cosine")", R"("Cosine")"},
      {R"("sample")", R"("none")"},
      {R"({"share":0.01})", R"({"count":"24","share":0.01})"},
      {R"({"share":0.01})", R"({"count":24})"},
      {"sha256:5a", "sha256:5A"},
      {"sha256:5a", "sha512:5a"},
  };
  for (const auto& [from, to] : edits) {
    EXPECT_EQ(code_of(with(kGolden, from, to)), "json_field") << to;
  }
  std::string many = "0.5";
  for (int i = 0; i < 100; ++i) many += ",0.5";
  EXPECT_EQ(code_of(with(kGolden, R"("mean":[0.5])", R"("mean":[)" + many + "]")), "json_field");
}

TEST(JobParse, RefusesOtherSpellingsOfTheSameJob) {
  for (const std::string& text :
       {with(kGolden, R"("crop":2)", R"("crop": 2)"),
        with(kGolden, R"("crop":2)", R"("crop":2.0)"),
        with(kGolden, "0.0005", "5e-4"),
        with(kGolden, R"("verify_last":0)", R"("verify_last":-0)"),
        with(kGolden, R"("resnet8")", R"("\u0072esnet8")"),
        with(kGolden, R"("crop":2,"flip":true)", R"("flip":true,"crop":2)"),
        std::string(kGolden) + "\n"}) {
    EXPECT_EQ(code_of(text), "job_not_canonical") << text;
  }
}

TEST(JobParse, RootStepsAndConstraintsMustHold) {
  EXPECT_EQ(code_of(with(kGolden, "sha256:5a5a", "sha256:5a5b")), "job_invalid");
  EXPECT_EQ(code_of(with(kGolden, R"("steps":"1872")", R"("steps":"1873")")), "job_invalid");
  const Result<Job> job = parse(
      with(with(kGolden, R"("momentum":0.9)", R"("momentum":1)"), R"("lives":1)", R"("lives":65)"));
  ASSERT_FALSE(job.ok());
  EXPECT_STREQ(job.error().code, "job_invalid");
  EXPECT_NE(job.error().message.find("train.momentum: found 1;"), std::string::npos);
  EXPECT_NE(job.error().message.find("integrity.lives: found 65;"), std::string::npos);
}

// No prefix, no single changed byte of a job is the same job, and none crashes the parser.
TEST(JobParse, SurvivesDamage) {
  for (size_t size = 0; size < kGolden.size(); ++size) {
    EXPECT_FALSE(parse(kGolden.substr(0, size)).ok()) << size;
  }
  for (size_t at = 0; at < kGolden.size(); ++at) {
    std::string text(kGolden);
    text[at] = static_cast<char>(text[at] ^ 1);
    const Result<Job> job = parse(text);
    EXPECT_TRUE(!job.ok() || digest(*job) != digest(good_job())) << at;
  }
}

TEST(JobSteps, FollowTheLastBatch) {
  Job job = good_job();
  EXPECT_EQ(derived_steps(job), 1872u);
  EXPECT_EQ(job.contributions(), 7488u);
  job.last_batch = data::LastBatch::kCarry;
  EXPECT_EQ(derived_steps(job), 1875u);
  job.epochs = 1;
  EXPECT_EQ(derived_steps(job), 468u);  // 60000 / 128 = 468.75
  job.epochs = 0;
  EXPECT_EQ(derived_steps(job), 0u);
  job = good_job();
  job.batch = 60001;
  EXPECT_EQ(derived_steps(job), 0u);
}

TEST(JobSampling, IsTheGuaranteesOwn) {
  const auto found = sampling(good_job());
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->contributions(), 7488u);
  EXPECT_NEAR(found->budget_contributions(), 74.88, 1e-9);
  Job bad = good_job();
  bad.probability = 0.4;
  EXPECT_STREQ(sampling(bad).error().code, "probability_range");
}

// --- validate: one key at a time ---

}  // namespace
}  // namespace ginn::job::cases
