#include "base/file.h"
#include "certificate/check/run_check.h"
#include "certificate/issue/format.h"
#include "cli/grants.h"
#include "cli/run_job.h"
#include "cli/verifier_process.h"
#include "export/report.h"
#include "protocol/transcript.h"
#include "verifier/session.h"

namespace ginn::cli {
namespace {

exporting::RunMode report_mode(const std::string& mode) {
  if (mode == "unverified") return exporting::RunMode::kUnverified;
  if (mode == "trusted-only") return exporting::RunMode::kTrustedOnly;
  return exporting::RunMode::kVerified;
}

std::optional<crypto::Digest> digest_of(const std::filesystem::path& file) {
  const Result<Bytes> bytes = read_file(file, certificate::kMaxModelBytes);
  if (!bytes.ok()) return std::nullopt;
  return crypto::sha256(*bytes);
}

// The head that the transcript's last line names, for show.
std::optional<crypto::Digest> last_head(const std::filesystem::path& file) {
  const Result<Bytes> bytes = read_file(file, protocol::kMaxTranscriptBytes);
  if (!bytes.ok()) return std::nullopt;
  std::string_view text = as_text(*bytes);
  if (text.ends_with('\n')) text.remove_suffix(1);
  const size_t before = text.rfind('\n');
  const auto line =
      crypto::parse_json(before == std::string_view::npos ? text : text.substr(before + 1));
  if (!line.ok()) return std::nullopt;
  const Result<std::string> head = crypto::string_field(*line, "head");
  if (!head.ok()) return std::nullopt;
  const Result<crypto::Digest> digest = crypto::parse_tagged(*head);
  return digest.ok() ? std::optional(*digest) : std::nullopt;
}

bool has_statement(const std::filesystem::path& out) {
  std::error_code ignored;
  return std::filesystem::exists(out / certificate::kCertificateFile, ignored) ||
         std::filesystem::exists(out / certificate::kRejectionFile, ignored);
}

// Nothing was checked here: the report says so in the place of the checks.
certificate::Outcome on_its_word(bool simulated) {
  certificate::Outcome outcome;
  outcome.verdict = certificate::Verdict::kAccepted;
  outcome.simulated = simulated;
  outcome.summary =
      "Accepted, on the word of a verifier that ran elsewhere: its folder has the certificate and "
      "the model.";
  outcome.checks = {{"folder", false, "not checked: ginn verify checks the verifier's folder"}};
  return outcome;
}

// The key that the owner's answers name. Good for the worker's own look at what came out; whose key
// it is, a relying party knows for themselves.
std::optional<crypto::PublicKey> owner_named(const std::filesystem::path& out) {
  const auto file = read_file(out / grant_file(1), certificate::kMaxGrantBytes);
  if (!file.ok()) return std::nullopt;
  std::string_view text = as_text(*file);
  if (text.ends_with('\n')) text.remove_suffix(1);
  const auto grant = certificate::check_grant(text);
  return grant.ok() ? std::optional(grant->owner) : std::nullopt;
}

// The verdict's part of the report, from the run's folder where it is the verifier's, too.
Status add_verdict(const std::filesystem::path& out,
                   const JobRun& run,
                   bool owner_grants,
                   RunEnd& end,
                   exporting::ReportInput& input) {
  if (!end.remote && has_statement(out)) {
    certificate::RelyingParty party{input.job_digest, true, {}};
    if (owner_grants) party.owner_key = owner_named(out);
    GINN_ASSIGN(end.outcome, certificate::check_run(out, party));
    end.simulated = end.outcome->simulated;
  }
  input.outcome = end.outcome;
  if (end.remote && end.verdict && end.verdict->accepted) {
    input.outcome = on_its_word(end.simulated);
  }
  input.simulated = end.simulated;
  input.replays = run.final_status().replays_done;
  input.transcript_head = last_head(out / certificate::kTranscriptFile);
  if (end.verdict && !end.verdict->accepted) {
    input.rejection = exporting::RunRejection{end.verdict->code, end.verdict->message, {}, {}};
  }
  return ok_status();
}

}  // namespace

Status write_outputs(const TrainOptions& options, const JobRun& run, RunEnd& end) {
  const std::filesystem::path out = options.out;
  RunRecord& record = end.record;
  record.job_file = std::filesystem::absolute(options.job).string();
  record.train = run.job().resolved.train_path;
  record.test = run.job().test_path.string();
  record.wall_seconds = run.seconds();
  const Usage usage = own_usage();
  record.worker_cpu_seconds = usage.cpu_seconds;
  record.worker_peak_bytes = usage.peak_bytes;
  GINN_TRY(write_run_record(out, record));

  exporting::ReportInput input;
  GINN_ASSIGN(input.metrics, write_run_metrics(out, run));
  input.mode = report_mode(record.mode);
  input.job = run.training().job();
  input.job_digest = job::digest(input.job);
  input.seconds = record.wall_seconds;
  input.version = verifier::kVersion;
  input.model_digest = digest_of(out / certificate::kModelFile);
  if (input.mode == exporting::RunMode::kVerified) {
    GINN_TRY(add_verdict(out, run, options.owner_grants, end, input));
  }
  return write_file_atomic(out / "report.html", as_bytes(exporting::report_html(input)));
}

}  // namespace ginn::cli
