#pragma once

#include <filesystem>
#include <string>

#include "worker/client.h"

namespace ginn::cli {

// grants.jsonl: one grant a line, of every start of a run, in order. An owner's, or the run's
// folder's own where grants are signed locally.
class GrantLog {
 public:
  explicit GrantLog(std::filesystem::path file) : file_(std::move(file)) {}
  // All grants so far; none when there is no file. Codes: read_file's, check_grant's.
  Result<std::vector<certificate::Grant>> grants() const;
  // Durable when it returns. Code "write_failed".
  Status append(std::string_view grant) const;

 private:
  std::filesystem::path file_;
};

inline constexpr std::string_view kGrantLogFile = "grants.jsonl";

// The life that the next start in this run's folder is: one more than the last granted. With
// `owner`, by the owner's answers that lie there.
Result<uint32_t> next_life(const std::filesystem::path& folder, bool owner);

// Signs the grant of a simulated run with a key made for it and notes it in the folder's log: an
// owner's leave in form only. No folder, no log.
worker::Client::Grantor local_grantor(const std::filesystem::path& folder);

// Writes start-LIFE.json (a StartRequest) into the folder and waits for the owner's grant-LIFE.json
// beside it.
worker::Client::Grantor owner_grantor(const std::filesystem::path& folder, bool quiet);

// "start-1.json", "grant-1.json".
std::string start_file(uint32_t life);
std::string grant_file(uint32_t life);

}  // namespace ginn::cli
