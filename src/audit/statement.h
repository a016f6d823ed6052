#pragma once

#include "certificate/check/bundle.h"
#include "certificate/check/statement.h"
#include "certificate/issue/format.h"
#include "crypto/dsse.h"
#include "job/job.h"

namespace ginn::audit {

// The payload of the bundle's signed statement of this name. Codes: parse_envelope's,
// "audit_no_statement" when the bundle has none.
inline Result<std::string> payload_of(const certificate::Bundle& bundle, std::string_view name) {
  const auto found = bundle.files.find(std::string(name));
  if (found == bundle.files.end()) {
    return input_error("audit_no_statement", std::string("the run has no ") + std::string(name));
  }
  GINN_ASSIGN(const crypto::Envelope envelope,
              crypto::parse_envelope(found->second, certificate::kMaxStatementBytes));
  return std::string(as_text(envelope.payload));
}

}  // namespace ginn::audit
