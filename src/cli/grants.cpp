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
  return [folder](const certificate::StartRequest& request) -> Result<std::string> {
    GINN_ASSIGN(const crypto::SigningKey owner, crypto::SigningKey::generate());
    std::string grant = certificate::issue_grant(owner, request.start, true);
    if (!folder.empty()) GINN_TRY(GrantLog(folder / kGrantLogFile).append(grant));
    return grant;
  };
}

worker::Client::Grantor owner_grantor(const std::filesystem::path& folder, bool quiet) {
  return [folder, quiet](const certificate::StartRequest& request) -> Result<std::string> {
    const uint32_t life = request.start.life;
    const auto asked = folder / start_file(life);
    const auto answer = folder / grant_file(life);
    GINN_TRY(write_file_atomic(asked, as_bytes(certificate::write_request(request) + "\n")));
    if (!quiet) {
      fmt::print(stderr,
                 "waiting for the owner's leave: send {} to the owner, who runs\n"
                 "  ginn grant {} --key KEY --log LOG --job JOB --out {}\n"
                 "and put the answer beside it as {}\n",
                 printable(asked.native(), 400),
                 start_file(life),
                 grant_file(life),
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

}  // namespace ginn::cli
