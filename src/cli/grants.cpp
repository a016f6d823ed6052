#include "cli/grants.h"

#include <fmt/format.h>

#include <thread>

#include "base/file.h"
#include "base/text.h"
#include "certificate/issue/format.h"
#include "cli/run_job.h"
#include "crypto/json.h"

namespace ginn::cli {
namespace {

constexpr uint64_t kMaxLogBytes = uint64_t{1} << 22;
constexpr uint64_t kMaxAskedBytes = uint64_t{1} << 20;
constexpr uint64_t kMostLives = 64;

bool is_missing(const Error& error) { return std::string_view(error.code) == "not_found"; }

}  // namespace

std::string start_file(uint32_t life) { return concat("start-", life, ".json"); }
std::string grant_file(uint32_t life) { return concat("grant-", life, ".json"); }

Result<std::vector<certificate::Grant>> GrantLog::grants() const {
  std::vector<certificate::Grant> found;
  const auto file = read_file(file_, kMaxLogBytes);
  if (!file.ok()) {
    if (is_missing(file.error())) return found;
    return file.error();
  }
  std::string_view rest = as_text(*file);
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    auto grant = certificate::check_grant(rest.substr(0, end));
    if (!grant.ok()) {
      return input_error(grant.error().code,
                         concat(printable(file_.native(), 400),
                                ": line ",
                                found.size() + 1,
                                ": ",
                                grant.error().message));
    }
    found.push_back(*grant);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  return found;
}

Status GrantLog::append(std::string_view grant) const {
  const auto file = read_file(file_, kMaxLogBytes);
  if (!file.ok() && !is_missing(file.error())) return file.error();
  Bytes text = file.ok() ? *file : Bytes();
  const ByteView line = as_bytes(grant);
  text.insert(text.end(), line.begin(), line.end());
  text.push_back('\n');
  return write_file_atomic(file_, text);
}

Result<uint32_t> next_life(const std::filesystem::path& folder, bool owner) {
  uint32_t last = 0;
  if (owner) {
    std::error_code ignored;
    while (std::filesystem::exists(folder / grant_file(last + 1), ignored)) ++last;
    return last + 1;
  }
  GINN_ASSIGN(const auto grants, GrantLog(folder / kGrantLogFile).grants());
  for (const certificate::Grant& grant : grants) last = std::max(last, grant.start.life);
  return last + 1;
}

worker::Client::Grantor local_grantor(const std::filesystem::path& folder) {
  return [folder](const certificate::StartStatement& start,
                  const std::string&) -> Result<std::string> {
    GINN_ASSIGN(const crypto::SigningKey owner, crypto::SigningKey::generate());
    std::string grant = certificate::issue_grant(owner, start, true);
    if (!folder.empty()) GINN_TRY(GrantLog(folder / kGrantLogFile).append(grant));
    return grant;
  };
}

worker::Client::Grantor owner_grantor(const std::filesystem::path& folder, bool quiet) {
  return [folder, quiet](const certificate::StartStatement& start,
                         const std::string& evidence) -> Result<std::string> {
    const auto asked = folder / start_file(start.life);
    const auto answer = folder / grant_file(start.life);
    GINN_TRY(write_file_atomic(asked, as_bytes(write_asked({start, evidence}))));
    if (!quiet) {
      fmt::print(stderr,
                 "waiting for the owner's leave: send {} to the owner, who runs\n"
                 "  ginn grant {} --key KEY --log LOG --job JOB --out {}\n"
                 "and put the answer beside it as {}\n",
                 printable(asked.native(), 400),
                 start_file(start.life),
                 grant_file(start.life),
                 printable(answer.native(), 400));
    }
    for (;;) {
      const auto grant = read_file(answer, certificate::kMaxGrantBytes);
      if (grant.ok()) {
        std::string text(as_text(*grant));
        while (text.ends_with('\n')) text.pop_back();
        return text;
      }
      if (!is_missing(grant.error())) return grant.error();
      GINN_TRY(interruption("while waiting for the owner's grant"));
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
  };
}

std::string write_asked(const AskedStart& asked) {
  crypto::Json::Object json;
  json["nonce"] = asked.start.nonce;
  json["jobDigest"] = crypto::tagged(asked.start.job_digest);
  json["verifierKey"] = certificate::key_text(asked.start.verifier_key);
  json["life"] = crypto::Json::integer(asked.start.life);
  json["checkpoint"] =
      asked.start.checkpoint ? crypto::tagged(*asked.start.checkpoint) : std::string();
  json["evidence"] = asked.evidence;
  return crypto::canonical_json(json) + "\n";
}

Result<AskedStart> parse_asked(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  GINN_ASSIGN(const crypto::Json json,
              crypto::parse_json(text, {.bytes = kMaxAskedBytes, .depth = 2}));
  GINN_TRY(crypto::exact_fields(
      json, {"checkpoint", "evidence", "jobDigest", "life", "nonce", "verifierKey"}));
  AskedStart asked;
  GINN_ASSIGN(asked.start.nonce, crypto::string_field(json, "nonce"));
  GINN_ASSIGN(const std::string digest, crypto::string_field(json, "jobDigest"));
  GINN_ASSIGN(asked.start.job_digest, crypto::parse_tagged(digest));
  GINN_ASSIGN(const std::string key, crypto::string_field(json, "verifierKey"));
  GINN_ASSIGN(asked.start.verifier_key, certificate::parse_key(key));
  GINN_ASSIGN(const uint64_t life, crypto::integer_field(json, "life"));
  GINN_ASSIGN(const std::string checkpoint, crypto::string_field(json, "checkpoint"));
  if (!checkpoint.empty()) {
    GINN_ASSIGN(asked.start.checkpoint, crypto::parse_tagged(checkpoint));
  }
  GINN_ASSIGN(asked.evidence, crypto::string_field(json, "evidence"));
  if (life < 1 || life > kMostLives) {
    return input_error("start_form", concat("life is ", life, "; expected 1 to 64"));
  }
  asked.start.life = static_cast<uint32_t>(life);
  return asked;
}

}  // namespace ginn::cli
