#include "base/text.h"
#include "certificate/check/folder_check.h"
#include "certificate/issue/format.h"
#include "job/job.h"

namespace ginn::certificate {
namespace {

class RejectionCheck : FolderCheck {
 public:
  RejectionCheck(const RunFiles& files, const RelyingParty& relying_party)
      : FolderCheck(&files, relying_party, kRejectionChecks) {}

  Outcome run() {
    report_.add("folder", files_->description());
    check_file();
    Outcome outcome;
    outcome.verdict = Verdict::kRejected;
    outcome.summary = summary();
    outcome.checks = report_.finish();
    outcome.simulated = simulated_;
    outcome.uncovered_files = files_->uncovered(covered_);
    return outcome;
  }

 private:
  void check_file() {
    const auto file = read(kRejectionFile, kMaxStatementBytes);
    if (!file.ok()) {
      report_.add("rejection", file.error());
      return;
    }
    covered_.emplace(kRejectionFile);
    report_.add("rejection", concat(file->size(), " bytes"));
    if (!open_envelope(*file)) return;
    auto parsed = parse_rejection_statement(as_text(envelope_.payload));
    if (!parsed.ok()) {
      report_.add("statement", parsed.error());
      return;
    }
    report_.add("statement", std::string(kRejectionPredicate));
    statement_ = std::move(parsed).value();
    const StatementHead& head = statement_.head;
    check_signature(head);
    check_evidence(head, statement_.life);
    report_.add("job", job_result());
    report_.add("job_file", job_file_result(head));
    if (head.subjects.empty()) {
      report_.add("rejection_evidence", std::string("none named"));
    } else {
      report_.add("rejection_evidence", subject_result(head.subjects));
    }
    check_your_job(head);
    check_simulated();
  }

  Result<std::string> job_result() {
    GINN_ASSIGN(const job::Job job, job::parse(statement_.head.job));
    if (job::digest(job) != statement_.head.job_digest) {
      return refused("job_digest", "the job's digest is not the one in the statement");
    }
    return concat("canonical, ", crypto::tagged(statement_.head.job_digest));
  }

  std::string summary() const {
    if (!report_.passed("signature") || !report_.passed("evidence")) {
      return concat("REJECTED: there is no ",
                    kCertificateFile,
                    ", and who wrote ",
                    kRejectionFile,
                    " cannot be verified.");
    }
    return concat("REJECTED by the verifier: ",
                  printable(statement_.code, 80),
                  " at step ",
                  statement_.step,
                  ", microbatch ",
                  statement_.microbatch,
                  ": ",
                  printable(statement_.message, kMaxDetailBytes),
                  simulated_ ? concat(". ", kSimulatedNote, ".") : ".");
  }

  RejectionStatement statement_;
};

}  // namespace

Outcome check_rejection(const RunFiles& files, const RelyingParty& relying_party) {
  return RejectionCheck(files, relying_party).run();
}

}  // namespace ginn::certificate
