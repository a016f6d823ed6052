#include <fmt/format.h>

#include <filesystem>

#include "base/file.h"
#include "base/text.h"
#include "certificate/check/bundle.h"
#include "cli/relying_party.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "crypto/json.h"
#include "export/check_page.h"
#include "verifier/session.h"

namespace ginn::cli {
namespace {

namespace fs = std::filesystem;

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

Result<certificate::Outcome> check_bundle_file(const VerifyOptions& options,
                                               const certificate::RelyingParty& party) {
  GINN_ASSIGN(const Bytes text, read_file(options.run, certificate::kMaxBundleBytes));
  GINN_ASSIGN(const certificate::Bundle bundle, certificate::parse_bundle(text));
  if (options.models.empty()) {
    return certificate::check_bundle(
        bundle, files_in(fs::absolute(options.run).parent_path()), party);
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
