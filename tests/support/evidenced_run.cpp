#include "tests/support/evidenced_run.h"

#include <algorithm>

#include "attest/report_data.h"
#include "attest/verify/document.h"
#include "attest/verify/hardware/check/check_evidence.h"
#include "base/text.h"

namespace ginn::test {
namespace {

namespace av = attest::verify;
using certificate::FakeRun;

constexpr size_t kSgxReportData = 320, kTdReportData = 520;  // offsets in the quote's body
constexpr size_t kSgxMeasurement = 64, kTdMeasurement = 136;

}  // namespace

EvidencedRun::EvidencedRun(uint16_t quote_version) : intel_(quote_version) {
  const bool sgx = quote_version == 3;
  const auto data =
      attest::report_data(FakeRun::verifier_key().public_key(), job::digest(run_.job()), 1);
  std::copy(data.begin(),
            data.end(),
            intel_.body.begin() + static_cast<ptrdiff_t>(sgx ? kSgxReportData : kTdReportData));
  set_ = intel_.build();
  const av::EvidenceKind kind = sgx ? av::EvidenceKind::kSgx : av::EvidenceKind::kTdx;
  run_.claim().verifier.evidence = av::evidence_document({kind, set_.quote});
  run_.claim().grants = {
      certificate::issue_grant(FakeRun::owner_key(), run_.start(), /*local=*/false)};
  run_.sign_claim();
  run_.write("collateral.json", av::collateral_document(set_.collateral));
}

certificate::RelyingParty EvidencedRun::party() const {
  const job::Job& job = run_.job();
  const bool sgx = intel_.version == 3;
  const auto measured =
      intel_.body.begin() + static_cast<ptrdiff_t>(sgx ? kSgxMeasurement : kTdMeasurement);
  policy::Policy policy;
  policy.job_digest = job::digest(job);
  policy.dataset_root = job.data.root();
  policy.probability = job.probability;
  policy.budget = job.budget;
  policy.lives = job.lives;
  policy.kinds = std::vector<std::string>{sgx ? "sgx" : "tdx"};
  policy.measurements = std::vector<Bytes>{Bytes(measured, measured + (sgx ? 32 : 48))};
  std::vector<std::string> registers;  // nothing was measured into them
  for (int i = 0; i < 4; ++i) registers.push_back(concat("rtmr", i, "=", to_hex(Bytes(48))));
  policy.runtime = registers;
  policy.tcb = std::vector<av::TcbStatus>{av::TcbStatus::kUpToDate};
  policy.tcb_evaluation = policy::Demand<uint64_t>::any();
  policy.snp_tcb = policy::Demand<policy::SnpVersions>::any();
  policy.advisories = std::vector<std::string>{"INTEL-SA-00005"};  // of its best level
  policy.collateral_days = policy::Demand<uint64_t>::any();
  policy.owners = std::vector<crypto::PublicKey>{FakeRun::owner_key().public_key()};
  certificate::RelyingParty party;
  party.policy = policy;
  party.at = intel_.at;
  party.check_evidence = [roots = set_.roots](ByteView evidence,
                                              av::EvidenceKind claimed,
                                              const av::CheckContext& context) {
    const av::CheckContext with_root{context.collateral, roots, context.policy, context.at};
    return av::check_evidence(evidence, claimed, with_root);
  };
  return party;
}

}  // namespace ginn::test
