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

// Hex digits in either case, as people paste them; files have them in lower case.
std::string lower_case(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

Error option_error(std::string_view option,
                   const std::string& text,
                   const Error& error,
                   std::string_view expected) {
  return input_error(error.code,
                     concat(option, ": found \"", printable(text, 100), "\"; expected ", expected));
}

Result<crypto::Digest> parse_digest(const std::string& text) {
  const std::string tagged = text.starts_with("sha256:") ? text : "sha256:" + text;
  const auto digest = crypto::parse_tagged(lower_case(tagged));
  if (digest.ok()) return digest;
  return option_error("--job-digest",
                      text,
                      digest.error(),
                      "64 hexadecimal digits, with or without sha256: before them");
}

Result<crypto::PublicKey> parse_owner_key(const std::string& text) {
  const auto key = certificate::parse_key(lower_case(text));
  if (key.ok()) return key;
  return option_error("--owner-key", text, key.error(), "ed25519: and 64 hexadecimal digits");
}

Status agree(const std::optional<crypto::Digest>& given, const crypto::Digest& found) {
  if (!given || *given == found) return ok_status();
  return input_error("usage", "--job and --job-digest name different jobs");
}

// The digest of a TOML job with facts that come from the run's folder. Those with another root are
// the folder's fault, for the list of checks; any other error is one of the user's own files and
// arguments, and is kept in `fault`.
Result<crypto::Digest> digest_with(const import::JobFile& file,
                                   const data::DatasetFacts& facts,
                                   const std::optional<crypto::Digest>& given,
                                   std::optional<Error>& fault) {
  if (facts.root() != *file.root) {
    return refused("your_job",
                   concat("the run's data has the root ",
                          crypto::tagged(facts.root()),
                          "; data.root in your ",
                          printable(file.file_name),
                          " is ",
                          crypto::tagged(*file.root)));
  }
  const auto digest = [&]() -> Result<crypto::Digest> {
    GINN_ASSIGN(const import::ResolvedJob resolved, import::resolve_job(file, facts));
    const crypto::Digest found = job::digest(resolved.job);
    GINN_TRY(agree(given, found));
    return found;
  }();
  if (!digest.ok()) fault = digest.error();
  return digest;
}

// What the relying party brings, and nothing else, decides what the run is compared with. `fault`
// outlives the result.
Result<certificate::RelyingParty> relying_party(const VerifyOptions& options,
                                                std::optional<Error>& fault) {
  certificate::RelyingParty party;
  party.allow_simulated = options.allow_simulated;
  if (!options.owner_key.empty()) {
    GINN_ASSIGN(party.owner_key, parse_owner_key(options.owner_key));
  }
  std::optional<crypto::Digest> given;
  if (!options.job_digest.empty()) {
    GINN_ASSIGN(given, parse_digest(options.job_digest));
  }
  party.job_digest = given;
  if (options.job.empty()) return party;
  GINN_ASSIGN(OwnJob own, load_own_job(options.job));
  if (const auto* job = std::get_if<job::Job>(&own)) {
    party.job_digest = job::digest(*job);
    GINN_TRY(agree(given, *party.job_digest));
    return party;
  }
  party.job_digest.reset();
  party.job_of_facts = [file = std::get<import::JobFile>(std::move(own)), given, &fault](
                           const data::DatasetFacts& facts) {
    return digest_with(file, facts, given, fault);
  };
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
  GINN_TRY(certificate::require_folder(options.dir));
  std::optional<Error> fault;
  GINN_ASSIGN(const certificate::RelyingParty party, relying_party(options, fault));
  GINN_ASSIGN(const certificate::Outcome outcome, certificate::check_run(options.dir, party));
  if (fault) return *fault;
  if (options.json) {
    fmt::print("{}\n", to_json(outcome));
  } else {
    print(outcome);
  }
  return outcome.verdict == certificate::Verdict::kAccepted ? 0 : 1;
}

}  // namespace ginn::cli
