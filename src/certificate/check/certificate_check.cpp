#include <algorithm>
#include <cmath>
#include <optional>

#include "base/text.h"
#include "certificate/check/folder_check.h"
#include "certificate/check/lives.h"
#include "certificate/issue/format.h"
#include "job/job.h"
#include "protocol/transcript.h"

namespace ginn::certificate {
namespace {

using protocol::ReplayedTranscript;

// At most 2^40 contributions are expected: far below 2^63 tenths.
std::string one_decimal(double value) {
  const auto tenths = static_cast<uint64_t>(std::llround(value * 10.0));
  return concat(tenths / 10, ".", tenths % 10);
}

class CertificateCheck : FolderCheck {
 public:
  CertificateCheck(const Result<std::unique_ptr<RunFiles>>& files,
                   const RelyingParty& relying_party,
                   std::span<const std::string_view> names)
      : FolderCheck(files.ok() ? files->get() : nullptr, relying_party, names) {}

  Outcome run(const Result<std::unique_ptr<RunFiles>>& files) {
    if (files.ok()) {
      check_folder();
    } else {
      report_.add("folder", files.error());
    }
    if (relying_party_.policy) check_policy();
    Outcome outcome;
    outcome.checks = report_.finish();
    outcome.simulated = simulated_;
    if (files_ != nullptr) outcome.uncovered_files = files_->uncovered(covered_);
    outcome.verdict = verdict(outcome.checks);
    if (outcome.verdict == Verdict::kAccepted) {
      outcome.guarantee = *crypto::string_field(statement_.guarantee, "statement");
    }
    outcome.summary = summary(outcome);
    return outcome;
  }

 private:
  void check_folder() {
    report_.add("folder", files_->description());
    const auto file = certificate_file();
    if (!file.ok()) {
      report_.add("certificate", file.error());
      return;
    }
    report_.add("certificate", concat(file->size(), " bytes"));
    if (!open_envelope(*file)) return;
    auto parsed = parse_certificate_statement(as_text(envelope_.payload));
    if (!parsed.ok()) {
      report_.add("statement", parsed.error());
      return;
    }
    report_.add("statement", std::string(kTrainingPredicate));
    statement_ = std::move(parsed).value();
    check_statement();
  }

  Result<Bytes> certificate_file() {
    if (files_->has(kRejectionFile) && files_->has(kCertificateFile)) {
      return refused("both_verdicts",
                     concat("the folder has both ",
                            kCertificateFile,
                            " and ",
                            kRejectionFile,
                            "; a run leaves one of them"));
    }
    GINN_ASSIGN(Bytes file, read(kCertificateFile, kMaxStatementBytes));
    covered_.emplace(kCertificateFile);
    return file;
  }

  void check_statement() {
    const StatementHead& head = statement_.head;
    check_signature(head);
    check_evidence(head, statement_.life);
    report_.add("job", job_result());
    report_.add("job_file", job_file_result(head));
    if (job_ && terms_) {
      report_.add("guarantee", guarantee_result());
      report_.add("replayed", replayed_result());
      report_.add("transcript", transcript_result());
    }
    report_.add("model", subject_result(head.subjects));
    if (job_) report_.add("grants", grants_result());
    check_your_job(head);
    check_simulated();
  }

  Result<std::string> job_result() {
    GINN_ASSIGN(job::Job job, job::parse(statement_.head.job));
    GINN_ASSIGN(guarantee::Sampling sampling, job::sampling(job));
    terms_ = Terms{job.probability,
                   job.budget,
                   job.verify,
                   job.verify_last,
                   job.lives,
                   job.steps,
                   std::move(sampling),
                   job.unlimited_attempts};
    job_ = std::move(job);
    if (job::digest(*job_) != statement_.head.job_digest) {
      return refused("job_digest",
                     concat("the job's digest is ",
                            crypto::tagged(job::digest(*job_)),
                            "; the statement says ",
                            crypto::tagged(statement_.head.job_digest)));
    }
    if (statement_.arithmetic_format != job_->format ||
        statement_.arithmetic_version != kArithmeticVersion ||
        statement_.batch_norm_samples != job_->bn_samples) {
      return refused("job_mismatch",
                     concat("arithmetic ",
                            printable(statement_.arithmetic_format, 40),
                            " version ",
                            printable(statement_.arithmetic_version, 40),
                            " with ",
                            statement_.batch_norm_samples,
                            " batch-norm samples; the job needs ",
                            job_->format,
                            " version ",
                            kArithmeticVersion,
                            " with ",
                            job_->bn_samples));
    }
    return concat("canonical, ", crypto::tagged(statement_.head.job_digest));
  }

