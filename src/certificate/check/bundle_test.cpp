#include "certificate/check/bundle.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "certificate/check/fake_run.h"

namespace ginn::certificate {
namespace {

namespace fs = std::filesystem;

Bundle bundle_of(const FakeRun& run) {
  const auto text = make_bundle(run.dir());
  EXPECT_TRUE(text.ok());
  auto bundle = parse_bundle(as_bytes(*text));
  EXPECT_TRUE(bundle.ok());
  return std::move(bundle).value();
}

std::string code_of(const std::string& text) {
  const auto bundle = parse_bundle(as_bytes(text));
  return bundle.ok() ? "ok" : bundle.error().code;
}

// Verdict and the failed checks with their codes, without what tells folder and bundle apart.
std::string told(const Outcome& outcome) {
  std::string out(verdict_name(outcome.verdict));
  for (const Check& check : outcome.checks) {
    if (!check.ok) out += concat(" ", check.name, "=", check.code);
  }
  return out;
}

TEST(Bundle, GivesTheFoldersVerdict) {
  FakeRun run;
  run.write("report.html", "not covered, not taken along");
  const Bundle bundle = bundle_of(run);
  EXPECT_EQ(bundle.files.size(), 3u);
  const std::vector<fs::path> models = {run.dir() / "model.safetensors"};
  Outcome outcome = check_bundle(bundle, models, run.relying_party());
  EXPECT_EQ(outcome.verdict, Verdict::kAccepted) << outcome.summary;
  EXPECT_EQ(outcome.summary, run.check().summary);
  EXPECT_TRUE(outcome.uncovered_files.empty());
  // Strict relying parties, none, and one of another job.
  RelyingParty other = run.relying_party();
  (*other.job_digest)[0] ^= 1;
  for (const RelyingParty& party : {RelyingParty{}, other}) {
    EXPECT_EQ(told(check_bundle(bundle, models, party)), told(run.check(party)));
  }
}

TEST(Bundle, SeesEveryFaultThatTheFolderHas) {
  for (const std::string name : {"certificate.json", "job.json", "transcript.jsonl"}) {
    FakeRun run;
    std::string text = run.read(name);
    text[text.size() / 2] ^= 1;
    run.write(name, text);
    const std::vector<fs::path> models = {run.dir() / "model.safetensors"};
    EXPECT_EQ(told(check_bundle(bundle_of(run), models, run.relying_party())), told(run.check()))
        << name;
    EXPECT_NE(run.check().verdict, Verdict::kAccepted);
    if (name == "certificate.json") continue;
    fs::remove(run.dir() / name);
    EXPECT_EQ(told(check_bundle(bundle_of(run), models, run.relying_party())), told(run.check()))
        << name;
  }
}

TEST(Bundle, TheModelBesideIt) {
  FakeRun run;
  const Bundle bundle = bundle_of(run);
  EXPECT_EQ(told(check_bundle(bundle, {}, run.relying_party())), "rejected model=not_found");
  fs::rename(run.dir() / "model.safetensors", run.dir() / "resnet.safetensors");
  std::vector<fs::path> models = {run.dir() / "resnet.safetensors"};
  EXPECT_EQ(told(check_bundle(bundle, models, run.relying_party())), "accepted");
  models.push_back(run.dir() / "job.json");
  EXPECT_EQ(told(check_bundle(bundle, models, run.relying_party())), "rejected model=not_found");
  run.write("other", "no model");
  models = {run.dir() / "other"};
  EXPECT_EQ(told(check_bundle(bundle, models, run.relying_party())),
            "rejected model=subject_digest");
  fs::create_symlink("resnet.safetensors", run.dir() / "link");
  models = {run.dir() / "link"};
  EXPECT_EQ(told(check_bundle(bundle, models, run.relying_party())), "rejected model=is_a_link");
}

TEST(Bundle, OfARejection) {
  FakeRun run;
  run.reject(run.rejection());
  const Outcome outcome = check_bundle(bundle_of(run), {}, run.relying_party());
  EXPECT_EQ(told(outcome), told(run.check()));
  EXPECT_EQ(outcome.summary, run.check().summary);
}

TEST(Bundle, FormFaults) {
  FakeRun run;
  const std::string good = make_bundle(run.dir()).value();
  EXPECT_EQ(code_of(good), "ok");
  EXPECT_EQ(code_of(good + "\n"), "bundle_form");
  EXPECT_EQ(code_of(""), "json_syntax");
  EXPECT_EQ(code_of("{}"), "json_field");
  EXPECT_EQ(code_of(R"({"files":{},"type":"x"})"), "bundle_type");
  const auto with = [](std::string_view files) {
    return code_of(concat(R"({"files":)", files, R"(,"type":")", kBundleType, "\"}"));
  };
  EXPECT_EQ(with("[]"), "json_field");
  EXPECT_EQ(with(R"({"../job.json":""})"), "bundle_file");
  EXPECT_EQ(with(R"({"job.json":1})"), "bundle_file");
  EXPECT_EQ(with(R"({"job.json":"","job.json":""})"), "json_duplicate_key");
  EXPECT_EQ(with("{}"), "ok");
  EXPECT_EQ(check_bundle({}, {}, {}).verdict, Verdict::kRejected);
}

TEST(Bundle, OfAFolderThatIsNoRuns) {
  FakeRun run;
  EXPECT_STREQ(make_bundle(run.dir() / "nowhere").error().code, "not_a_folder");
  run.write("job.json", "\xff");
  EXPECT_STREQ(make_bundle(run.dir()).error().code, "bundle_form");
  fs::remove(run.dir() / "certificate.json");
  EXPECT_STREQ(make_bundle(run.dir()).error().code, "not_found");
  fs::create_symlink("job.json", run.dir() / "certificate.json");
  EXPECT_STREQ(make_bundle(run.dir()).error().code, "is_a_link");
}

}  // namespace
}  // namespace ginn::certificate
