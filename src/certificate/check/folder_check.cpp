#include "certificate/check/folder_check.h"

#include <algorithm>

#include "attest/verify/document.h"
#include "base/text.h"
#include "certificate/issue/format.h"
#include "job/job.h"

namespace ginn::certificate {
namespace {
constexpr uint64_t kMaxJobBytes = uint64_t{1} << 20;
}  // namespace

bool FolderCheck::open_envelope(ByteView file) {
  auto parsed = crypto::parse_envelope(as_text(file), kMaxStatementBytes);
  if (!parsed.ok()) return report_.add("envelope", parsed.error());
  report_.add("envelope", std::string("DSSE envelope with one signature"));
  envelope_ = std::move(parsed).value();
  if (envelope_.payload_type != kStatementPayloadType) {
    return report_.add("payload_type",
                       input_error("payload_type",
                                   concat("payload type \"",
                                          printable(envelope_.payload_type),
                                          "\"; expected ",
                                          kStatementPayloadType)));
  }
  return report_.add("payload_type", std::string(kStatementPayloadType));
}

void FolderCheck::check_signature(const StatementHead& head) {
  if (crypto::verify_envelope(envelope_, head.key)) {
    report_.add("signature", concat("by ", key_text(head.key)));
  } else {
    report_.add("signature",
                refused("signature", concat("not a signature by ", key_text(head.key))));
  }
}

void FolderCheck::check_evidence(const StatementHead& head, uint32_t life) {
  std::optional<std::string> collateral = relying_party_.collateral;
  if (!collateral && files_->has(kCollateralFile)) {
    const auto file = read(kCollateralFile, attest::verify::kMaxCollateralDocumentBytes);
    if (!file.ok()) {
      report_.add("evidence", file.error());
      return;
    }
    collateral = std::string(as_text(*file));
    covered_.emplace(kCollateralFile);  // by its issuers' signatures, or the evidence fails
  }
  CheckedEvidence evidence;
  if (const auto failure =
          check_evidence_text(head.evidence, collateral, relying_party_, evidence)) {
    report_.fail("evidence", failure->code, failure->message);
    return;
  }
  evidence_ = std::move(evidence);
  simulated_ = evidence_->simulated;
  if (!binds(*evidence_, attest::report_data(head.key, head.job_digest, life))) {
    report_.add("evidence",
                refused("evidence_binding",
                        "the evidence is genuine but binds another key, another job or another "
                        "life"));
    return;
  }
  report_.add("evidence",
              concat(simulated_ ? "simulated TEE" : concat("TEE ", evidence_->facts.kind),
                     "; binds this key, job and life; program measured as ",
                     to_hex(evidence_->facts.measurement)));
}

Result<std::string> FolderCheck::job_file_result(const StatementHead& head) {
  GINN_ASSIGN(const Bytes file, read(kJobFile, kMaxJobBytes));
  if (as_text(file) != head.job) {
    return refused("job_file",
                   concat(kJobFile, " differs from the job in the statement; one was replaced"));
  }
  covered_.emplace(kJobFile);
  return std::string("equals the job in the statement");
}

void FolderCheck::check_your_job(const StatementHead& head) {
  if (relying_party_.brings_job()) {
    report_.add("your_job", your_job_result(head));
  } else {
    report_.skip("your_job", "bring the job (--job FILE) or its digest (--job-digest HEX)");
  }
}

Result<std::string> FolderCheck::your_job_result(const StatementHead& head) {
  std::optional<crypto::Digest> yours = relying_party_.job_digest;
  if (!yours && !relying_party_.job_of_facts) {
    const auto& demand = relying_party_.policy->job_digest;
    if (demand.is_any()) return std::string("your policy takes any job, and you brought none");
    yours = demand.value();
  }
  if (!yours) {
    const Result<job::Job> job = job::parse(head.job);
    if (!job.ok()) {
      return refused("your_job",
                     concat("the run's job cannot be compared with yours: ", job.error().message));
    }
    GINN_ASSIGN(yours, relying_party_.job_of_facts(job->data));
  }
  if (*yours == head.job_digest) {
    return concat("the run's job is yours: ", crypto::tagged(*yours));
  }
  return refused("your_job",
                 concat("the run's job is ",
                        crypto::tagged(head.job_digest),
                        "; yours is ",
                        crypto::tagged(*yours)));
}

void FolderCheck::check_simulated() {
  if (!evidence_) {
    report_.skip("simulated", "the evidence does not verify");
    return;
  }
  if (!simulated_) {
    report_.add("simulated", std::string("evidence of a TEE"));
    return;
  }
  const auto refuse = [this](std::string_view advice) {
    report_.add("simulated", refused("simulated", concat(kSimulatedNote, "; ", advice)));
  };
  if (relying_party_.policy) {
    const auto& kinds = relying_party_.policy->kinds;
    const auto& names = kinds.value();
    if (!kinds.is_any() &&
        std::find(names.begin(), names.end(), policy::kSimulatedTee) != names.end()) {
      report_.add("simulated", concat(kSimulatedNote, "; your policy names it"));
    } else {
      refuse("your policy does not name \"simulated\", and --allow-simulated overrides no policy");
    }
  } else if (relying_party_.allow_simulated) {
    report_.add("simulated", concat(kSimulatedNote, "; allowed by you"));
  } else {
    refuse("--allow-simulated takes it");
  }
}

Result<std::string> FolderCheck::subject_result(const std::vector<Subject>& subjects) {
  std::string names;
  for (const Subject& subject : subjects) {
    GINN_ASSIGN(const Bytes file, read(subject.name, kMaxModelBytes));
    const crypto::Digest found = crypto::sha256(file);
    if (found != subject.sha256) {
      return refused("subject_digest",
                     concat(subject.name,
                            " is ",
                            crypto::tagged(found),
                            "; the statement says ",
                            crypto::tagged(subject.sha256)));
    }
    covered_.insert(subject.name);
    names += concat(names.empty() ? "" : ", ", subject.name, " ", crypto::tagged(found));
  }
  return names;
}

}  // namespace ginn::certificate