  // With the run's own count of replays put in, everything must come out alike.
  Result<std::string> guarantee_result() {
    const crypto::Json expected = guarantee_json(*terms_, statement_.replayed);
    for (const auto& [key, value] : *expected.as_object()) {
      const crypto::Json* found = statement_.guarantee.find(key);
      if (found == nullptr || !(*found == value)) {
        return refused("guarantee",
                       concat("key \"",
                              key,
                              "\" is ",
                              found == nullptr ? "missing" : crypto::canonical_json(*found),
                              "; the job gives ",
                              crypto::canonical_json(value)));
      }
    }
    return std::string("recomputed from the job; the sentence is below");
  }

  Result<std::string> replayed_result() {
    const uint64_t total = terms_->sampling.contributions();
    const uint64_t least = terms_->forced_replays();
    if (statement_.replayed > total || statement_.replayed < least) {
      return refused("replayed",
                     concat(statement_.replayed,
                            " contributions replayed; the job allows ",
                            least,
                            " to ",
                            total));
    }
    return concat(statement_.replayed,
                  " of ",
                  total,
                  " contributions replayed, ",
                  one_decimal(terms_->sampling.expected_replays()),
                  " expected");
  }

  Result<std::string> transcript_result() {
    const StatementHead& head = statement_.head;
    GINN_ASSIGN(const Bytes file, read(kTranscriptFile, protocol::kMaxTranscriptBytes));
    GINN_ASSIGN(const ReplayedTranscript replayed,
                protocol::replay_transcript(as_text(file), head.job_digest, lives_of_grants()));
    const uint64_t count = replayed.lines;
    if (replayed.head != statement_.transcript_head || count != statement_.transcript_entries) {
      return refused("transcript",
                     concat(kTranscriptFile,
                            " has ",
                            count,
                            " entries with head ",
                            crypto::tagged(replayed.head),
                            "; the certificate says ",
                            statement_.transcript_entries,
                            " with head ",
                            crypto::tagged(statement_.transcript_head)));
    }
    const uint64_t last = replayed.entries.empty() ? 0 : replayed.entries.back().step;
    if (last != job_->steps) {
      return refused("transcript",
                     concat("the last entry is of step ", last, "; the job has ", job_->steps));
    }
    covered_.emplace(kTranscriptFile);
    return concat(count, " entries recomputed up to step ", last);
  }

  // As the grants say, which are judged by the check of their own; the signer's where one cannot be
  // read.
  std::vector<protocol::TranscriptLife> lives_of_grants() const {
    const protocol::TranscriptLife own{statement_.head.key, statement_.life};
    auto lives = lives_of(statement_.grants, own);
    if (!lives.ok()) return {own};
    return std::move(*lives);
  }

  Result<std::string> grants_result() {
    if (!evidence_) {
      return refused("grants", "not checked: the evidence does not verify");
    }
    LivesExpected expected;
    expected.nonce = job_->nonce;
    expected.job_digest = statement_.head.job_digest;
    expected.lives = job_->lives;
    expected.unlimited_attempts = job_->unlimited_attempts;
    expected.verifier_key = statement_.head.key;
    expected.life = statement_.life;
    expected.simulated = simulated_;
    expected.owner = owner();
    GINN_ASSIGN(const LivesFound found, check_lives(statement_.grants, expected));
    if (job_->unlimited_attempts) return std::string("none: the job does not limit attempts");
    std::string detail = concat("life ", statement_.life, " of at most ", job_->lives, " granted");
    if (found.local) {
      detail += "; signed locally by the host that ran the training: SIMULATED";
      simulated_ = true;
    }
    return detail;
  }

