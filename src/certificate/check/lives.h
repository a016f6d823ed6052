#pragma once

#include <optional>
#include <string>
#include <vector>

#include "certificate/issue/grant.h"
#include "protocol/transcript.h"

namespace ginn::certificate {

// The lives of a certificate's grants in their order, as the transcript should have them; without
// grants the signer's. Codes: check_grant's.
Result<std::vector<protocol::TranscriptLife>> lives_of(const std::vector<std::string>& grants,
                                                       const protocol::TranscriptLife& signer);

// What a certificate's grants must agree with.
struct LivesExpected {
  std::string nonce;
  crypto::Digest job_digest{};
  uint32_t lives = 1;                      // the job's
  bool unlimited_attempts = false;         // the job's
  crypto::PublicKey verifier_key{};        // of the verifier that signed the certificate
  uint32_t life = 1;                       // its life
  bool simulated = true;                   // what the evidence turned out to be
  std::optional<crypto::PublicKey> owner;  // the relying party's, where they bring one
};

struct LivesFound {
  bool local = false;  // at least one grant was signed by the host that ran the training
};

// Checks every grant, each for this job and nonce, lives ascending within the job's `lives`, the
// first of them a start from nothing and the others from checkpoints, the last one for this
// verifier's key and life; a local grant only
// beside simulated evidence, any other only by the owner that the relying party brings. Codes:
// check_grant's, "grants_missing", "grants_binding", "grants_lives", "grants_local",
// "grants_owner". Of a job that does not limit attempts: no grants, and life 1, else
// "grants_unlimited".
Result<LivesFound> check_lives(const std::vector<std::string>& grants,
                               const LivesExpected& expected);

}  // namespace ginn::certificate
