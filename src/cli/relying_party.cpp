#include "cli/relying_party.h"

#include <chrono>

#include "attest/verify/document.h"
#include "base/file.h"
#include "base/text.h"
#include "certificate/issue/format.h"
#include "cli/job_source.h"
#include "import/toml_policy.h"

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

}  // namespace

std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder) {
  constexpr size_t kMost = 10000;
  std::vector<std::filesystem::path> files;
  std::error_code error;
  std::filesystem::directory_iterator iterator(folder, error);
  for (; !error && iterator != std::filesystem::directory_iterator() && files.size() < kMost;
       iterator.increment(error)) {
    files.push_back(iterator->path());
  }
  return files;
}

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

}  // namespace ginn::cli
