#include <fmt/format.h>

#include "base/file.h"
#include "base/text.h"
#include "certificate/issue/format.h"
#include "cli/advice_text.h"
#include "cli/run_job.h"
#include "cli/run_log.h"
#include "cli/verifier_process.h"
#include "import/dataset_import.h"
#include "verifier/session.h"

namespace ginn::cli {
namespace {

Status check_options(const TrainOptions& options) {
  if (options.trusted_only && options.unverified) {
    return input_error("usage", "--trusted-only and --unverified exclude each other");
  }
  if ((options.resume || options.owner_grants) && (options.trusted_only || options.unverified)) {
    return input_error("usage", "--resume and --owner-grants are for verified runs only");
  }
  if ((options.resume || options.owner_grants) && !options.verifier.empty()) {
    return input_error("usage",
                       "--resume and --owner-grants are for a verifier that ginn train starts; for "
                       "one that runs elsewhere see ginn-verifier --help and ginn help work");
  }
  if (options.json && options.json_lines) {
    return input_error("usage", "--json and --json-lines exclude each other");
  }
  const bool cuda = options.device == "cuda" || options.device.starts_with("cuda:");
  if (options.device != "auto" && options.device != "cpu" && !cuda) {
    return input_error(
        "usage",
        concat("there is no device \"", printable(options.device), "\": expected auto or cpu"));
  }
  if (cuda) {
    return environment_error(
        "no_device",
        concat("device \"", printable(options.device), "\": this build has the CPU only"));
  }
  if (options.tee != "simulated") {
    return environment_error(
        "no_tee",
        concat("TEE \"", printable(options.tee), "\": this build has the simulated one only"));
  }
  return ok_status();
}

constexpr int kSuspendingMs = 600'000;

// The two baselines: the same job in this process alone, without a certificate. Trusted-only reads
// its records as the verifier would, from a file and checked against the root.
Result<int> run_baseline(const TrainOptions& options, JobRun& run) {
  std::unique_ptr<TemporaryFolder> folder;
  std::unique_ptr<data::FileRecords> checked;
  const data::RecordSource* records = run.job().train.get();
  if (options.trusted_only) {
    GINN_ASSIGN(folder, TemporaryFolder::create());
    const auto path = folder->path() / "records.bin";
    GINN_TRY(import::write_records_file(*run.job().train, path));
    GINN_ASSIGN(checked, data::FileRecords::create(run.training().job().data, path));
    records = checked.get();
  }
  RunEnd end;
  end.record.mode = options.trusted_only ? "trusted-only" : "unverified";
  const auto trained = run.train(*records, nullptr);
  if (!trained.ok()) {
    (void)write_outputs(options, run, end);  // what there is; the error before it is the answer
    return trained.error();
  }
  const auto& state = *trained;
  GINN_ASSIGN(const training::RunningStatistics statistics,
              run.training().running_statistics(*records, state->weights(), run.pool()));
  const Bytes model = run.training().model_file(state->weights(), statistics);
  const std::filesystem::path out = options.out;
  GINN_TRY(write_file_atomic(out / certificate::kJobFile,
                             as_bytes(job::canonical(run.training().job()))));
  GINN_TRY(write_file_atomic(out / certificate::kModelFile, model));
  GINN_TRY(write_outputs(options, run, end));
  if (options.json) {
    crypto::Json::Object json;
    json["mode"] = end.record.mode;
    json["out"] = options.out;
    json["model"] = crypto::tagged(crypto::sha256(model));
    json["seconds"] = run.seconds();
    fmt::print("{}\n", crypto::pretty_json(json));
  } else if (!options.quiet) {
    fmt::print("model.safetensors in {} ({} run: no certificate)\n", options.out, end.record.mode);
  }
  return 0;
}

// Once, before the run: what the attack laboratory found is no part of what a certificate says.
Status warn_of_weakness(const job::Job& job) {
  GINN_ASSIGN(const guarantee::Sampling sampling, job::sampling(job));
  const std::string line = weakness(attack::advise(job, sampling), job);
  if (!line.empty()) fmt::print(stderr, "{}\n", line);
  return ok_status();
}

}  // namespace

Result<int> train_verb(const TrainOptions& options) {
  GINN_TRY(check_options(options));
  GINN_ASSIGN(const auto run, open_job_run(options));
  watch_interrupts();
  if (options.resume) {
    GINN_TRY(take_run_folder(options.out, kSuspendingMs));
    GINN_TRY(verifier::check_out_folder(options.out, true));
  } else {
    GINN_TRY(prepare_run_folder(options.out));
  }
  if (!options.quiet) GINN_TRY(warn_of_weakness(run->training().job()));
  const bool baseline = options.trusted_only || options.unverified;
  return log_end(run->log(),
                 baseline ? run_baseline(options, *run) : run_verified(options, *run, "verified"));
}

}  // namespace ginn::cli
