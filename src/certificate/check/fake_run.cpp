#include "certificate/check/fake_run.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "attest/produce/attester.h"
#include "attest/report_data.h"
#include "base/file.h"
#include "base/text.h"
#include "certificate/issue/format.h"
#include "crypto/dsse.h"
#include "protocol/transcript.h"

namespace ginn::certificate {
namespace {

namespace fs = std::filesystem;

Claim claim_for(const job::Job& job) {
  Terms terms{job.probability,
              job.budget,
              job.verify,
              job.verify_last,
              job.lives,
              job.steps,
              job::sampling(job).value(),
              job.unlimited_attempts};
  return Claim{.subjects = {},
               .job = job::canonical(job),
               .arithmetic_format = job.format,
               .terms = terms,
               .replayed = terms.forced_replays() > 0 ? terms.forced_replays() : 700,
               .transcript_head = {},
               .transcript_entries = 0,
               .life = 1,
               .verifier = {"0.1.0", ""},
               .grants = {},
               .batch_norm_samples = job.bn_samples};
}

std::string names_of(const Outcome& outcome, bool skipped) {
  std::string out;
  for (const Check& check : outcome.checks) {
    if (check.ok || check.detail.starts_with("not checked: ") != skipped) continue;
    out += concat(out.empty() ? "" : " ", check.name);
  }
  return out;
}

}  // namespace

FakeRun::FakeRun(const job::Job& job) : job_(job), claim_(claim_for(job_)) {
  const crypto::SigningKey key = verifier_key();
  const crypto::Digest digest = job::digest(job_);
  protocol::Transcript transcript(digest, key.public_key(), 1);
  std::string lines;
  for (uint64_t step = 156; step <= job_.steps; step += 156) {
    lines += transcript.append(step, crypto::sha256(as_bytes(concat("state ", step))));
  }
  std::string model(3000, 'm');
  for (size_t i = 0; i < model.size(); ++i) model[i] = static_cast<char>(i * i);
  write("model.safetensors", model);
  write("job.json", claim_.job);
  write("transcript.jsonl", lines);
  claim_.subjects = {{"model.safetensors", crypto::sha256(as_bytes(model))}};
  claim_.transcript_head = transcript.head();
  claim_.transcript_entries = transcript.entries();
  claim_.verifier.evidence = evidence(key.public_key(), digest);
  claim_.grants = {issue_grant(owner_key(), start(), true)};
  sign_claim();
}

job::Job FakeRun::example_job() {
  job::Job job;
  job.model = "resnet8";
  job.data.records = 60000;
  job.data.height = 28;
  job.data.width = 28;
  job.data.channels = 1;
  job.data.classes = 10;
  job.data.tree = crypto::sha256(as_bytes("tree"));
  job.preprocess.crop = 2;
  job.preprocess.flip = true;
  job.mean = {0.5};
  job.std = {0.25};
  job.epochs = 4;
  job.steps = 1872;
  job.clip_norm = 0.5;
  job.nonce = "run 1";
  GINN_CHECK(job::validate(job).empty());
  return job;
}

crypto::SigningKey FakeRun::verifier_key() {
  return crypto::SigningKey::from_seed(Bytes(32, 1)).value();
}

crypto::SigningKey FakeRun::owner_key() {
  return crypto::SigningKey::from_seed(Bytes(32, 2)).value();
}

std::string FakeRun::evidence(const crypto::PublicKey& key,
                              const crypto::Digest& job_digest,
                              uint32_t life) {
  const auto attester = attest::simulated_attester(crypto::sha256(as_bytes("program")));
  return attester->evidence(attest::report_data(key, job_digest, life)).value();
}

StartStatement FakeRun::start() const {
  return {job_.nonce, job::digest(job_), verifier_key().public_key(), 1, std::nullopt};
}

RejectionClaim FakeRun::rejection() const {
  return {.job = claim_.job,
          .code = "deviation",
          .message = "one integer differs",
          .step = 12,
          .microbatch = 3,
          .life = 1,
          .records = {4, 5, 6},
          .received = crypto::sha256(as_bytes("received")),
          .expected = crypto::sha256(as_bytes("expected")),
          .evidence_file = std::nullopt,
          .verifier = claim_.verifier};
}

void FakeRun::write(const std::string& name, std::string_view text) const {
  GINN_CHECK(write_file_atomic(folder_ / name, as_bytes(text)).ok());
}

std::string FakeRun::read(const std::string& name) const {
  const Bytes bytes = read_file(folder_ / name, 1 << 24).value();
  return std::string(as_text(bytes));
}

void FakeRun::sign_claim() const {
  write("certificate.json", issue_certificate(verifier_key(), claim_).value());
}

void FakeRun::sign_changed(
    const std::function<void(crypto::Json::Object& statement)>& change) const {
  const std::string text = issue_certificate(verifier_key(), claim_).value();
  const crypto::Envelope envelope = crypto::parse_envelope(text, kMaxStatementBytes).value();
  crypto::Json statement = crypto::parse_json(as_text(envelope.payload)).value();
  change(*statement.as_object());
  const std::string payload = crypto::canonical_json(statement);
  write("certificate.json",
        crypto::sign_envelope(verifier_key(), kStatementPayloadType, as_bytes(payload)));
}

void FakeRun::reject(const RejectionClaim& claim) const {
  fs::remove(folder_ / "certificate.json");
  fs::remove(folder_ / "model.safetensors");
  write("rejection.json", issue_rejection(verifier_key(), claim).value());
}

RelyingParty FakeRun::relying_party() const { return {job::digest(job_), true, std::nullopt}; }

Outcome FakeRun::check(const RelyingParty& relying_party) const {
  return check_run(dir(), relying_party).value();
}

std::string failed_checks(const Outcome& outcome) { return names_of(outcome, false); }
std::string skipped_checks(const Outcome& outcome) { return names_of(outcome, true); }

void expect_rejected(const Outcome& outcome,
                     const std::string& failed,
                     const std::string& skipped) {
  EXPECT_EQ(outcome.verdict, Verdict::kRejected);
  EXPECT_EQ(failed_checks(outcome), failed);
  EXPECT_EQ(skipped_checks(outcome), skipped);
  EXPECT_TRUE(outcome.summary.starts_with("REJECTED: ")) << outcome.summary;
  EXPECT_EQ(outcome.guarantee, "");
  EXPECT_EQ(outcome.checks.size(), std::size(kCertificateChecks));
}

}  // namespace ginn::certificate
