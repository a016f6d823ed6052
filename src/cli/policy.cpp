#include <fmt/format.h>

#include <filesystem>

#include "attest/verify/hardware/kind.h"
#include "base/file.h"
#include "base/text.h"
#include "certificate/issue/format.h"
#include "cli/job_source.h"
#include "cli/verbs.h"
#include "import/toml_policy.h"

namespace ginn::cli {
namespace {

namespace fs = std::filesystem;

// A run's folder holds what the training host wrote: a policy made from it demands what was done.
Status refuse_run_folder(const std::string& job) {
  const fs::path folder = fs::absolute(job).parent_path();
  for (std::string_view name : {certificate::kCertificateFile,
                                certificate::kRejectionFile,
                                certificate::kTranscriptFile,
                                std::string_view("run.json")}) {
    std::error_code ignored;
    if (fs::symlink_status(folder / name, ignored).type() == fs::file_type::not_found) continue;
    return input_error("policy_from_run",
                       concat(printable(job, 400),
                              " lies in a run's folder (",
                              name,
                              " is beside it), where the training host wrote; a policy comes from "
                              "your own job: bring your copy"));
  }
  return ok_status();
}

Result<job::Job> own_job(const std::string& path) {
  GINN_TRY(refuse_run_folder(path));
  GINN_ASSIGN(const Bytes text, read_file(path, import::kJobFileBytesMax));
  if (!text.empty() && text.front() == '{') return job::parse(as_text(text));
  GINN_ASSIGN(LoadedJob loaded, load_job(path));
  if (!loaded.resolved.has_root) {
    return input_error("job_without_root",
                       concat(printable(path, 400),
                              ": data.root is missing. A policy binds the data that you vetted; "
                              "`ginn plan` prints its root: put it into the job"));
  }
  GINN_TRY(require_weights_digest(path, loaded.resolved));
  return std::move(loaded.resolved.job);
}

Result<import::PolicyChoices> choices(const PolicyOptions& options) {
  import::PolicyChoices out;
  out.kinds = options.kinds;
  for (const std::string& text : options.measurements) {
    const auto bytes = import::parse_measurement(text);
    if (!bytes) {
      return input_error("usage",
                         concat("--measurement: found \"",
                                printable(text, 120),
                                "\"; expected sha256: and 64, or sha384: and 96 lower-case "
                                "hexadecimal digits"));
    }
    out.measurements.push_back(*bytes);
  }
  for (const std::string& text : options.owner_keys) {
    GINN_ASSIGN(const crypto::PublicKey key, certificate::parse_key(text));
    out.owners.push_back(key);
  }
  return out;
}

}  // namespace

Result<int> policy_verb(const PolicyOptions& options) {
  if (options.action != "init") {
    return input_error("usage",
                       concat("ginn policy: found \"",
                              printable(options.action, 40),
                              "\"; expected: ginn policy init --job JOB"));
  }
  if (options.job.empty()) {
    return input_error("usage", "ginn policy init needs your own job: --job FILE");
  }
  std::error_code ignored;
  if (fs::symlink_status(options.out, ignored).type() != fs::file_type::not_found) {
    return input_error("file_exists",
                       concat(printable(options.out, 400),
                              " exists and is not overwritten; remove it, or give another name: "
                              "--out FILE"));
  }
  GINN_ASSIGN(const import::PolicyChoices chosen, choices(options));
  GINN_ASSIGN(const job::Job job, own_job(options.job));
  const std::string text = import::policy_text(job, chosen);
  GINN_TRY(import::parse_policy_file(text, options.out));  // kinds that there are not, say
  GINN_TRY(write_file_atomic(options.out, as_bytes(text)));
  fmt::print("Wrote {0}. Edit it, then: ginn verify RUN --policy {0}\n",
             printable(options.out, 400));
  if (chosen.measurements.empty() || chosen.owners.empty()) {
    fmt::print("It accepts nothing yet: put in {}{}{}.\n",
               chosen.measurements.empty() ? "the measurement of the verifier that you trust" : "",
               chosen.measurements.empty() && chosen.owners.empty() ? ", and " : "",
               chosen.owners.empty() ? "the key that signs your grants" : "");
  }
  return 0;
}

}  // namespace ginn::cli
