#pragma once

#include <optional>
#include <string>
#include <vector>

#include "certificate/issue/terms.h"
#include "crypto/sha256.h"
#include "crypto/signature.h"

namespace ginn::certificate {

struct Subject {
  std::string name;  // of a file in the run's folder
  crypto::Digest sha256{};
};

struct VerifierIdentity {
  std::string version;   // of ginn-verifier
  std::string evidence;  // the TEE's, over report_data(key, job digest, life)
};

// What a verifier says at the end of a run that it accepts.
struct Claim {
  std::vector<Subject> subjects;  // model.safetensors first
  std::string job;                // canonical bytes
  std::string arithmetic_format;
  Terms terms;
  uint64_t replayed = 0;
  crypto::Digest transcript_head{};
  uint64_t transcript_entries = 0;
  uint32_t life = 1;
  VerifierIdentity verifier;
  std::vector<std::string> grants;  // the last one is for this life and key
  uint64_t batch_norm_samples = 0;
};

// What it says when it stops a run: what a third party needs to compute it again.
struct RejectionClaim {
  std::string job;
  std::string code;     // snake_case
  std::string message;  // for people
  uint64_t step = 0;
  uint64_t microbatch = 0;
  uint32_t life = 1;
  std::vector<uint64_t> records;  // indices, in the microbatch's order
  std::optional<crypto::Digest> received;
  std::optional<crypto::Digest> expected;
  std::optional<crypto::Digest> evidence_file;  // rejection-evidence.safetensors
  VerifierIdentity verifier;
};

inline constexpr size_t kMaxStatementBytes = size_t{1} << 22;

// A DSSE envelope around an in-toto Statement, one line of canonical JSON. Codes: parse_json's for
// the job, "statement_too_large".
Result<std::string> issue_certificate(const crypto::SigningKey& key, const Claim& claim);
Result<std::string> issue_rejection(const crypto::SigningKey& key, const RejectionClaim& claim);

}  // namespace ginn::certificate
