#include "tests/simulation/judge.h"

#include <unistd.h>

#include <filesystem>

#include "base/file.h"
#include "base/text.h"
#include "certificate/check/run_check.h"
#include "certificate/check/statement.h"
#include "certificate/issue/format.h"
#include "certificate/issue/grant.h"
#include "crypto/dsse.h"
#include "protocol/transcript.h"
#include "tests/support/temporary_folder.h"
#include "verifier/run.h"

namespace ginn::simulation {
namespace {

void require(bool holds, std::string_view what) {
  if (!holds) throw Violation{std::string(what)};
}

Bytes payload_of(ByteView envelope) {
  const auto parsed = crypto::parse_envelope(as_text(envelope), certificate::kMaxStatementBytes);
  require(parsed.ok(), "a signed file is no envelope");
  return parsed->payload;
}

std::vector<protocol::TranscriptLife> lives_of(const certificate::CertificateStatement& statement) {
  std::vector<protocol::TranscriptLife> lives;
  for (const std::string& text : statement.grants) {
    const auto grant = certificate::check_grant(text);
    require(grant.ok(), "a certificate's grant is none");
    lives.push_back({grant->start.verifier_key, grant->start.life});
  }
  require(!lives.empty(), "a certificate without a grant");
  return lives;
}

}  // namespace

void Judge::answered(protocol::FrameType type, ByteView payload) {
  if (type != protocol::FrameType::kReady) return;
  ByteReader in(payload);
  const auto step = in.u64();
  const auto microbatch = in.u32();
  require(step.ok() && microbatch.ok(), "a ready frame of another form");
  const uint64_t position = *step * reference_.job.microbatches() + *microbatch;
  events_.note(Event::kReady, position);
  require(position <= history_.size(), "the verifier goes on after what it never took");
  require(!ready_ || position == history_.size(), "a new connection changed what was taken");
  history_.resize(position);
  ready_ = true;
}

void Judge::coin(uint64_t coin) {
  require(!must_refuse_, "the verifier went on after a contribution that it must refuse");
  const Sent* sent = wire_ == nullptr ? nullptr : wire_->sent(coins_++);
  require(sent != nullptr, "a coin for a contribution that was not sent");
  if (sent->malformed || sent->index != history_.size()) {
    must_refuse_ = true;
    return;
  }
  const bool picked =
      reference_.sampling.replayed(sent->index / reference_.job.microbatches(), coin);
  history_.push_back({sent->payload, sent->deviates, picked});
  events_.note(Event::kTaken,
               sent->index,
               concat(picked ? "picked" : "", sent->deviates ? ", a deviation" : ""));
}

bool Judge::honest() const {
  for (size_t i = 0; i < history_.size(); ++i) {
    if (history_[i].payload != reference_.payloads[i]) return false;
  }
  return true;
}

Bytes Judge::expected_model(crypto::Digest& state) const {
  state = reference_.last;
  if (honest()) return model_;
  std::vector<Payload> payloads;
  for (const Taken& taken : history_) payloads.push_back(taken.payload);
  const auto last = state_after(reference_, payloads);
  state = last->digest();
  return model_of(reference_, *last);
}

void Judge::accepted(const Disk& disk, bool whole) const {
  require(history_.size() == reference_.count(), "accepted before the last contribution");
  require(!must_refuse_, "accepted in spite of a malformed contribution");
  bool deviates = false;
  for (const Taken& taken : history_) {
    require(!taken.deviates || !taken.picked, "a certificate after a replay that must have hit");
    deviates |= taken.deviates;
  }
  require(!deviates || reference_.job.verify == guarantee::Verify::kSample,
          "verify = all gave a certificate for a deviation");
  if (deviates) events_.note(Event::kEscaped);
  const Bytes* file = disk.find(certificate::kCertificateFile);
  require(file != nullptr, "accepted without a certificate");
  crypto::Digest state{};
  const Bytes model = expected_model(state);
  check_statement(disk, *file, model, state, whole);
}

void Judge::check_statement(const Disk& disk,
                            ByteView certificate,
                            const Bytes& model,
                            const crypto::Digest& state,
                            bool whole) const {
  const Bytes payload = payload_of(certificate);
  const auto statement = certificate::parse_certificate_statement(as_text(payload));
  require(statement.ok(), "a certificate's statement does not parse");
  require(statement->head.job_digest == job::digest(reference_.job), "another job's certificate");
  require(statement->head.subjects.size() == 1 &&
              statement->head.subjects[0].sha256 == crypto::sha256(model),
          "a certificate for other weights than the job's function gives");
  uint64_t picked = 0;
  for (const Taken& taken : history_) picked += taken.picked ? 1 : 0;
  require(statement->replayed == picked, "replays of the certificate and coins differ");
  const auto lives = lives_of(*statement);
  require(lives.back().life == statement->life && lives.back().key == statement->head.key,
          "the last grant is not for the certificate's life and key");
  require(statement->life <= reference_.job.lives, "more lives than the job allows");
  if (!whole) return;
  const Bytes* weights = disk.find(certificate::kModelFile);
  require(weights != nullptr && *weights == model, "model.safetensors is another model");
  const Bytes* lines = disk.find(certificate::kTranscriptFile);
  require(lines != nullptr, "no transcript");
  const auto transcript =
      protocol::replay_transcript(as_text(*lines), statement->head.job_digest, lives);
  require(transcript.ok(), "the transcript does not check out");
  require(transcript->head == statement->transcript_head &&
              transcript->lines == statement->transcript_entries,
          "transcript and certificate differ");
  const uint64_t steps = reference_.job.steps;
  const uint64_t entries = (steps + protocol::kTranscriptSteps - 1) / protocol::kTranscriptSteps;
  require(transcript->entries.size() == entries && transcript->entries.back().step == steps &&
              transcript->entries.back().state == state,
          "the transcript's last state is not that of what was taken");
}

void Judge::rejected(const Disk& disk, std::string_view code, std::string_view lie) const {
  require(!lie.empty(), concat("an honest worker was rejected: ", code));
  require(code == lie, concat("rejected as ", code, ", the lie is ", lie));
  const Bytes* file = disk.find(certificate::kRejectionFile);
  if (file == nullptr) return;  // a full disk
  const Bytes payload = payload_of(*file);
  const auto statement = certificate::parse_rejection_statement(as_text(payload));
  require(statement.ok() && statement->code == code, "rejection.json says something else");
  require(disk.find(certificate::kCertificateFile) == nullptr, "a certificate and a rejection");
}

void check_as_relying_party(const Reference& reference, const Disk& disk) {
  const test::TemporaryFolder folder;
  for (const auto& [file, bytes] : disk.files()) {
    require(write_file_atomic(folder / file, bytes).ok(), "no temporary file can be written");
  }
  certificate::RelyingParty party;
  party.job_digest = job::digest(reference.job);
  party.allow_simulated = true;
  const auto outcome = certificate::check_run(folder.path(), party);
  std::string failed;
  if (outcome.ok()) {
    for (const auto& check : outcome->checks) {
      if (!check.ok) failed += concat(" ", check.name, ": ", check.detail, ";");
    }
  }
  require(outcome.ok() && outcome->verdict == certificate::Verdict::kAccepted,
          concat("a relying party does not accept the folder:", failed));
}

}  // namespace ginn::simulation
