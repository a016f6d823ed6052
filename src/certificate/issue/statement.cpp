#include "certificate/issue/statement.h"

#include "base/text.h"
#include "certificate/issue/format.h"
#include "crypto/dsse.h"
#include "crypto/json.h"

namespace ginn::certificate {
namespace {

using crypto::Json;

// Base64 turns 3 bytes into 4; the envelope around the payload is below 1 KiB.
constexpr size_t kMaxPayloadBytes = (kMaxStatementBytes - 1024) / 4 * 3;

Json verifier_json(const crypto::SigningKey& key, const VerifierIdentity& verifier) {
  Json::Object out;
  out["program"] = kVerifierProgram;
  out["version"] = verifier.version;
  out["publicKey"] = key_text(key.public_key());
  out["evidence"] = verifier.evidence;
  return out;
}

Json subjects_json(const std::vector<Subject>& subjects) {
  Json::Array out;
  for (const Subject& subject : subjects) {
    Json::Object digest;
    digest["sha256"] = crypto::hex(subject.sha256);
    Json::Object entry;
    entry["name"] = subject.name;
    entry["digest"] = std::move(digest);
    out.emplace_back(std::move(entry));
  }
  return out;
}

// The members that both predicates begin with.
Result<Json::Object> common_predicate(const std::string& job, std::string_view verdict) {
  Json::Object out;
  out["verdict"] = verdict;
  GINN_ASSIGN(out["job"], crypto::parse_json(job));
  out["jobDigest"] = crypto::tagged(crypto::sha256(as_bytes(job)));
  return out;
}

Result<std::string> sign_statement(const crypto::SigningKey& key,
                                   const std::vector<Subject>& subjects,
                                   std::string_view predicate_type,
                                   Json::Object predicate) {
  Json::Object statement;
  statement["_type"] = kStatementType;
  statement["subject"] = subjects_json(subjects);
  statement["predicateType"] = predicate_type;
  statement["predicate"] = std::move(predicate);
  const std::string payload = crypto::canonical_json(std::move(statement));
  if (payload.size() > kMaxPayloadBytes) {
    return input_error(
        "statement_too_large",
        concat("statement has ", payload.size(), " bytes; at most ", kMaxPayloadBytes));
  }
  return crypto::sign_envelope(key, kStatementPayloadType, as_bytes(payload));
}

std::string optional_digest(const std::optional<crypto::Digest>& digest) {
  return digest ? crypto::tagged(*digest) : std::string();
}

}  // namespace

Result<std::string> issue_certificate(const crypto::SigningKey& key, const Claim& claim) {
  GINN_ASSIGN(Json::Object predicate, common_predicate(claim.job, "accepted"));
  Json::Object arithmetic;
  arithmetic["format"] = claim.arithmetic_format;
  arithmetic["version"] = kArithmeticVersion;
  predicate["arithmetic"] = std::move(arithmetic);
  predicate["guarantee"] = guarantee_json(claim.terms, claim.replayed);
  Json::Object transcript;
  transcript["head"] = crypto::tagged(claim.transcript_head);
  transcript["entries"] = Json::integer(claim.transcript_entries);
  transcript["life"] = Json::integer(claim.life);
  predicate["transcript"] = std::move(transcript);
  predicate["verifier"] = verifier_json(key, claim.verifier);
  Json::Array grants;
  for (const std::string& grant : claim.grants) grants.emplace_back(grant);
  predicate["grants"] = std::move(grants);
  predicate["batchNormSamples"] = Json::integer(claim.batch_norm_samples);
  return sign_statement(key, claim.subjects, kTrainingPredicate, std::move(predicate));
}

Result<std::string> issue_rejection(const crypto::SigningKey& key, const RejectionClaim& claim) {
  GINN_ASSIGN(Json::Object predicate, common_predicate(claim.job, "rejected"));
  predicate["code"] = claim.code;
  predicate["message"] = printable(claim.message, 2000);
  predicate["step"] = Json::integer(claim.step);
  predicate["microbatch"] = Json::integer(claim.microbatch);
  predicate["life"] = Json::integer(claim.life);
  Json::Array records;
  for (uint64_t record : claim.records) records.emplace_back(std::to_string(record));
  predicate["records"] = std::move(records);
  predicate["received"] = optional_digest(claim.received);
  predicate["expected"] = optional_digest(claim.expected);
  predicate["verifier"] = verifier_json(key, claim.verifier);
  std::vector<Subject> subjects;
  if (claim.evidence_file) {
    subjects.push_back({std::string(kRejectionEvidenceFile), *claim.evidence_file});
  }
  return sign_statement(key, subjects, kRejectionPredicate, std::move(predicate));
}

}  // namespace ginn::certificate
