#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attest/verify/hardware/context.h"
#include "crypto/sha256.h"
#include "crypto/signature.h"
#include "data/dataset.h"
#include "policy/policy.h"

namespace ginn::certificate {

// What the relying party brings; nothing in a run's folder stands in for it.
struct RelyingParty {
  std::optional<crypto::Digest> job_digest;    // without it, a run is at best consistent
  bool allow_simulated = false;                // take simulated evidence, which proves nothing
  std::optional<crypto::PublicKey> owner_key;  // needed for grants that were not signed locally
  // Instead of the digest, for a job file that names only the root of its data: the digest of that
  // job, given the facts (number and shape of the records) that the run's job states. Those are
  // hostile: an error unless they have the root, which then is the reason that "your_job" fails.
  using JobOfFacts = std::function<Result<crypto::Digest>(const data::DatasetFacts&)>;
  JobOfFacts job_of_facts = nullptr;

  // What they demand in writing: then `allow_simulated` is not read, and a job that the policy
  // names counts as brought ("any" too: it was said).
  std::optional<policy::Policy> policy = std::nullopt;
  // The time for which hardware evidence and its collateral are judged; no clock is read here.
  attest::verify::UnixSeconds at = 0;
  // A collateral document (attest/verify/document.h) of their own, instead of the run's.
  std::optional<std::string> collateral = std::nullopt;
  // Checks hardware evidence; null: attest::verify::check_evidence. For tests, whose authority is
  // not among the pinned roots.
  using CheckEvidence = std::function<Result<attest::verify::EvidenceVerdict>(
      ByteView evidence,
      attest::verify::EvidenceKind claimed,
      const attest::verify::CheckContext& context)>;
  CheckEvidence check_evidence = nullptr;

  bool brings_job() const {
    return job_digest.has_value() || job_of_facts != nullptr || policy.has_value();
  }
};

enum class Verdict { kAccepted, kConsistent, kRejected };
std::string_view verdict_name(Verdict verdict);  // "accepted", "consistent", "rejected"

struct Check {
  std::string name;  // of kCertificateChecks, policy::kFindings or kRejectionChecks
  bool ok = false;
  std::string detail;     // printable ASCII; "not checked: .." when it could not be made
  std::string code = {};  // snake_case: why it failed, "not_checked"; empty when it passed
};

// Why a check matters, in a sentence; empty for a name of no check.
std::string_view why_it_matters(std::string_view check);

struct Outcome {
  Verdict verdict = Verdict::kRejected;
  // The evidence (checked, not claimed) or a grant comes from no TEE and no owner: proves nothing.
  bool simulated = false;
  std::vector<Check> checks;                 // all of them, in order
  std::vector<std::string> uncovered_files;  // in the folder, but vouched for by nothing
  std::string guarantee;  // the certificate's sentence; empty unless the run is accepted
  std::string summary;    // one or two sentences for people
};

// The checks and their order (docs/certificate.md); a policy's (policy::kFindings) follow.
inline constexpr std::string_view kCertificateChecks[] = {"folder",
                                                          "certificate",
                                                          "envelope",
                                                          "payload_type",
                                                          "statement",
                                                          "signature",
                                                          "evidence",
                                                          "job",
                                                          "job_file",
                                                          "guarantee",
                                                          "replayed",
                                                          "transcript",
                                                          "model",
                                                          "grants",
                                                          "your_job",
                                                          "simulated"};
// Those of a folder with rejection.json and no certificate; the verdict is rejected in any case.
inline constexpr std::string_view kRejectionChecks[] = {"folder",
                                                        "rejection",
                                                        "envelope",
                                                        "payload_type",
                                                        "statement",
                                                        "signature",
                                                        "evidence",
                                                        "job",
                                                        "job_file",
                                                        "rejection_evidence",
                                                        "your_job",
                                                        "simulated"};

inline constexpr uint64_t kMaxModelBytes = uint64_t{1} << 32;

// Code "not_a_folder".
Status require_folder(const std::filesystem::path& dir);

// The relying party's check of a run's folder, every file of which is hostile. An error only when
// `dir` is no folder: code "not_a_folder".
Result<Outcome> check_run(const std::filesystem::path& dir, const RelyingParty& relying_party);

}  // namespace ginn::certificate
