#include "certificate/check/lives.h"

#include "base/text.h"
#include "certificate/issue/format.h"

namespace ginn::certificate {
namespace {

Error no_grant() {
  return refused("grants_missing", "the certificate carries no grant; expected at least one");
}

Status check_owner(const Grant& grant, const LivesExpected& expected) {
  if (expected.owner && grant.owner != *expected.owner) {
    return refused("grants_owner",
                   concat("grant of life ",
                          grant.start.life,
                          " is signed by ",
                          key_text(grant.owner),
                          "; the owner's key is ",
                          key_text(*expected.owner)));
  }
  if (grant.local && !expected.simulated) {
    return refused("grants_local",
                   concat("grant of life ",
                          grant.start.life,
                          " was signed locally, beside evidence that is not simulated: starts were "
                          "not limited by the owner"));
  }
  if (!grant.local && !expected.owner) {
    return refused("grants_owner",
                   concat("grant of life ",
                          grant.start.life,
                          " is signed by ",
                          key_text(grant.owner),
                          "; bring the owner's key to check it"));
  }
  return ok_status();
}

Status check_life(const Grant& grant, uint32_t previous, const LivesExpected& expected) {
  const StartStatement& start = grant.start;
  if (start.nonce != expected.nonce || start.job_digest != expected.job_digest) {
    return refused("grants_binding",
                   concat("grant of life ", start.life, " is for another job or nonce"));
  }
  if (start.life <= previous || start.life > expected.lives) {
    return refused("grants_lives",
                   concat("grant of life ",
                          start.life,
                          " after life ",
                          previous,
                          "; the job allows lives 1 to ",
                          expected.lives,
                          ", each once"));
  }
  const bool from_nothing = previous == 0;
  if (from_nothing == start.checkpoint.has_value()) {
    return refused("grants_lives",
                   concat("grant of life ",
                          start.life,
                          from_nothing ? " names a checkpoint; a run begins from nothing"
                                       : " names no checkpoint; a run goes on from one"));
  }
  return check_owner(grant, expected);
}

// Later lives would be further chances within one attempt.
Result<LivesFound> one_attempt(const std::vector<std::string>& grants,
                               const LivesExpected& expected) {
  if (grants.empty() && expected.life == 1) return LivesFound{};
  return refused("grants_unlimited",
                 concat("life ",
                        expected.life,
                        " and ",
                        grants.size(),
                        " grants; a job that does not limit attempts has life 1 and none"));
}

}  // namespace

Result<std::vector<protocol::TranscriptLife>> lives_of(const std::vector<std::string>& grants,
                                                       const protocol::TranscriptLife& signer) {
  if (grants.empty()) return std::vector{signer};
  std::vector<protocol::TranscriptLife> lives;
  for (const std::string& text : grants) {
    GINN_ASSIGN(const Grant grant, check_grant(text));
    lives.push_back({grant.start.verifier_key, grant.start.life});
  }
  return lives;
}

Result<LivesFound> check_lives(const std::vector<std::string>& grants,
                               const LivesExpected& expected) {
  if (expected.unlimited_attempts) return one_attempt(grants, expected);
  if (grants.empty()) return no_grant();
  LivesFound found;
  StartStatement last;
  last.life = 0;
  for (const std::string& text : grants) {
    GINN_ASSIGN(const Grant grant, check_grant(text));
    GINN_TRY(check_life(grant, last.life, expected));
    found.local = found.local || grant.local;
    last = grant.start;
  }
  if (last.verifier_key != expected.verifier_key || last.life != expected.life) {
    return refused("grants_binding",
                   concat("the last grant is for life ",
                          last.life,
                          " of ",
                          key_text(last.verifier_key),
                          "; the certificate is by life ",
                          expected.life,
                          " of ",
                          key_text(expected.verifier_key)));
  }
  return found;
}

}  // namespace ginn::certificate
