#include <fmt/format.h>

#include "base/text.h"
#include "certificate/check/run_check.h"
#include "certificate/issue/format.h"
#include "cli/job_source.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "crypto/json.h"

namespace ginn::cli {
namespace {

Result<crypto::Digest> parse_digest(const std::string& text) {
  const std::string tagged = text.starts_with("sha256:") ? text : "sha256:" + text;
  return crypto::parse_tagged(tagged);
}

// What the relying party brings, and nothing else, decides what the run is compared with.
Result<certificate::RelyingParty> relying_party(const VerifyOptions& options) {
  certificate::RelyingParty party;
  party.allow_simulated = options.allow_simulated;
  if (!options.owner_key.empty()) {
    GINN_ASSIGN(party.owner_key, certificate::parse_key(options.owner_key));
  }
  if (!options.job_digest.empty()) {
    GINN_ASSIGN(party.job_digest, parse_digest(options.job_digest));
  }
  if (options.job.empty()) return party;
  const Result<job::Job> run_job = load_run_job(options.dir);
  std::optional<data::DatasetFacts> facts;
  if (run_job.ok()) facts = run_job->data;
  const Result<job::Job> job = load_job_for_checking(options.job, facts);
  if (!job.ok()) {
    const bool needs_facts = std::string_view(job.error().code) == "job_without_facts";
    return needs_facts && !run_job.ok() ? run_job.error() : job.error();
  }
  const crypto::Digest digest = job::digest(*job);
  if (party.job_digest && *party.job_digest != digest) {
    return input_error("usage", "--job and --job-digest name different jobs");
  }
  party.job_digest = digest;
  return party;
}

std::string to_json(const certificate::Outcome& outcome) {
  crypto::Json::Array checks;
  for (const certificate::Check& check : outcome.checks) {
    crypto::Json::Object item;
    item["name"] = check.name;
    item["ok"] = check.ok;
    item["detail"] = check.detail;
    checks.emplace_back(std::move(item));
  }
  crypto::Json::Array uncovered;
  for (const std::string& file : outcome.uncovered_files) uncovered.emplace_back(printable(file));
  crypto::Json::Object json;
  json["verdict"] = certificate::verdict_name(outcome.verdict);
  json["simulated"] = outcome.simulated;
  json["checks"] = std::move(checks);
  json["uncovered_files"] = std::move(uncovered);
  json["guarantee"] = outcome.guarantee;
  json["summary"] = outcome.summary;
  return crypto::pretty_json(json);
}

void print(const certificate::Outcome& outcome) {
  for (const certificate::Check& check : outcome.checks) {
    fmt::print("{}  {:<18} {}\n", check.ok ? "ok  " : "FAIL", check.name, check.detail);
  }
  if (!outcome.uncovered_files.empty()) {
    fmt::print("\nNot covered by the certificate:");
    for (const std::string& file : outcome.uncovered_files) fmt::print(" {}", printable(file));
    fmt::print("\n");
  }
  fmt::print("\n{}", wrapped(outcome.summary));
}

}  // namespace

Result<int> verify_verb(const VerifyOptions& options) {
  GINN_ASSIGN(const certificate::RelyingParty party, relying_party(options));
  GINN_ASSIGN(const certificate::Outcome outcome, certificate::check_run(options.dir, party));
  if (options.json) {
    fmt::print("{}\n", to_json(outcome));
  } else {
    print(outcome);
  }
  return outcome.verdict == certificate::Verdict::kAccepted ? 0 : 1;
}

}  // namespace ginn::cli
