#include <fmt/format.h>

#include "base/file.h"
#include "base/text.h"
#include "certificate/issue/format.h"
#include "cli/grants.h"
#include "cli/run_job.h"
#include "cli/verifier_process.h"
#include "import/dataset_import.h"
#include "verifier/checkpoint.h"

namespace ginn::cli {
namespace {

// What a verifier still has to do once the connection is closed: write its files and end.
constexpr auto kEndPatience = std::chrono::seconds(5);
// To drain its replays and to seal what there is.
constexpr auto kSuspendPatience = std::chrono::minutes(30);

// The verifier's side of a verified run: one that is there, or one that we start.
struct VerifierSide {
  std::unique_ptr<TemporaryFolder> folder;
  std::unique_ptr<VerifierProcess> process;  // null: it runs elsewhere
  std::string address;
  std::filesystem::path log;
};

constexpr const char* kVerifierLog = "verifier.log";

// Whether a verifier began a run in this folder before: it was granted a start, or, where nobody
// counts them, said so.
bool began_before(const std::filesystem::path& out, uint32_t life) {
  constexpr uint64_t kMost = 1 << 24;
  if (life > 1) return true;
  const Result<Bytes> log = read_file(out / kVerifierLog, kMost);
  return log.ok() && as_text(*log).find("run_began") != std::string_view::npos;
}

// A verifier that was killed while it wrote its last files, the verdict being the last of all,
// leaves some that one beginning anew would take for another run's.
Status remove_leftovers(const std::filesystem::path& out) {
  std::error_code error;
  for (const std::string_view file : {certificate::kRejectionEvidenceFile,
                                      certificate::kJobFile,
                                      certificate::kTranscriptFile,
                                      certificate::kModelFile}) {
    std::filesystem::remove(out / file, error);
    if (error) {
      return environment_error("write_failed",
                               concat(printable((out / file).native(), 400),
                                      ": left over by a killed verifier, and not to be removed: ",
                                      error.message()));
    }
  }
  return ok_status();
}

// How the verifier is to begin: from nothing, or from what the folder has.
Result<std::vector<std::string>> beginning(const TrainOptions& options, const JobRun& run) {
  const std::filesystem::path out = options.out;
  GINN_ASSIGN(const uint32_t life, next_life(out, options.owner_grants));
  if (!options.resume) return std::vector<std::string>{"--life", std::to_string(life)};
  std::error_code ignored;
  if (std::filesystem::exists(out / verifier::kCheckpointFile, ignored)) {
    return std::vector<std::string>{"--resume", std::to_string(std::min<uint32_t>(life, 64))};
  }
  const uint32_t lives = run.training().job().lives;
  if (life > lives) {
    return input_error("lives_spent",
                       concat(printable(options.out, 400),
                              " has no checkpoint to go on from, and of the job's ",
                              lives,
                              lives == 1 ? " life" : " lives",
                              " none is left: start again with another --out (and a new nonce, "
                              "where an owner grants)"));
  }
  if (began_before(out, life)) GINN_TRY(remove_leftovers(out));
  if (!options.quiet && !options.json) {
    const bool attempt = run.training().job().unlimited_attempts;
    fmt::print(stderr,
               "no checkpoint: from the beginning, as {}\n",
               attempt ? "another attempt" : fmt::format("life {} of {}", life, lives));
  }
  return std::vector<std::string>{"--life", std::to_string(life)};
}

Result<VerifierSide> open_verifier(const TrainOptions& options, const JobRun& run) {
  VerifierSide side;
  if (!options.verifier.empty()) {
    side.address = options.verifier;
    return side;
  }
  GINN_ASSIGN(std::vector<std::string> more, beginning(options, run));
  more.insert(more.end(), {"--threads", std::to_string(options.verifier_threads)});
  const std::string level = options.log.level == "off" ? "info" : options.log.level;
  more.insert(more.end(), {"--log-level", level, "--log-format", options.log.format});
  const std::string& weights = run.job().resolved.weights_path;
  if (!weights.empty()) {
    more.insert(more.end(), {"--weights", weights});
  }
  GINN_ASSIGN(side.folder, TemporaryFolder::create());
  const auto records = side.folder->path() / "records.bin";
  GINN_TRY(import::write_records_file(*run.job().train, records));
  const std::filesystem::path out = std::filesystem::absolute(options.out);
  side.log = out / kVerifierLog;
  PinnedCpus cpus;
  if (options.pin) {
    GINN_ASSIGN(cpus, cpus_to_pin(thread_count(options.threads)));
  }
  GINN_ASSIGN(side.process, VerifierProcess::start(records, out, side.log, more, cpus.rest));
  side.address = side.process->address();
  return side;
}

std::string last_line(const std::filesystem::path& file) {
  constexpr uint64_t kMost = 1 << 20;
  const Result<Bytes> bytes = read_file(file, kMost);
  if (!bytes.ok()) return "";
  std::string_view text = as_text(*bytes);
  while (text.ends_with('\n')) text.remove_suffix(1);
  const size_t before = text.rfind('\n');
  return printable(before == std::string_view::npos ? text : text.substr(before + 1), 1000);
}

std::string resume_command(const TrainOptions& options) {
  return concat("ginn train ",
                options.job,
                " --out ",
                options.out,
                options.owner_grants ? " --owner-grants" : "",
                " --resume");
}

// For a verifier of our own, "verifier_gone" says how it ended and why.
Error explained(const TrainOptions& options, const Error& error, VerifierSide& side) {
  if (!side.process || std::string_view(error.code) != "verifier_gone") return error;
  const int code = side.process->end(kEndPatience);
  const std::string last = last_line(side.log);
  return environment_error("verifier_gone",
                           concat("the verifier ended without a verdict, exit code ",
                                  code,
                                  last.empty() ? "" : ": ",
                                  last,
                                  "; all it said is in ",
                                  printable(side.log.native(), 400),
                                  "; while the job has lives, this goes on: ",
                                  resume_command(options)));
}

worker::Client::Patience patience_for(const TrainOptions& options, VerifierSide& side) {
  worker::Client::Patience patience = patience_with(side.address, options.quiet || options.json);
  if (!side.process) return patience;
  constexpr int kOwnMs = 20000;
  patience.connect_ms = kOwnMs;
  patience.connecting = [&side]() -> Status {
    GINN_TRY(interruption("while the verifier was starting"));
    if (side.process->ended()) return environment_error("verifier_gone", "it did not start");
    return ok_status();
  };
  return patience;
}

void print_json(const TrainOptions& options, const JobRun& run, const RunEnd& end) {
  crypto::Json::Object json;
  json["accepted"] = end.verdict->accepted;
  json["code"] = end.verdict->code;
  json["message"] = end.verdict->message;
  json["out"] = options.out;
  json["seconds"] = run.seconds();
  json["simulated"] = end.simulated;
  fmt::print("{}\n", crypto::pretty_json(json));
}

void print_verdict(const TrainOptions& options, const JobRun& run, const RunEnd& end) {
  const worker::Verdict& verdict = *end.verdict;
  if (options.json) return print_json(options, run, end);
  if (options.quiet) return;
  if (!verdict.accepted) {
    fmt::print("REJECTED: {}: {}\n", printable(verdict.code), printable(verdict.message, 1000));
    return;
  }
  fmt::print("accepted{}; ", end.simulated ? kBySimulatedTee : "");
  if (end.remote) {
    fmt::print(
        "model.safetensors and certificate.json are in the verifier's folder, metrics.csv and "
        "report.html in {}\n"
        "check it: ginn verify FOLDER_OF_THE_VERIFIER --job {}{}\n",
        options.out,
        options.job,
        end.simulated ? " --allow-simulated" : "");
    return;
  }
  fmt::print(
      "model.safetensors and certificate.json in {}\n"
      "check it: ginn verify {} --job {}{}\n",
      options.out,
      options.out,
      options.job,
      end.simulated ? " --allow-simulated" : "");
}

Result<int> conclude(const TrainOptions& options, const JobRun& run, RunEnd& end) {
  GINN_TRY(write_outputs(options, run, end));
  const bool accepted = end.verdict->accepted;
  if (accepted && end.outcome && end.outcome->verdict != certificate::Verdict::kAccepted) {
    return refused("check_failed",
                   concat("the verifier accepted the run, but its files do not pass the check: ",
                          end.outcome->summary));
  }
  print_verdict(options, run, end);
  return accepted ? 0 : 1;
}

}  // namespace

namespace {

Line line_to(const TrainOptions& options, VerifierSide& side, RunEnd& end) {
  Line line;
  line.address = side.address;
  line.grantor = options.owner_grants ? owner_grantor(options.out, options.quiet)
                                      : local_grantor(side.process ? options.out : "");
  line.patience = [&] { return patience_for(options, side); };
  if (side.process) line.alive = [&side] { return !side.process->ended(); };
  line.connected = [&end](const worker::Client& client) { end.simulated = is_simulated(client); };
  return line;
}

// A run that was stopped goes on later, if its verifier could seal what there is.
Error after_stop(const TrainOptions& options, const Error& error) {
  std::error_code ignored;
  const std::filesystem::path out = options.out;
  const bool stopped = std::string_view(error.code) == "interrupted";
  if (!stopped || !std::filesystem::exists(out / verifier::kCheckpointFile, ignored)) return error;
  return environment_error(
      "interrupted",
      concat(error.message, "; the run is suspended, go on with: ", resume_command(options)));
}

// After an error of this side, the verifier is told to seal what there is.
void end_verifier(const TrainOptions& options, std::string_view code, VerifierProcess& process) {
  if (code.empty() || code == "verifier_gone") {
    process.end(kEndPatience);
    return;
  }
  process.suspend();
  (void)gives_up();  // before somebody reads that they may
  if (code == "interrupted" && !options.quiet) {
    fmt::print(stderr,
               "waiting for the verifier to finish its replays and to seal the run; once more ends "
               "it at once\n");
  }
  process.end(kSuspendPatience, gives_up);
}

}  // namespace

Result<int> run_verified(const TrainOptions& options, JobRun& run, const std::string& mode) {
  GINN_ASSIGN(VerifierSide side, open_verifier(options, run));
  RunEnd end;
  end.record.mode = mode;
  end.remote = side.process == nullptr;
  const auto verdict = train_over(run, line_to(options, side, end));
  if (side.process) {
    end_verifier(options, verdict.ok() ? "" : verdict.error().code, *side.process);
    end.record.verifier_cpu_seconds = side.process->usage().cpu_seconds;
    end.record.verifier_peak_bytes = side.process->usage().peak_bytes;
  }
  if (!verdict.ok()) {
    (void)write_outputs(options, run, end);  // what there is; the error before it is the answer
    return explained(options, after_stop(options, verdict.error()), side);
  }
  end.verdict = *verdict;
  run.set_end({*verdict, end.simulated});
  return conclude(options, run, end);
}

}  // namespace ginn::cli
