#include "certificate/check/statement.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/text.h"
#include "base/version.h"
#include "certificate/issue/format.h"

namespace ginn::certificate {
namespace {

using crypto::Json;

constexpr size_t kMaxSubjects = 16;
constexpr size_t kMaxNameBytes = 128;
constexpr size_t kMaxGrants = 64;
constexpr size_t kMaxRecords = 65536;

Error bad_form(std::string_view key, std::string_view what) {
  return input_error("statement_form", concat("statement key \"", key, "\": ", what));
}

Result<Json> section(const Json& object,
                     std::string_view key,
                     std::initializer_list<std::string_view> keys) {
  const Json* found = object.find(key);
  if (found == nullptr) return bad_form(key, "missing");
  GINN_TRY(crypto::exact_fields(*found, keys));
  return *found;
}

Result<const Json::Array*> array_field(const Json& object, std::string_view key, size_t limit) {
  const Json* found = object.find(key);
  const Json::Array* array = found == nullptr ? nullptr : found->as_array();
  if (array == nullptr || array->size() > limit) {
    return bad_form(key, concat("expected a list of at most ", limit, " entries"));
  }
  return array;
}

Result<uint64_t> record_index(const Json& value) {
  const std::string text = value.as_string() == nullptr ? "" : *value.as_string();
  uint64_t index = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), index);
  if (read.ec == std::errc() && text == std::to_string(index)) return index;
  return bad_form("records", "expected a list of integers as texts");
}

Result<std::optional<crypto::Digest>> optional_digest(const Json& object, std::string_view key) {
  GINN_ASSIGN(const std::string text, crypto::string_field(object, key));
  if (text.empty()) return std::optional<crypto::Digest>();
  GINN_ASSIGN(const crypto::Digest digest, crypto::parse_tagged(text));
  return std::optional<crypto::Digest>(digest);
}

Status expect_text(const Json& object, std::string_view key, std::string_view expected) {
  GINN_ASSIGN(const std::string found, crypto::string_field(object, key));
  if (found == expected) return ok_status();
  return bad_form(key, concat("is \"", printable(found), "\"; expected \"", expected, "\""));
}

Result<crypto::Digest> digest_field(const Json& object, std::string_view key) {
  GINN_ASSIGN(const std::string text, crypto::string_field(object, key));
  return crypto::parse_tagged(text);
}

// A name that can only be a plain file in the run's folder, and none that has a meaning of its own.
bool is_subject_name(std::string_view name) {
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= kMaxNameBytes && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), is_allowed) && name != kCertificateFile &&
         name != kRejectionFile && name != kJobFile && name != kTranscriptFile &&
         name != kCollateralFile;
}

Result<std::vector<Subject>> parse_subjects(const Json& statement) {
  GINN_ASSIGN(const Json::Array* array, array_field(statement, "subject", kMaxSubjects));
  std::vector<Subject> subjects;
  for (const Json& entry : *array) {
    GINN_TRY(crypto::exact_fields(entry, {"name", "digest"}));
    GINN_ASSIGN(const Json digest, section(entry, "digest", {"sha256"}));
    GINN_ASSIGN(const std::string hex, crypto::string_field(digest, "sha256"));
    Subject subject;
    GINN_ASSIGN(subject.sha256, crypto::parse_tagged(concat("sha256:", hex)));
    GINN_ASSIGN(subject.name, crypto::string_field(entry, "name"));
    if (!is_subject_name(subject.name)) {
      return bad_form("subject",
                      concat("name \"",
                             printable(subject.name),
                             "\"; expected 1 to ",
                             kMaxNameBytes,
                             " of A-Z a-z 0-9 . _ - and no name that a run's folder reserves"));
    }
    for (const Subject& other : subjects) {
      if (other.name == subject.name) {
        return bad_form("subject", concat("\"", subject.name, "\" occurs twice"));
      }
    }
    subjects.push_back(std::move(subject));
  }
  return subjects;
}

Status check_versions(std::string_view type, std::string_view predicate) {
  constexpr auto kCode = "statement_version";
  GINN_TRY(refuse_newer_type(kCode, "in-toto statement", type, kStatementType));
  GINN_TRY(refuse_newer_type(kCode, "certificate", predicate, kTrainingPredicate));
  return refuse_newer_type(kCode, "rejection", predicate, kRejectionPredicate);
}

// The statement's outer form; the predicate is left to the caller.
Result<Json> parse_outer(std::string_view payload, std::string_view predicate_type) {
  GINN_ASSIGN(const Json json, crypto::parse_json(payload, {.bytes = kMaxStatementBytes}));
  GINN_TRY(crypto::exact_fields(json, {"_type", "subject", "predicateType", "predicate"}));
  GINN_ASSIGN(const std::string type, crypto::string_field(json, "_type"));
  GINN_ASSIGN(const std::string found, crypto::string_field(json, "predicateType"));
  GINN_TRY(check_versions(type, found));
  if (type != kStatementType || found != predicate_type) {
    return input_error("statement_type",
                       concat("statement of type \"",
                              printable(type),
                              "\" with predicate \"",
                              printable(found),
                              "\"; expected ",
                              kStatementType,
                              " and ",
                              predicate_type));
  }
  if (crypto::canonical_json(json) != payload) {
    return input_error("statement_form", "statement is not in canonical form (RFC 8785)");
  }
  return json;
}

