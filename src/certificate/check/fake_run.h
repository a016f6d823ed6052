#pragma once

// For tests: the folder that a run would have left, made without training anything.

#include <filesystem>
#include <functional>
#include <string>

#include "certificate/check/run_check.h"
#include "certificate/issue/grant.h"
#include "certificate/issue/statement.h"
#include "crypto/json.h"
#include "crypto/signature.h"
#include "job/job.h"
#include "tests/support/temporary_folder.h"

namespace ginn::certificate {

class FakeRun {
 public:
  // An accepted run, in a new temporary folder.
  explicit FakeRun(const job::Job& job = example_job());

  static job::Job example_job();
  static crypto::SigningKey verifier_key();
  static crypto::SigningKey owner_key();
  static std::string evidence(const crypto::PublicKey& key,
                              const crypto::Digest& job_digest,
                              uint32_t life = 1);

  const std::filesystem::path& dir() const { return folder_.path(); }
  const job::Job& job() const { return job_; }
  Claim& claim() { return claim_; }
  StartStatement start() const;
  RejectionClaim rejection() const;

  void write(const std::string& name, std::string_view text) const;
  std::string read(const std::string& name) const;
  // certificate.json again, from claim().
  void sign_claim() const;
  // certificate.json again, its statement changed as JSON, signed by the verifier's key.
  void sign_changed(const std::function<void(crypto::Json::Object& statement)>& change) const;
  // Leaves rejection.json instead of certificate and model.
  void reject(const RejectionClaim& claim) const;

  RelyingParty relying_party() const;  // brings the job and takes simulated evidence
  Outcome check() const { return check(relying_party()); }
  Outcome check(const RelyingParty& relying_party) const;

 private:
  const test::TemporaryFolder folder_;
  job::Job job_;
  Claim claim_;
};

// Names of the checks that failed, those that were not made left out.
std::string failed_checks(const Outcome& outcome);
// Names of the checks that were not made.
std::string skipped_checks(const Outcome& outcome);
// A certificate's folder, rejected with exactly these checks failed and these not made.
void expect_rejected(const Outcome& outcome,
                     const std::string& failed,
                     const std::string& skipped = "");

}  // namespace ginn::certificate
