#include "audit/audit.h"
#include "base/text.h"
#include "certificate/check/lives.h"
#include "certificate/check/statement.h"
#include "certificate/issue/format.h"
#include "protocol/transcript.h"
#include "worker/loop.h"

namespace ginn::audit {
namespace {

using certificate::CertificateStatement;

Result<std::vector<protocol::TranscriptEntry>> transcript_of(
    const certificate::Bundle& bundle, const CertificateStatement& statement) {
  GINN_ASSIGN(const auto lives, certificate::lives_of(statement.grants));
  const auto text = bundle.files.find(std::string(certificate::kTranscriptFile));
  if (text == bundle.files.end()) {
    return input_error("not_found", concat("the run has no ", certificate::kTranscriptFile));
  }
  GINN_ASSIGN(auto replayed,
              protocol::replay_transcript(text->second, statement.head.job_digest, lives));
  return std::move(replayed.entries);
}

// The trusted side's part of a run: adds what the training hands over, and compares.
class Replica {
 public:
  Replica(const training::Training& training, std::vector<protocol::TranscriptEntry> expected)
      : training_(training),
        state_(training.graph(), training.job()),
        expected_(std::move(expected)) {}

  Status take(const training::Contribution& contribution) {
    state_.add(training_.maps(), contribution);
    if (state_.taken() < training_.job().microbatches()) return ok_status();
    GINN_TRY(state_.apply(training_.maps()));
    return compare();
  }
  const training::State& state() const { return state_; }
  uint64_t equal() const { return next_; }

 private:
  Status compare() {
    if (next_ == expected_.size() || expected_[next_].step != state_.step()) return ok_status();
    const crypto::Digest found = state_.digest();
    if (found == expected_[next_].state) {
      ++next_;
      return ok_status();
    }
    const uint64_t since = next_ == 0 ? 0 : expected_[next_ - 1].step;
    return refused("audit_state",
                   concat("after step ",
                          state_.step(),
                          " the job gives the state ",
                          crypto::tagged(found),
                          "; the transcript has ",
                          crypto::tagged(expected_[next_].state),
                          ": between step ",
                          since,
                          " and this one the run is not the job's"));
  }

  const training::Training& training_;
  training::State state_;
  const std::vector<protocol::TranscriptEntry> expected_;
  size_t next_ = 0;
};

Status check_model(const training::Training& training,
                   const data::RecordSource& records,
                   const training::State& state,
                   const CertificateStatement& statement,
                   ThreadPool& pool) {
  GINN_ASSIGN(const auto statistics, training.running_statistics(records, state.weights(), pool));
  const auto found = crypto::sha256(training.model_file(state.weights(), statistics));
  const auto& subjects = statement.head.subjects;
  if (!subjects.empty() && subjects[0].sha256 == found) return ok_status();
  return refused("audit_model",
                 concat("the job gives a model with the digest ",
                        crypto::tagged(found),
                        "; the certificate has another one"));
}

}  // namespace

Result<RunAudit> audit_run(const certificate::Bundle& bundle,
                           const data::RecordSource& records,
                           uint64_t steps,
                           device::Level level,
                           ThreadPool& pool,
                           const std::function<Status(uint64_t done)>& progress) {
  GINN_ASSIGN(const std::string payload,
              certificate::statement_payload(bundle, certificate::kCertificateFile));
  GINN_ASSIGN(const CertificateStatement statement,
              certificate::parse_certificate_statement(payload));
  GINN_ASSIGN(job::Job job, job::parse(statement.head.job));
  if (!(records.facts() == job.data)) {
    return input_error("audit_data",
                       concat("your data has the root ",
                              crypto::tagged(records.facts().root()),
                              "; the run's job names ",
                              crypto::tagged(job.data.root())));
  }
  if (steps > job.steps) {
    return input_error("audit_steps", concat("step ", steps, "; the job has ", job.steps));
  }
  GINN_ASSIGN(auto expected, transcript_of(bundle, statement));
  GINN_ASSIGN(const auto training, training::Training::create(job, level));
  Replica replica(*training, std::move(expected));
  // An error that only says that enough was computed.
  constexpr const char* kEnough = "audit_enough";
  worker::Hooks hooks;
  hooks.contribution = [&](uint64_t, uint32_t, training::Contribution& contribution) {
    return replica.take(contribution);
  };
  hooks.step = [&](const worker::StepReport& report) -> Status {
    GINN_TRY(progress(report.step + 1));
    if (report.step + 1 < steps || steps == job.steps) return ok_status();
    return input_error(kEnough, "");
  };
  const auto trained = worker::train(*training, records, pool, hooks);
  const bool enough = !trained.ok() && std::string_view(trained.error().code) == kEnough;
  if (!trained.ok() && !enough) return trained.error();
  RunAudit audit{replica.state().step(), replica.equal(), false};
  if (enough) return audit;
  GINN_TRY(check_model(*training, records, replica.state(), statement, pool));
  audit.model = true;
  return audit;
}

}  // namespace ginn::audit
