#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "certificate/check/evidence_check.h"
#include "certificate/check/report.h"
#include "certificate/check/run_check.h"
#include "certificate/check/run_files.h"
#include "certificate/check/statement.h"
#include "crypto/dsse.h"

namespace ginn::certificate {

inline constexpr std::string_view kSimulatedNote =
    "SIMULATED: the evidence is signed with a key that everybody has and proves nothing";

// The checks that folders with a certificate and folders with a rejection share, in their order.
class FolderCheck {
 protected:
  FolderCheck(const RunFiles* files,
              const RelyingParty& relying_party,
              std::span<const std::string_view> names)
      : files_(files), relying_party_(relying_party), report_(names) {}
  ~FolderCheck() = default;

  // "envelope" and "payload_type"; false when the statement cannot be read.
  bool open_envelope(ByteView file);
  void check_signature(const StatementHead& head);
  void check_evidence(const StatementHead& head, uint32_t life);
  Result<std::string> job_file_result(const StatementHead& head);
  Result<std::string> subject_result(const std::vector<Subject>& subjects);
  void check_your_job(const StatementHead& head);
  Result<std::string> your_job_result(const StatementHead& head);
  void check_simulated();

  Result<Bytes> read(std::string_view name, uint64_t limit) const {
    return files_->read(name, limit);
  }

  const RunFiles* files_;  // null when the folder could not be listed
  const RelyingParty& relying_party_;
  Report report_;
  crypto::Envelope envelope_;
  std::set<std::string> covered_;
  std::optional<CheckedEvidence> evidence_;  // when it verified
  bool simulated_ = false;
};

// Run with the files, see check_run; an error when they cannot be listed.
Outcome check_certificate(const Result<std::unique_ptr<RunFiles>>& files,
                          const RelyingParty& relying_party);
Outcome check_rejection(const RunFiles& files, const RelyingParty& relying_party);
// Whichever of them the files call for.
Outcome check_files(const Result<std::unique_ptr<RunFiles>>& files,
                    const RelyingParty& relying_party);

}  // namespace ginn::certificate