Result<StatementHead> parse_head(const Json& statement, std::string_view verdict) {
  const Json& predicate = *statement.find("predicate");
  StatementHead head;
  GINN_TRY(expect_text(predicate, "verdict", verdict));
  GINN_ASSIGN(head.subjects, parse_subjects(statement));
  const Json& job = *predicate.find("job");
  if (job.as_object() == nullptr) return bad_form("job", "expected an object");
  head.job = crypto::canonical_json(job);
  GINN_ASSIGN(head.job_digest, digest_field(predicate, "jobDigest"));
  GINN_ASSIGN(const Json verifier,
              section(predicate, "verifier", {"program", "version", "publicKey", "evidence"}));
  GINN_TRY(expect_text(verifier, "program", kVerifierProgram));
  GINN_ASSIGN(head.version, crypto::string_field(verifier, "version"));
  GINN_ASSIGN(const std::string key, crypto::string_field(verifier, "publicKey"));
  GINN_ASSIGN(head.key, parse_key(key));
  GINN_ASSIGN(head.evidence, crypto::string_field(verifier, "evidence"));
  return head;
}

Result<uint32_t> life_field(const Json& object) {
  GINN_ASSIGN(const uint64_t life, crypto::integer_field(object, "life"));
  if (life < 1 || life > std::numeric_limits<uint32_t>::max()) {
    return bad_form("life", concat("is ", life, "; expected 1 to 2^32 - 1"));
  }
  return static_cast<uint32_t>(life);
}

Status parse_transcript(const Json& predicate, CertificateStatement& out) {
  GINN_ASSIGN(const Json transcript, section(predicate, "transcript", {"head", "entries", "life"}));
  GINN_ASSIGN(out.transcript_head, digest_field(transcript, "head"));
  GINN_ASSIGN(out.transcript_entries, crypto::integer_field(transcript, "entries"));
  GINN_ASSIGN(out.life, life_field(transcript));
  return ok_status();
}

}  // namespace

Result<CertificateStatement> parse_certificate_statement(std::string_view payload) {
  GINN_ASSIGN(const Json statement, parse_outer(payload, kTrainingPredicate));
  const Json& predicate = *statement.find("predicate");
  GINN_TRY(crypto::exact_fields(predicate,
                                {"verdict",
                                 "job",
                                 "jobDigest",
                                 "arithmetic",
                                 "guarantee",
                                 "transcript",
                                 "verifier",
                                 "grants",
                                 "batchNormSamples"}));
  CertificateStatement out;
  GINN_ASSIGN(out.head, parse_head(statement, "accepted"));
  if (out.head.subjects.empty() || out.head.subjects.front().name != kModelFile) {
    return bad_form("subject", concat("the first subject must be ", kModelFile));
  }
  GINN_ASSIGN(const Json arithmetic, section(predicate, "arithmetic", {"format", "version"}));
  GINN_ASSIGN(out.arithmetic_format, crypto::string_field(arithmetic, "format"));
  GINN_ASSIGN(out.arithmetic_version, crypto::string_field(arithmetic, "version"));
  GINN_ASSIGN(out.guarantee,
              section(predicate,
                      "guarantee",
                      {"statement",
                       "probability",
                       "budget",
                       "contributions",
                       "replayed",
                       "expectedReplays",
                       "q",
                       "threshold",
                       "verify",
                       "verifyLast",
                       "lives"}));
  GINN_ASSIGN(out.replayed, crypto::integer_field(out.guarantee, "replayed"));
  GINN_TRY(parse_transcript(predicate, out));
  GINN_ASSIGN(const Json::Array* grants, array_field(predicate, "grants", kMaxGrants));
  for (const Json& grant : *grants) {
    if (grant.as_string() == nullptr) return bad_form("grants", "expected a list of texts");
    out.grants.push_back(*grant.as_string());
  }
  GINN_ASSIGN(out.batch_norm_samples, crypto::integer_field(predicate, "batchNormSamples"));
  return out;
}

Result<RejectionStatement> parse_rejection_statement(std::string_view payload) {
  GINN_ASSIGN(const Json statement, parse_outer(payload, kRejectionPredicate));
  const Json& predicate = *statement.find("predicate");
  GINN_TRY(crypto::exact_fields(predicate,
                                {"verdict",
                                 "job",
                                 "jobDigest",
                                 "code",
                                 "message",
                                 "step",
                                 "microbatch",
                                 "life",
                                 "records",
                                 "received",
                                 "expected",
                                 "verifier"}));
  RejectionStatement out;
  GINN_ASSIGN(out.head, parse_head(statement, "rejected"));
  const auto& subjects = out.head.subjects;
  if (subjects.size() > 1 || (!subjects.empty() && subjects[0].name != kRejectionEvidenceFile)) {
    return bad_form("subject", concat("expected none, or only ", kRejectionEvidenceFile));
  }
  GINN_ASSIGN(out.code, crypto::string_field(predicate, "code"));
  GINN_ASSIGN(out.message, crypto::string_field(predicate, "message"));
  GINN_ASSIGN(out.step, crypto::integer_field(predicate, "step"));
  GINN_ASSIGN(out.microbatch, crypto::integer_field(predicate, "microbatch"));
  GINN_ASSIGN(out.life, life_field(predicate));
  GINN_ASSIGN(const Json::Array* records, array_field(predicate, "records", kMaxRecords));
  for (const Json& record : *records) {
    GINN_ASSIGN(const uint64_t index, record_index(record));
    out.records.push_back(index);
  }
  GINN_ASSIGN(out.received, optional_digest(predicate, "received"));
  GINN_ASSIGN(out.expected, optional_digest(predicate, "expected"));
  return out;
}

}  // namespace ginn::certificate
