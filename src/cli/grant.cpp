#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "attest/report_data.h"
#include "base/folder.h"
#include "base/text.h"
#include "certificate/check/evidence_check.h"
#include "certificate/issue/format.h"
#include "cli/grants.h"
#include "cli/job_source.h"
#include "cli/relying_party.h"
#include "cli/verbs.h"

namespace ginn::cli {
namespace {

constexpr uint64_t kMaxFileBytes = uint64_t{1} << 20;

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeBio {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
};

// A PKCS #8 file, as `openssl genpkey -algorithm ed25519` writes it.
Result<crypto::SigningKey> read_key(const std::string& path) {
  GINN_ASSIGN(const Bytes file, read_file(path, kMaxFileBytes));
  const std::unique_ptr<BIO, FreeBio> bio(
      BIO_new_mem_buf(file.data(), static_cast<int>(file.size())));
  const std::unique_ptr<EVP_PKEY, FreeKey> key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  Bytes seed(32);
  size_t size = seed.size();
  const bool good = key != nullptr && EVP_PKEY_get_id(key.get()) == EVP_PKEY_ED25519 &&
                    EVP_PKEY_get_raw_private_key(key.get(), seed.data(), &size) == 1;
  if (!good) {
    return input_error("bad_key",
                       concat(printable(path, 400),
                              ": expected an Ed25519 private key in PEM, such as ginn grant "
                              "--new-key writes"));
  }
  return crypto::SigningKey::from_seed(seed);
}

Result<int> new_key(const std::string& path) {
  std::error_code error;
  if (std::filesystem::exists(path, error)) {
    return input_error("out_exists", concat(printable(path, 400), " exists; name another file"));
  }
  GINN_ASSIGN(const crypto::SigningKey key, crypto::SigningKey::generate());
  const auto seed = key.seed();
  const std::unique_ptr<EVP_PKEY, FreeKey> raw(
      EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size()));
  const std::unique_ptr<BIO, FreeBio> bio(BIO_new(BIO_s_mem()));
  if (raw == nullptr || bio == nullptr ||
      PEM_write_bio_PrivateKey(bio.get(), raw.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return environment_error("failed", "OpenSSL cannot write a key");
  }
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  GINN_TRY(write_file_atomic(path, as_bytes({text, static_cast<size_t>(size)})));
  std::filesystem::permissions(
      path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write, error);
  fmt::print("{}\n", certificate::key_text(key.public_key()));
  return 0;
}

// The owner's own job decides what may be granted; nothing that the worker sent does.
Result<job::Job> owners_job(const std::string& path) {
  GINN_ASSIGN(LoadedJob loaded, load_job(path));
  if (!loaded.resolved.has_root) {
    return input_error("job_without_root",
                       concat(printable(path, 400), ": data.root is missing; ginn plan prints it"));
  }
  GINN_TRY(require_weights_digest(path, loaded.resolved));
  return loaded.resolved.job;
}

Status check_asked(const certificate::StartRequest& asked, const job::Job& job) {
  const crypto::Digest digest = job::digest(job);
  if (asked.start.job_digest != digest || asked.start.nonce != job.nonce) {
    return refused("grant_job",
                   concat("the start is for job ",
                          crypto::tagged(asked.start.job_digest),
                          ", yours is ",
                          crypto::tagged(digest)));
  }
  if (job.unlimited_attempts) {
    return refused("grant_lives",
                   "your job has lives = \"unlimited\": its starts need nobody's leave");
  }
  if (asked.start.life > job.lives) {
    return refused("grant_lives",
                   concat("life ", asked.start.life, " is asked for; your job allows ", job.lives));
  }
  return ok_status();
}

// What the policy says of the TEE; the rest of a run is judged when there is one.
Status check_tee(const policy::Policy& policy, const policy::TeeFacts& tee) {
  policy::Facts facts;
  facts.tee = tee;
  for (const policy::Finding& finding : policy::evaluate(policy, facts)) {
    if (finding.outcome != policy::Outcome::kNotMet) continue;
    return refused(
        "grant_policy",
        concat(finding.name, ": ", finding.found, "; your policy demands: ", finding.demanded));
  }
  return ok_status();
}

// Gives whether the evidence is simulated. Without a policy hardware's is judged by default, and
// the measurement is not compared with anything.
Result<bool> check_start_evidence(const certificate::StartRequest& asked,
                                  const GrantOptions& options) {
  VerifyOptions tee;
  tee.policy = options.policy;
  tee.collateral = options.collateral;
  tee.at = options.at;
  std::optional<Error> fault;
  GINN_ASSIGN(const certificate::RelyingParty party, relying_party(tee, fault));
  std::optional<std::string_view> collateral;
  if (party.collateral) collateral = *party.collateral;
  certificate::CheckedEvidence evidence;
  const auto failure =
      certificate::check_evidence_text(asked.evidence, collateral, party, evidence);
  if (failure) return refused("grant_evidence", concat(failure->code, ": ", failure->message));
  const certificate::StartStatement& start = asked.start;
  const auto expected = attest::report_data(start.verifier_key, start.job_digest, start.life);
  if (!certificate::binds(evidence, expected)) {
    return refused("grant_evidence",
                   "the evidence is not for this verifier's key, your job and this life");
  }
  if (party.policy) GINN_TRY(check_tee(*party.policy, evidence.facts));
  return evidence.simulated;
}

// At most `lives` grants for a nonce, each life once.
Status check_log(const std::vector<certificate::Grant>& grants,
                 const certificate::StartRequest& asked,
                 uint32_t lives) {
  uint32_t granted = 0;
  for (const certificate::Grant& grant : grants) {
    if (grant.start.nonce != asked.start.nonce) continue;
    ++granted;
    if (grant.start.life == asked.start.life) {
      return refused("grant_spent",
                     concat("life ",
                            asked.start.life,
                            " was granted before, to ",
                            certificate::key_text(grant.start.verifier_key)));
    }
  }
  if (granted < lives) return ok_status();
  return refused("grant_spent", concat("all ", lives, " lives of this nonce were granted"));
}

}  // namespace

Result<int> grant_verb(const GrantOptions& options) {
  if (!options.new_key.empty()) return new_key(options.new_key);
  if (options.start.empty() || options.key.empty() || options.log.empty() || options.job.empty()) {
    return input_error("usage", "START, --key, --log and --job are needed, or --new-key alone");
  }
  GINN_ASSIGN(const crypto::SigningKey key, read_key(options.key));
  GINN_ASSIGN(const job::Job job, owners_job(options.job));
  GINN_ASSIGN(const Bytes text, read_file(options.start, kMaxFileBytes));
  std::string_view line = as_text(text);
  if (line.ends_with('\n')) line.remove_suffix(1);
  GINN_ASSIGN(const certificate::StartRequest asked, certificate::parse_request(line));
  GINN_TRY(check_asked(asked, job));
  GINN_ASSIGN(const bool simulated, check_start_evidence(asked, options));
  // Two grants at a time must not both find the life free.
  const auto folder = std::filesystem::absolute(options.log).parent_path();
  GINN_ASSIGN(const FolderLock lock, FolderLock::take(folder));
  const GrantLog log(options.log);
  GINN_ASSIGN(const auto grants, log.grants());
  GINN_TRY(check_log(grants, asked, job.lives));
  const std::string grant = certificate::issue_grant(key, asked.start, false);
  GINN_TRY(log.append(grant));  // before anybody has it
  if (options.out.empty()) {
    fmt::print("{}\n", grant);
  } else {
    GINN_TRY(write_file_atomic(options.out, as_bytes(grant + "\n")));
  }
  fmt::print(stderr,
             "granted life {} of {} to {}{}\n",
             asked.start.life,
             job.lives,
             certificate::key_text(asked.start.verifier_key),
             simulated ? "; its evidence is SIMULATED and proves nothing" : "");
  return 0;
}

}  // namespace ginn::cli
