#include <algorithm>

#include "audit/audit.h"
#include "base/text.h"
#include "certificate/check/lives.h"
#include "certificate/issue/format.h"
#include "worker/kept_state.h"
#include "worker/loop.h"

namespace ginn::audit {
namespace {

using certificate::CertificateStatement;
using protocol::TranscriptEntry;

Result<std::vector<TranscriptEntry>> transcript_of(const certificate::Bundle& bundle,
                                                   const CertificateStatement& statement) {
  GINN_ASSIGN(const auto lives,
              certificate::lives_of(statement.grants, {statement.head.key, statement.life}));
  const auto text = bundle.files.find(std::string(certificate::kTranscriptFile));
  if (text == bundle.files.end()) {
    return input_error("not_found", concat("the run has no ", certificate::kTranscriptFile));
  }
  GINN_ASSIGN(auto replayed,
              protocol::replay_transcript(text->second, statement.head.job_digest, lives));
  return std::move(replayed.entries);
}

const TranscriptEntry* entry_of(const std::vector<TranscriptEntry>& entries, uint64_t step) {
  const auto at = std::lower_bound(
      entries.begin(), entries.end(), step, [](const TranscriptEntry& entry, uint64_t s) {
        return entry.step < s;
      });
  return at == entries.end() || at->step != step ? nullptr : &*at;
}

Status compare(const TranscriptEntry& expected, uint64_t since, const crypto::Digest& found) {
  if (found == expected.state) return ok_status();
  return refused("audit_state",
                 concat("after step ",
                        expected.step,
                        " the job gives the state ",
                        crypto::tagged(found),
                        "; the transcript has ",
                        crypto::tagged(expected.state),
                        ": between step ",
                        since,
                        " and this one the run is not the job's"));
}

}  // namespace

Result<std::unique_ptr<RunAudit>> RunAudit::create(const certificate::Bundle& bundle,
                                                   const data::RecordSource& records,
                                                   const training::WeightsReader& weights,
                                                   device::Level level) {
  GINN_ASSIGN(const std::string payload,
              certificate::statement_payload(bundle, certificate::kCertificateFile));
  GINN_ASSIGN(CertificateStatement statement, certificate::parse_certificate_statement(payload));
  GINN_ASSIGN(job::Job job, job::parse(statement.head.job));
  if (!(records.facts() == job.data)) {
    return input_error("audit_data",
                       concat("your data has the root ",
                              crypto::tagged(records.facts().root()),
                              "; the run's job names ",
                              crypto::tagged(job.data.root())));
  }
  GINN_ASSIGN(auto entries, transcript_of(bundle, statement));
  if (job.weights && !weights) {
    return input_error("audit_weights",
                       concat("the run started from the weights ",
                              crypto::tagged(job.weights->sha256),
                              ": give that file, --weights FILE"));
  }
  GINN_ASSIGN(auto training, training::Training::create(job, level, weights));
  std::unique_ptr<RunAudit> audit(new RunAudit(std::move(statement), records));
  audit->entries_ = std::move(entries);
  audit->training_ = std::move(training);
  return audit;
}

Status RunAudit::check(const Stretch& stretch) const {
  const uint64_t steps = training_->job().steps;
  const auto bad = [&](uint64_t step, std::string_view expected) {
    return input_error("audit_steps",
                       concat("step ",
                              step,
                              " is not one to ",
                              expected,
                              ": the transcript has a state every ",
                              protocol::kTranscriptSteps,
                              " steps, and after the last one, ",
                              steps));
  };
  if (stretch.from != 0 && entry_of(entries_, stretch.from) == nullptr) {
    return bad(stretch.from, "begin at");
  }
  if (stretch.to <= stretch.from || entry_of(entries_, stretch.to) == nullptr) {
    return bad(stretch.to, concat("end at after step ", stretch.from));
  }
  return ok_status();
}

Result<std::unique_ptr<training::State>> RunAudit::begin(uint64_t step, ByteView kept) const {
  if (step == 0) {
    return std::make_unique<training::State>(*training_);
  }
  GINN_ASSIGN(auto state, worker::read_kept_state(*training_, step, kept));
  const TranscriptEntry* entry = entry_of(entries_, step);
  if (entry != nullptr && state->digest() == entry->state) return state;
  return refused("audit_kept_state",
                 concat("the kept state of step ",
                        step,
                        " has the digest ",
                        crypto::tagged(state->digest()),
                        "; the transcript has ",
                        entry == nullptr ? "none of this step" : crypto::tagged(entry->state),
                        ": whoever kept it changed it"));
}

Status RunAudit::check_model(const training::State& state, ThreadPool& pool) const {
  GINN_ASSIGN(const auto statistics,
              training_->running_statistics(records_, state.weights(), pool));
  const auto found = crypto::sha256(training_->model_file(state.weights(), statistics));
  const auto& subjects = statement_.head.subjects;
  if (!subjects.empty() && subjects[0].sha256 == found) return ok_status();
  return refused("audit_model",
                 concat("the job gives a model with the digest ",
                        crypto::tagged(found),
                        "; the certificate has another one"));
}

Result<ComputedStretch> RunAudit::compute(const Stretch& stretch,
                                          ByteView kept,
                                          ThreadPool& pool,
                                          const std::function<Status()>& progress) const {
  GINN_TRY(check(stretch));
  GINN_ASSIGN(auto start, begin(stretch.from, kept));
  ComputedStretch done;
  uint64_t since = stretch.from;
  // An error that only says that enough was computed.
  constexpr const char* kEnough = "audit_enough";
  const uint64_t steps = training_->job().steps;
  worker::Hooks hooks;
  hooks.step = [&](const worker::StepReport&, const training::State& state) -> Status {
    GINN_TRY(progress());
    if (const TranscriptEntry* entry = entry_of(entries_, state.step())) {
      GINN_TRY(compare(*entry, since, state.digest()));
      since = state.step();
      ++done.states;
    }
    if (state.step() < stretch.to || stretch.to == steps) return ok_status();
    return input_error(kEnough, "");
  };
  const auto trained = worker::train(*training_, records_, pool, hooks, {std::move(start), 0});
  const bool enough = !trained.ok() && std::string_view(trained.error().code) == kEnough;
  if (enough) return done;
  if (!trained.ok()) return trained.error();
  GINN_TRY(check_model(**trained, pool));
  done.model = true;
  return done;
}

std::vector<Stretch> stretches_between(const RunAudit& audit, std::vector<uint64_t> kept) {
  std::sort(kept.begin(), kept.end());
  std::vector<Stretch> stretches;
  uint64_t from = 0;
  for (const uint64_t step : kept) {
    if (!audit.check({from, step}).ok() || step == audit.training().job().steps) continue;
    stretches.push_back({from, step});
    from = step;
  }
  stretches.push_back({from, audit.training().job().steps});
  return stretches;
}

}  // namespace ginn::audit
