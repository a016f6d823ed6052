#include "audit/audit.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <filesystem>

#include "base/file.h"
#include "base/text.h"
#include "certificate/issue/format.h"
#include "cli/relying_party.h"
#include "cli/run_job.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "crypto/json.h"
#include "import/dataset_import.h"

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

// "0..N". The states between are not kept, so that every stretch begins at the start.
Result<uint64_t> last_step(const std::string& text) {
  constexpr std::string_view kStart = "0..";
  uint64_t last = 0;
  const char* end = text.data() + text.size();
  const bool starts = text.starts_with(kStart);
  const auto read =
      starts ? std::from_chars(text.data() + kStart.size(), end, last) : std::from_chars_result{};
  if (starts && read.ec == std::errc() && read.ptr == end && last > 0) return last;
  return input_error("usage",
                     concat("--steps: found \"",
                            printable(text, 60),
                            "\"; expected 0..N: a run keeps no states to begin from"));
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

Result<std::unique_ptr<data::MemoryRecords>> records_of(const AuditOptions& options) {
  if (!options.data.empty()) return import::load_dataset(options.data);
  if (options.check.job.empty()) {
    return input_error("usage", "an accepted run is computed again from your data: give --data");
  }
  GINN_ASSIGN(LoadedJob job, load_job(options.check.job));
  return std::move(job.train);
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

Result<int> audit_accepted(const AuditOptions& options, const certificate::Bundle& bundle) {
  GINN_ASSIGN(const job::Job job, load_run_job(options.check.run));
  uint64_t steps = job.steps;
  if (!options.steps.empty()) {
    GINN_ASSIGN(steps, last_step(options.steps));
  }
  GINN_ASSIGN(const auto records, records_of(options));
  GINN_ASSIGN(const device::Level level, device::choose_level());
  ThreadPool pool(thread_count(options.threads));
  watch_interrupts();
  StepProgress progress(options.check.json, steps);
  GINN_ASSIGN(const audit::RunAudit found,
              audit::audit_run(bundle, *records, steps, level, pool, [&](uint64_t step) {
                return progress.done(step);
              }));
  crypto::Json::Object json;
  json["confirmed"] = true;
  json["steps"] = std::to_string(found.steps);
  json["states"] = std::to_string(found.states);
  json["model"] = found.model;
  print(options.check,
        std::move(json),
        concat("CONFIRMED: ",
               found.steps,
               " of ",
               job.steps,
               " steps computed again from your data; ",
               found.states,
               " states of the transcript are the job's",
               found.model ? ", and so is the model, to the last bit." : "."));
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
