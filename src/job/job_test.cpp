#include "job/job.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <map>
#include <set>
#include <string>

#include "job/names.h"

namespace ginn::job {
namespace {

const double kNan = std::numeric_limits<double>::quiet_NaN();
const double kInfinity = std::numeric_limits<double>::infinity();

Job good_job() {
  Job job;
  job.model = "resnet8";
  job.data = {60000, 28, 28, 1, 10, {}};
  job.data.tree.fill(0x5a);
  job.preprocess = {0, 2, true};
  job.mean = {0.5};
  job.std = {0.25};
  job.epochs = 4;
  job.steps = 1872;
  job.weight_decay = 5e-4;
  job.clip_norm = 0.5;
  job.lr.peak = 0.2;
  job.lr.warmup = 0.05;
  return job;
}

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

struct Case {
  const char* key;
  std::function<void(Job&)> change;
};

std::vector<std::string> keys_of(const Job& job) {
  std::vector<std::string> keys;
  for (const Problem& problem : validate(job)) keys.push_back(problem.key);
  return keys;
}

// Epochs of 1024 steps.
void set_steps(Job& job, uint64_t steps) {
  job.data.records = uint64_t{1024} * job.batch;
  job.epochs = static_cast<uint32_t>(steps / 1024);
  job.steps = steps;
}

TEST(JobValidate, GoodJobsHaveNoProblem) {
  EXPECT_EQ(keys_of(good_job()), std::vector<std::string>{});
  const std::vector<std::function<void(Job&)>> edges = {
      [](Job& job) { job.preprocess.crop = 14; },
      [](Job& job) { job.preprocess.pad = 64; },
      [](Job& job) { job.epochs = 100'000, job.batch = 2048, job.steps = 2'900'000; },
      [](Job& job) { set_steps(job, kStepsMax); },
      [](Job& job) { job.clip_norm = 0x1p-20; },
      [](Job& job) { job.clip_norm = 0x1p20; },  // 2^22 / 4
      [](Job& job) { job.momentum = 0; },
      [](Job& job) { job.weight_decay = 1; },
      [](Job& job) { job.lr.peak = 100; },
      [](Job& job) { job.lr.gamma = 1; },
      [](Job& job) { job.bn_samples = 32; },
      [](Job& job) { job.bn_samples = 60000; },
      [](Job& job) { job.mean = {-1e6}; },
      [](Job& job) { job.std = {1e-6}; },
      [](Job& job) { job.nonce = std::string(64, '~'); },
      [](Job& job) {
        job.lr.schedule = Schedule::kStep, job.lr.milestones = {0.5, 0.75};
      },
      [](Job& job) {
        job.budget = {false, 0, 7488};
      },
  };
  for (size_t i = 0; i < edges.size(); ++i) {
    Job job = good_job();
    edges[i](job);
    EXPECT_EQ(keys_of(job), std::vector<std::string>{}) << i;
  }
}

TEST(JobValidate, EveryConstraintNamesItsKey) {
  const std::vector<Case> cases = {
      {"model.name", [](Job& job) { job.model = "resnet9"; }},
      {"data", [](Job& job) { job.data.classes = 1; }},
      {"data.pad", [](Job& job) { job.preprocess.pad = 65; }},
      {"data.mean", [](Job& job) { job.mean = {}; }},
      {"data.mean", [](Job& job) { job.mean = {1.1e6}; }},
      {"data.mean", [](Job& job) { job.mean = {kNan}; }},
      {"data.std",
       [](Job& job) {
         job.std = {0.5, 0.5};
       }},
      {"data.std", [](Job& job) { job.std = {0}; }},
      {"data.std", [](Job& job) { job.std = {1.1e6}; }},
      {"data.std", [](Job& job) { job.std = {kNan}; }},
      {"augment.crop", [](Job& job) { job.preprocess.crop = 15; }},
      {"train.epochs", [](Job& job) { job.epochs = 0; }},
      {"train.epochs", [](Job& job) { job.epochs = 100'001; }},
      {"train.steps", [](Job& job) { job.steps = 0; }},
      {"train.steps", [](Job& job) { set_steps(job, kStepsMax + 1024); }},
      {"train.steps", [](Job& job) { job.epochs = 100'000, job.steps = 46'800'000; }},
      {"train.steps", [](Job& job) { job.steps = 1871; }},
      {"train.batch", [](Job& job) { job.batch = 0; }},
      {"train.batch", [](Job& job) { job.batch = 65'568; }},
      {"train.batch", [](Job& job) { job.batch = 60'032; }},
      {"train.microbatch", [](Job& job) { job.microbatch = 0; }},
      {"train.microbatch", [](Job& job) { job.microbatch = 4097; }},
      {"train.microbatch", [](Job& job) { job.microbatch = 256; }},
      {"train.bn_samples", [](Job& job) { job.bn_samples = 0; }},
      {"train.bn_samples", [](Job& job) { job.bn_samples = 2047; }},
      {"train.bn_samples", [](Job& job) { job.bn_samples = 60'032; }},
      {"train.momentum", [](Job& job) { job.momentum = 1; }},
      {"train.momentum", [](Job& job) { job.momentum = -0.1; }},
      {"train.momentum", [](Job& job) { job.momentum = kNan; }},
      {"train.nesterov", [](Job& job) { job.nesterov = true, job.momentum = 0; }},
      {"train.weight_decay", [](Job& job) { job.weight_decay = 1.1; }},
      {"train.weight_decay", [](Job& job) { job.weight_decay = kNan; }},
      {"train.clip_norm", [](Job& job) { job.clip_norm = 0x1p-21; }},
      {"train.clip_norm", [](Job& job) { job.clip_norm = 0x1.001p20; }},
      {"train.clip_norm", [](Job& job) { job.clip_norm = kInfinity; }},
      {"train.clip_norm", [](Job& job) { job.clip_norm = kNan; }},
      {"train.label_smoothing", [](Job& job) { job.label_smoothing = 1; }},
      {"train.label_smoothing", [](Job& job) { job.label_smoothing = kNan; }},
      {"train.lr.peak", [](Job& job) { job.lr.peak = 0; }},
      {"train.lr.peak", [](Job& job) { job.lr.peak = 101; }},
      {"train.lr.peak", [](Job& job) { job.lr.peak = kNan; }},
      {"train.lr.warmup", [](Job& job) { job.lr.warmup = 1; }},
      {"train.lr.warmup", [](Job& job) { job.lr.warmup = kNan; }},
      {"train.lr.gamma", [](Job& job) { job.lr.gamma = 0; }},
      {"train.lr.gamma", [](Job& job) { job.lr.gamma = kNan; }},
      {"train.lr.milestones", [](Job& job) { job.lr.milestones = {0.5}; }},
      {"train.lr.milestones", [](Job& job) { job.lr.schedule = Schedule::kStep; }},
      {"integrity.probability", [](Job& job) { job.probability = 1; }},
      {"integrity.probability", [](Job& job) { job.probability = kNan; }},
      {"integrity.budget", [](Job& job) { job.budget.share = 0; }},
      {"integrity.budget",
       [](Job& job) {
         job.budget = {false, 0, 0};
       }},
      {"integrity.budget",
       [](Job& job) {
         job.budget = {false, 0, 7489};
       }},
      {"integrity.verify_last", [](Job& job) { job.verify_last = -0.5; }},
      {"integrity.verify_last", [](Job& job) { job.verify_last = kNan; }},
      {"integrity.lives", [](Job& job) { job.lives = 65; }},
      {"integrity.lives", [](Job& job) { job.lives = 0; }},
      {"integrity.lives",
       [](Job& job) {
         job.lives = 2;
         job.unlimited_attempts = true;
       }},
      {"integrity.nonce", [](Job& job) { job.nonce = std::string(65, 'a'); }},
      {"integrity.nonce", [](Job& job) { job.nonce = "a\n"; }},
      {"integrity.nonce", [](Job& job) { job.nonce = "\xc3\xa9"; }},
      {"arithmetic.format", [](Job& job) { job.format = "dfp15"; }},
  };
  for (size_t i = 0; i < cases.size(); ++i) {
    Job job = good_job();
    cases[i].change(job);
    EXPECT_EQ(keys_of(job), std::vector<std::string>{cases[i].key}) << "case " << i;
  }
}

TEST(JobValidate, MilestonesAscendBetweenZeroAndOne) {
  for (const std::vector<double>& bad : std::vector<std::vector<double>>{
           {0}, {1}, {0.5, 0.5}, {0.75, 0.5}, {-0.5}, {kNan}, std::vector<double>(101, 0.5)}) {
    Job job = good_job();
    job.lr.schedule = Schedule::kStep;
    job.lr.milestones = bad;
    EXPECT_EQ(keys_of(job), std::vector<std::string>{"train.lr.milestones"}) << bad.size();
  }
}

TEST(JobValidate, MessagesSayWhatWasFoundAndWhatIsAllowed) {
  Job job = good_job();
  job.momentum = kNan;
  job.lives = 65;
  job.probability = 2;
  const std::vector<Problem> problems = validate(job);
  ASSERT_EQ(problems.size(), 3u);
  EXPECT_EQ(problems[0].message, "found nan; allowed: 0 to below 1");
  EXPECT_EQ(problems[1].message, "found 2; allowed: 0.5 to 1 - 2^-40 (0.999 is usual)");
  EXPECT_EQ(problems[2].message, "found 65; allowed: 1 to 64");
}

TEST(JobValidate, ReportsEverythingAtOnce) {
  Job job;  // no model, no data, no steps
  job.batch = 100;
  job.lr.peak = -1;
  job.lives = 0;
  const std::vector<std::string> keys = keys_of(job);
  const std::set<std::string> found(keys.begin(), keys.end());
  for (const char* key :
       {"data", "train.microbatch", "train.batch", "train.lr.peak", "integrity.lives"}) {
    EXPECT_TRUE(found.contains(key)) << key;
  }
}

}  // namespace
}  // namespace ginn::job
