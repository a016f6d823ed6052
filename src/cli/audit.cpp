#include "audit/audit.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "base/file.h"
#include "base/text.h"
#include "certificate/issue/format.h"
#include "cli/audit_stretches.h"
#include "cli/relying_party.h"
#include "cli/run_job.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "crypto/json.h"
#include "import/dataset_import.h"
#include "worker/kept_state.h"

namespace ginn::cli {
namespace {

namespace fs = std::filesystem;

// What must hold before anything is worth computing.
Status require(const certificate::Outcome& outcome, std::initializer_list<std::string_view> names) {
  for (const certificate::Check& check : outcome.checks) {
    const bool needed = std::find(names.begin(), names.end(), check.name) != names.end();
    if (check.ok || !needed) continue;
    return refused("audit_folder",
                   concat("nothing to audit: check \"", check.name, "\" fails: ", check.detail));
  }
  return ok_status();
}

void print(const VerifyOptions& options, crypto::Json::Object json, const std::string& sentence) {
  if (!options.json) {
    fmt::print("{}", wrapped(sentence));
    return;
  }
  json["summary"] = sentence;
  fmt::print("{}\n", crypto::pretty_json(json));
}

Result<int> audit_rejected(const AuditOptions& options,
                           const certificate::Bundle& bundle,
                           bool simulated) {
  GINN_ASSIGN(const Bytes evidence,
              read_file(fs::path(options.check.run) / certificate::kRejectionEvidenceFile,
                        certificate::kMaxModelBytes));
  GINN_ASSIGN(const device::Level level, device::choose_level());
  GINN_ASSIGN(const audit::RejectionAudit found, audit::audit_rejection(bundle, evidence, level));
  crypto::Json::Object json;
  json["confirmed"] = found.confirmed();
  json["step"] = std::to_string(found.step);
  json["microbatch"] = std::to_string(found.microbatch);
  json["received"] = crypto::tagged(found.received);
  json["expected"] = crypto::tagged(found.expected);
  json["computed"] = crypto::tagged(found.computed);
  json["simulated"] = simulated;
  std::string sentence = concat(found.confirmed() ? "CONFIRMED" : "NOT CONFIRMED",
                                ": at step ",
                                found.step,
                                ", microbatch ",
                                found.microbatch,
                                " the records and weights that the verifier signed give ",
                                crypto::tagged(found.computed),
                                "; the verifier said ",
                                crypto::tagged(found.expected),
                                ", and that the worker handed over ",
                                crypto::tagged(found.received),
                                ". That these are the run's weights is the verifier's word");
  sentence += simulated ? ", and its TEE is SIMULATED: anybody could have signed it." : ".";
  print(options.check, std::move(json), sentence);
  return found.confirmed() ? 0 : 1;
}

// What a run is computed again from.
struct Sources {
  std::unique_ptr<data::MemoryRecords> records;
  training::WeightsReader weights;  // null: none
  std::string weights_path;
};

void use_weights(const std::string& path, Sources& sources) {
  sources.weights_path = path;
  sources.weights = [path](uint64_t limit) { return read_file(path, limit); };
}

// Errors about the bytes of a file do not know its name.
Error naming_weights(const Sources& sources, const Error& error) {
  const std::string_view code = error.code;
  if (!code.starts_with("weights_") && !code.starts_with("safetensors_")) return error;
  return {
      error.kind, error.code, concat(printable(sources.weights_path, 400), ": ", error.message)};
}

Result<Sources> sources_of(const AuditOptions& options) {
  Sources sources;
  if (!options.data.empty()) {
    GINN_ASSIGN(sources.records, import::load_dataset(options.data));
  } else if (options.check.job.empty()) {
    return input_error("usage", "an accepted run is computed again from your data: give --data");
  } else {
    GINN_ASSIGN(LoadedJob job, load_job(options.check.job));
    sources.records = std::move(job.train);
    if (!job.resolved.weights_path.empty()) use_weights(job.resolved.weights_path, sources);
  }
  if (!options.weights.empty()) use_weights(options.weights, sources);
  return sources;
}

// Shows the rate and the time left, and stops when interrupted.
class StepProgress {
 public:
  StepProgress(bool quiet, uint64_t steps) : progress_(quiet), steps_(steps) {}
  Status done(uint64_t step) {
    GINN_TRY(interruption(concat("after step ", step, " of ", steps_)));
    if (!progress_.due() && step < steps_) return ok_status();
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    const double rate = static_cast<double>(step) / std::max(seconds, 1e-9);
    progress_.show(concat("step ",
                          step,
                          "/",
                          steps_,
                          "  ",
                          fmt::format("{:.1f}", rate),
                          " steps/s  ",
                          duration(static_cast<double>(steps_ - step) / rate),
                          " left"),
                   step == steps_);
    return ok_status();
  }

