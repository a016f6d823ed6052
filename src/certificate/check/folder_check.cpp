#include "certificate/check/folder_check.h"

#include "attest/verify/evidence.h"
#include "base/file.h"
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

Result<std::string> FolderCheck::evidence_result(const StatementHead& head) {
  GINN_ASSIGN(const attest::VerifiedEvidence evidence, attest::verify_evidence(head.evidence));
  evidence_verified_ = true;
  simulated_ = evidence.simulated;
  if (evidence.report_data != attest::report_data(head.key, head.job_digest)) {
    return refused("evidence_binding",
                   "the evidence is genuine but binds another key or another job");
  }
  return concat(evidence.simulated ? "simulated TEE" : "TEE",
                "; binds this key and this job; program measured as ",
                crypto::tagged(evidence.measurement));
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
  if (!evidence_verified_) {
    report_.skip("simulated", "the evidence does not verify");
  } else if (!simulated_) {
    report_.add("simulated", std::string("evidence of a TEE"));
  } else if (relying_party_.allow_simulated) {
    report_.add("simulated", concat(kSimulatedNote, "; allowed by you"));
  } else {
    report_.add("simulated",
                refused("simulated", concat(kSimulatedNote, "; --allow-simulated takes it")));
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

Result<Bytes> FolderCheck::read(std::string_view name, uint64_t limit) const {
  return read_file(dir_ / name, limit, false);
}

}  // namespace ginn::certificate
