#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "certificate/check/report.h"
#include "certificate/check/run_check.h"
#include "certificate/check/statement.h"
#include "crypto/dsse.h"

namespace ginn::certificate {

inline constexpr std::string_view kSimulatedNote =
    "SIMULATED: the evidence is signed with a key that everybody has and proves nothing";

// The checks that folders with a certificate and folders with a rejection share, in their order.
class FolderCheck {
 protected:
  FolderCheck(const std::filesystem::path& dir,
              const RelyingParty& relying_party,
              std::span<const std::string_view> names)
      : dir_(dir), relying_party_(relying_party), report_(names) {}
  ~FolderCheck() = default;

  // "envelope" and "payload_type"; false when the statement cannot be read.
  bool open_envelope(ByteView file);
  void check_signature(const StatementHead& head);
  Result<std::string> evidence_result(const StatementHead& head);
  Result<std::string> job_file_result(const StatementHead& head);
  Result<std::string> subject_result(const std::vector<Subject>& subjects);
  void check_your_job(const StatementHead& head);
  Result<std::string> your_job_result(const StatementHead& head);
  void check_simulated();

  // Once, with a limit, no symbolic link.
  Result<Bytes> read(std::string_view name, uint64_t limit) const;

  const std::filesystem::path& dir_;
  const RelyingParty& relying_party_;
  Report report_;
  crypto::Envelope envelope_;
  std::set<std::string> covered_;
  bool evidence_verified_ = false;
  bool simulated_ = false;
};

// Run with the folder's entries; see check_run.
Outcome check_certificate(const std::filesystem::path& dir,
                          const RelyingParty& relying_party,
                          const Result<std::vector<std::filesystem::directory_entry>>& entries);
Outcome check_rejection(const std::filesystem::path& dir,
                        const RelyingParty& relying_party,
                        const std::vector<std::filesystem::directory_entry>& entries);

}  // namespace ginn::certificate