 private:
  Progress progress_;
  const uint64_t steps_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

struct Computed {
  uint64_t steps = 0, states = 0;
  uint64_t kept = 0;  // stretches that began at a kept state
  bool model = false;
};

Result<Computed> compute_all(const AuditOptions& options,
                             const audit::RunAudit& run,
                             const std::vector<audit::Stretch>& stretches,
                             const fs::path& folder) {
  uint64_t steps = 0;
  for (const audit::Stretch& stretch : stretches) steps += stretch.to - stretch.from;
  ThreadPool pool(thread_count(options.threads));
  StepProgress progress(options.check.json, steps);
  Computed all;
  for (const audit::Stretch& stretch : stretches) {
    Bytes kept;
    if (stretch.from > 0) {
      GINN_ASSIGN(kept,
                  read_file(folder / worker::kept_state_name(stretch.from),
                            worker::max_kept_state_bytes(run.training())));
    }
    GINN_ASSIGN(const audit::ComputedStretch done,
                run.compute(stretch, kept, pool, [&] { return progress.done(++all.steps); }));
    all.states += done.states;
    all.kept += stretch.from > 0 ? 1 : 0;
    all.model = all.model || done.model;
  }
  return all;
}

std::string sentence_of(const Computed& found, const job::Job& job) {
  std::string text =
      concat("CONFIRMED: ", found.steps, " of ", job.steps, " steps computed again from your data");
  if (found.kept > 0) text += concat(" and ", found.kept, " kept states");
  text += concat("; ", found.states, " states of the transcript are what they give");
  if (found.model) text += ", and so is the model, to the last bit";
  if (found.steps < job.steps) text += ". The other steps are the verifier's word";
  return text + ".";
}

Result<int> audit_accepted(const AuditOptions& options, const certificate::Bundle& bundle) {
  GINN_ASSIGN(const Sources sources, sources_of(options));
  GINN_ASSIGN(const device::Level level, device::choose_level());
  const auto created = audit::RunAudit::create(bundle, *sources.records, sources.weights, level);
  if (!created.ok()) return naming_weights(sources, created.error());
  const std::unique_ptr<audit::RunAudit>& run = *created;
  const fs::path folder = options.states.empty()
                              ? fs::path(options.check.run) / worker::kStatesFolder
                              : fs::path(options.states);
  GINN_ASSIGN(const auto stretches, choose_stretches(options, *run, kept_steps(folder)));
  watch_interrupts();
  GINN_ASSIGN(const Computed found, compute_all(options, *run, stretches, folder));
  crypto::Json::Object json;
  json["confirmed"] = true;
  json["steps"] = std::to_string(found.steps);
  json["states"] = std::to_string(found.states);
  json["model"] = found.model;
  crypto::Json::Array computed;
  for (const audit::Stretch& s : stretches) computed.emplace_back(concat(s.from, "..", s.to));
  json["stretches"] = std::move(computed);
  print(options.check, std::move(json), sentence_of(found, run->training().job()));
  return 0;
}

}  // namespace

Result<int> audit_verb(const AuditOptions& options) {
  VerifyOptions check = options.check;
  check.allow_simulated = true;
  std::optional<Error> fault;
  GINN_ASSIGN(const certificate::RelyingParty party, relying_party(check, fault));
  GINN_TRY(certificate::require_folder(check.run));
  GINN_ASSIGN(const std::string text, certificate::make_bundle(check.run));
  GINN_ASSIGN(const certificate::Bundle bundle, certificate::parse_bundle(as_bytes(text)));
  const certificate::Outcome outcome =
      certificate::check_bundle(bundle, files_in(check.run), party);
  if (fault) return *fault;
  if (party.brings_job()) GINN_TRY(require(outcome, {"your_job"}));
  if (bundle.files.contains(std::string(certificate::kRejectionFile))) {
    // Whoever makes up weights can make up a rejection: the evidence says whose word they are.
    GINN_TRY(require(outcome, {"signature", "evidence", "job", "rejection_evidence"}));
    return audit_rejected(options, bundle, outcome.simulated);
  }
  GINN_TRY(require(outcome, {"signature", "job", "transcript", "model", "grants"}));
  return audit_accepted(options, bundle);
}

}  // namespace ginn::cli
