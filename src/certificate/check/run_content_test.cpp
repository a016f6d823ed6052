#include <gtest/gtest.h>

#include "certificate/check/fake_run.h"
#include "protocol/transcript.h"

// Whether the run's files and numbers are those that a good statement speaks of.
namespace ginn::certificate {
namespace {

namespace fs = std::filesystem;

TEST(CheckRun, ReplayedMoreThanThereAre) {
  FakeRun run;
  run.claim().replayed = run.job().contributions() + 1;
  run.sign_claim();
  expect_rejected(run.check(), "replayed");
  run.claim().replayed = run.job().contributions();
  run.sign_claim();
  EXPECT_EQ(run.check().verdict, Verdict::kAccepted);
}

TEST(CheckRun, ReplayedLessThanWithoutACoin) {
  job::Job job = FakeRun::example_job();
  job.verify = guarantee::Verify::kAll;
  FakeRun all(job);
  const Outcome outcome = all.check();
  EXPECT_EQ(outcome.verdict, Verdict::kAccepted) << outcome.summary;
  EXPECT_TRUE(outcome.guarantee.starts_with("Each of the 7488 contributions was replayed"));
  all.claim().replayed = 7487;
  all.sign_claim();
  expect_rejected(all.check(), "replayed");
  job.verify = guarantee::Verify::kSample;
  job.verify_last = 0.5;
  FakeRun half(job);
  EXPECT_EQ(half.check().verdict, Verdict::kAccepted);
  half.claim().replayed = 3743;
  half.sign_claim();
  expect_rejected(half.check(), "replayed");
}

TEST(CheckRun, TranscriptHeadAndEntries) {
  FakeRun run;
  run.claim().transcript_head[0] ^= 1;
  run.sign_claim();
  expect_rejected(run.check(), "transcript");
  run.claim().transcript_head[0] ^= 1;
  run.claim().transcript_entries += 1;
  run.sign_claim();
  expect_rejected(run.check(), "transcript");
}

TEST(CheckRun, Transcript) {
  FakeRun run;
  const std::string text = run.read("transcript.jsonl");
  const size_t last = text.rfind('\n', text.size() - 2) + 1;
  run.write("transcript.jsonl", text.substr(0, last));
  expect_rejected(run.check(), "transcript");
  // A shorter chain that the certificate agrees with, but not the job.
  const protocol::TranscriptLife life{FakeRun::verifier_key().public_key(), 1};
  auto replayed =
      protocol::replay_transcript(text.substr(0, last), job::digest(run.job()), {&life, 1});
  run.claim().transcript_head = replayed->head;
  run.claim().transcript_entries = replayed->entries.size();
  run.sign_claim();
  expect_rejected(run.check(), "transcript");
  fs::remove(run.dir() / "transcript.jsonl");
  expect_rejected(run.check(), "transcript");
}

TEST(CheckRun, Model) {
  FakeRun run;
  const std::string model = run.read("model.safetensors");
  run.write("model.safetensors", model + "x");
  expect_rejected(run.check(), "model");
  EXPECT_EQ(run.check().uncovered_files, std::vector<std::string>{"model.safetensors"});
  fs::remove(run.dir() / "model.safetensors");
  expect_rejected(run.check(), "model");
  run.write("elsewhere", model);
  fs::create_symlink("elsewhere", run.dir() / "model.safetensors");
  expect_rejected(run.check(), "model");
}

TEST(CheckRun, SecondSubject) {
  FakeRun run;
  run.write("model.onnx", "onnx");
  EXPECT_EQ(run.check().uncovered_files, std::vector<std::string>{"model.onnx"});
  run.claim().subjects.push_back({"model.onnx", crypto::sha256(as_bytes("onnx"))});
  run.sign_claim();
  EXPECT_EQ(run.check().verdict, Verdict::kAccepted);
  EXPECT_TRUE(run.check().uncovered_files.empty());
  run.write("model.onnx", "ONNX");
  expect_rejected(run.check(), "model");
}

TEST(CheckRun, Grants) {
  FakeRun run;
  const auto with = [&run](const std::vector<std::string>& grants, std::string failed = "grants") {
    run.claim().grants = grants;
    run.sign_claim();
    expect_rejected(run.check(), failed);
  };
  const std::string good = run.claim().grants[0];
  with({});
  with({"grant"});
  with({good, good}, "transcript grants");  // which has no line of a second life
  StartStatement other = run.start();
  other.nonce = "run 2";
  with({issue_grant(FakeRun::owner_key(), other, true)});
  // Not local: only the relying party's owner key makes it good.
  with({issue_grant(FakeRun::owner_key(), run.start(), false)});
  RelyingParty owner = run.relying_party();
  owner.owner_key = FakeRun::owner_key().public_key();
  EXPECT_EQ(run.check(owner).verdict, Verdict::kAccepted);
  owner.owner_key = FakeRun::verifier_key().public_key();
  expect_rejected(run.check(owner), "grants");
}

TEST(CheckRun, LifeOfTheTranscriptIsTheGrantedOne) {
  FakeRun run;
  run.claim().life = 2;
  run.sign_claim();
  expect_rejected(run.check(), "evidence grants");
}

}  // namespace
}  // namespace ginn::certificate
