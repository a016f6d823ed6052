#include <fmt/format.h>

#include <chrono>
#include <filesystem>

#include "attest/verify/document.h"
#include "base/file.h"
#include "base/text.h"
#include "certificate/check/bundle.h"
#include "certificate/issue/format.h"
#include "cli/job_source.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "crypto/json.h"
#include "export/check_page.h"
#include "import/toml_policy.h"
#include "verifier/session.h"

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

Status add_policy(const VerifyOptions& options, certificate::RelyingParty& party) {
  party.at = std::chrono::duration_cast<std::chrono::seconds>(
                 std::chrono::system_clock::now().time_since_epoch())
                 .count();
  if (!options.at.empty()) {
    GINN_ASSIGN(party.at, attest::verify::parse_utc_time(options.at));
  }
  if (!options.policy.empty()) {
    GINN_ASSIGN(const Bytes text, read_file(options.policy, import::kPolicyFileBytesMax));
    GINN_ASSIGN(party.policy, import::parse_policy_file(as_text(text), options.policy));
  }
  if (!options.collateral.empty()) {
    GINN_ASSIGN(const Bytes text,
                read_file(options.collateral, attest::verify::kMaxCollateralDocumentBytes));
    party.collateral = std::string(as_text(text));
  }
  return ok_status();
}

// What the relying party brings, and nothing else, decides what the run is compared with. `fault`
// outlives the result.
Result<certificate::RelyingParty> relying_party(const VerifyOptions& options,
                                                std::optional<Error>& fault) {
  certificate::RelyingParty party;
  party.allow_simulated = options.allow_simulated;
  GINN_TRY(add_policy(options, party));
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
    item["code"] = check.code;
    item["why"] = certificate::why_it_matters(check.name);
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

// `explain`: why each check matters, too.
void print(const certificate::Outcome& outcome, bool explain) {
  for (const certificate::Check& check : outcome.checks) {
    fmt::print("{}  {:<18} {}\n", check.ok ? "ok  " : "FAIL", check.name, check.detail);
    if (explain) fmt::print("      {:<18} {}\n", "", certificate::why_it_matters(check.name));
  }
  if (!outcome.uncovered_files.empty()) {
    fmt::print("\nNot covered by the certificate:");
    for (const std::string& file : outcome.uncovered_files) fmt::print(" {}", printable(file));
    fmt::print("\n");
  }
  fmt::print("\n{}", wrapped(outcome.summary));
}

// The files beside a bundle, where none are named: subjects have plain names, so that all of the
// folder's regular files may stand for them.
std::vector<std::filesystem::path> files_beside(const std::string& bundle) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  std::filesystem::directory_iterator iterator(std::filesystem::absolute(bundle).parent_path(),
                                               error);
  constexpr size_t kMost = 10000;
  for (; !error && iterator != std::filesystem::directory_iterator() && files.size() < kMost;
       iterator.increment(error)) {
    files.push_back(iterator->path());
  }
  return files;
}

Result<certificate::Outcome> check_bundle_file(const VerifyOptions& options,
                                               const certificate::RelyingParty& party) {
  GINN_ASSIGN(const Bytes text, read_file(options.run, certificate::kMaxBundleBytes));
  GINN_ASSIGN(const certificate::Bundle bundle, certificate::parse_bundle(text));
  if (options.models.empty()) {
    return certificate::check_bundle(bundle, files_beside(options.run), party);
  }
  const std::vector<std::filesystem::path> models(options.models.begin(), options.models.end());
  return certificate::check_bundle(bundle, models, party);
}

std::string against(const VerifyOptions& options) {
  std::string out;
  const auto add = [&out](std::string_view what, const std::string& value) {
    if (!value.empty()) out += concat(out.empty() ? "" : ", ", what, " ", value);
  };
  add("policy", options.policy);
  add("job", options.job);
  add("job digest", options.job_digest);
  add("owner's key", options.owner_key);
  if (options.allow_simulated)
    out += out.empty() ? "a simulated TEE allowed" : ", a simulated TEE allowed";
  return out.empty() ? "nothing that was brought" : out;
}

}  // namespace

Result<int> verify_verb(const VerifyOptions& options) {
  std::error_code ignored;
  const bool is_bundle = std::filesystem::is_regular_file(options.run, ignored);
  if (!is_bundle) GINN_TRY(certificate::require_folder(options.run));
  if (!is_bundle && !options.models.empty()) {
    return input_error("usage", "--model goes with a bundle; a folder has its model in it");
  }
  std::optional<Error> fault;
  GINN_ASSIGN(const certificate::RelyingParty party, relying_party(options, fault));
  GINN_ASSIGN(
      const certificate::Outcome outcome,
      is_bundle ? check_bundle_file(options, party) : certificate::check_run(options.run, party));
  if (fault) return *fault;
  if (!options.html.empty()) {
    const exporting::CheckPageInput page{outcome,
                                         options.run,
                                         against(options),
                                         attest::verify::utc_time_text(party.at),
                                         std::string(verifier::kVersion)};
    GINN_TRY(write_file_atomic(options.html, as_bytes(exporting::check_html(page))));
  }
  if (options.json) {
    fmt::print("{}\n", to_json(outcome));
  } else {
    print(outcome, !options.policy.empty());
  }
  return outcome.verdict == certificate::Verdict::kAccepted ? 0 : 1;
}

}  // namespace ginn::cli
