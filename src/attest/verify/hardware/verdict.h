#pragma once

#include <string>
#include <utility>
#include <vector>

#include "attest/verify/hardware/kind.h"
#include "attest/verify/hardware/policy.h"
#include "base/bytes.h"

namespace ginn::attest::verify {

enum class CheckOutcome : uint8_t {
  kOk,
  kFailed,
  kNotMade,  // an earlier failure left nothing to check
};

struct Check {
  std::string name;  // as docs/evidence.md lists it: "quote signature"
  CheckOutcome outcome = CheckOutcome::kOk;
  std::string code;    // of a failed check, else empty
  std::string detail;  // what was compared with what
};

// Named contents of evidence, hex or decimal: {"mrtd", "91eb..."}.
using NamedField = std::pair<std::string, std::string>;

// What evidence says and whether to believe it. When it is refused, the members are what it claims.
struct EvidenceVerdict {
  bool ok = false;
  std::string code;     // "ok", or the code of the first check that failed
  std::string message;  // of that check
  EvidenceKind kind = EvidenceKind::kSgx;
  Isolation isolation = Isolation::kNoMemoryIsolation;
  std::optional<TcbStatus> tcb_status;  // Intel kinds; absent when nothing could be matched
  std::vector<std::string> advisories;  // sorted, each once
  Bytes measurement;                    // MRENCLAVE, MRTD, MEASUREMENT, PCR0, pcrDigest, ...
  Bytes report_data;
  std::vector<NamedField> fields;
  std::vector<Check> checks;  // in the order in which they were made

  // What a field says, or nullptr.
  const std::string* find_field(std::string_view name) const;
};

// Fills the list of checks. Every kind makes its checks in one order, which decides the code when
// several fail (docs/evidence.md):
//   1. chains: certificates lead to a pinned root, are of the right form, are not revoked
//   2. time: certificates, revocation lists and collateral are valid at the given time
//   3. signatures and bindings: evidence and collateral are signed by those chains' keys
//   4. identity: the collateral or certificate is for this chip and this TCB (FMSPC, HWID)
//   5. policy: TCB status, advisories, debug mode
// A check that fails does not end the list; those that stand on it are noted as not made.
class CheckList {
 public:
  explicit CheckList(EvidenceVerdict& verdict) : verdict_(verdict) {}

  // Ok, or failed with the status's code and message. Returns whether it is ok.
  bool add(std::string_view name, const Status& status, std::string_view detail = {});
  bool add(std::string_view name, bool ok, const char* code, std::string detail);
  void not_made(std::string_view name, std::string_view why);

  // Sets ok, code and message: ok when at least one check was made and all were, and passed.
  void conclude();

 private:
  EvidenceVerdict& verdict_;
};

}  // namespace ginn::attest::verify
