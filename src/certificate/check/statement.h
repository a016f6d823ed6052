#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "certificate/issue/statement.h"
#include "crypto/json.h"

namespace ginn::certificate {

// What certificates and rejections have in common. All of it is claimed until the checks of
// run_check.h are done.
struct StatementHead {
  std::vector<Subject> subjects;
  std::string job;  // canonical text of the embedded object
  crypto::Digest job_digest{};
  crypto::PublicKey key{};
  std::string version;
  std::string evidence;
};

struct CertificateStatement {
  StatementHead head;
  std::string arithmetic_format;
  std::string arithmetic_version;
  crypto::Json guarantee;  // with "replayed"
  uint64_t replayed = 0;
  crypto::Digest transcript_head{};
  uint64_t transcript_entries = 0;
  uint32_t life = 0;
  std::vector<std::string> grants;
  uint64_t batch_norm_samples = 0;
};

struct RejectionStatement {
  StatementHead head;
  std::string code;
  std::string message;
  uint64_t step = 0;
  uint64_t microbatch = 0;
  uint32_t life = 0;
  std::vector<uint64_t> records;                     // of a deviation
  std::optional<crypto::Digest> received, expected;  // of a deviation
};

// From the payload of an envelope: exact fields at every level, canonical JSON. Codes:
// parse_json's, "json_field", "bad_digest", "bad_hex", "bad_key", "statement_type" (_type or
// predicateType), "statement_form" (not canonical, or a value that the format does not allow).
Result<CertificateStatement> parse_certificate_statement(std::string_view payload);
Result<RejectionStatement> parse_rejection_statement(std::string_view payload);

}  // namespace ginn::certificate