  // With a policy, whose key it must be is for "policy_grants" to say.
  std::optional<crypto::PublicKey> owner() const {
    if (relying_party_.owner_key || !relying_party_.policy || statement_.grants.empty()) {
      return relying_party_.owner_key;
    }
    const auto last = check_grant(statement_.grants.back());
    if (!last.ok() || last->local) return std::nullopt;
    return last->owner;
  }

  // Facts that did not verify stay absent.
  policy::Facts facts() const {
    policy::Facts facts;
    if (evidence_ && report_.passed("evidence")) facts.tee = evidence_->facts;
    if (report_.passed("job")) {
      policy::JobFacts job;
      job.digest = statement_.head.job_digest;
      job.dataset_root = job_->data.root();
      job.probability = job_->probability;
      job.budget_contributions = terms_->sampling.budget_contributions();
      job.contributions = terms_->sampling.contributions();
      job.replays_all = terms_->forced_replays() == job.contributions;
      job.lives = job_->lives;
      job.unlimited_attempts = job_->unlimited_attempts;
      facts.job = job;
    }
    if (report_.passed("grants")) {
      facts.grants.emplace();
      for (const std::string& text : statement_.grants) {
        const auto grant = check_grant(text);
        if (grant.ok()) facts.grants->push_back({grant->owner, grant->local});
      }
    }
    return facts;
  }

  void check_policy() {
    for (const policy::Finding& finding : policy::evaluate(*relying_party_.policy, facts())) {
      const std::string compared =
          concat(finding.found, "; your policy demands: ", finding.demanded);
      switch (finding.outcome) {
        case policy::Outcome::kMet:
          report_.add(finding.name, compared);
          break;
        case policy::Outcome::kNotMet:
          report_.fail(finding.name, finding.name, compared);
          break;
        case policy::Outcome::kNotChecked:
          report_.skip(
              finding.name,
              concat("what your policy judges did not verify; it demands: ", finding.demanded));
          break;
      }
    }
  }

  // The job that nobody brought costs the acceptance, but is no failure of the run.
  bool fails(const Check& check) const {
    return !check.ok && (check.name != "your_job" || relying_party_.brings_job());
  }

  Verdict verdict(const std::vector<Check>& checks) const {
    for (const Check& check : checks) {
      if (fails(check)) return Verdict::kRejected;
    }
    return relying_party_.brings_job() ? Verdict::kAccepted : Verdict::kConsistent;
  }

  std::string summary(const Outcome& outcome) const {
    const std::string note = outcome.simulated ? concat(" ", kSimulatedNote, ".") : "";
    switch (outcome.verdict) {
      case Verdict::kAccepted:
        return concat("ACCEPTED. ", outcome.guarantee, note);
      case Verdict::kConsistent:
        return concat(
            "CONSISTENT, not accepted: the folder agrees with itself, but no job was brought to "
            "check it against.",
            note);
      case Verdict::kRejected:
        break;
    }
    const auto failed = std::find_if(outcome.checks.begin(),
                                     outcome.checks.end(),
                                     [this](const Check& check) { return fails(check); });
    // The detail of "simulated" begins with that word itself.
    if (failed->name == "simulated") return concat("REJECTED: ", failed->detail);
    return concat("REJECTED: ", failed->name, ": ", failed->detail);
  }

  CertificateStatement statement_;
  std::optional<job::Job> job_;
  std::optional<Terms> terms_;
};

}  // namespace

Outcome check_certificate(const Result<std::unique_ptr<RunFiles>>& files,
                          const RelyingParty& relying_party) {
  std::vector<std::string_view> names(std::begin(kCertificateChecks), std::end(kCertificateChecks));
  if (relying_party.policy) {
    names.insert(names.end(), std::begin(policy::kFindings), std::end(policy::kFindings));
  }
  return CertificateCheck(files, relying_party, names).run(files);
}

}  // namespace ginn::certificate
