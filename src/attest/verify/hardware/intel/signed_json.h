#pragma once

#include <string_view>

#include "attest/verify/hardware/utc_time.h"
#include "base/bytes.h"
#include "crypto/json.h"

namespace ginn::attest::verify {

// A body of Intel's Provisioning Certification Service: {"tcbInfo":{...},"signature":"hex"}.
struct SignedJson {
  crypto::Json value;            // of the member
  std::string_view signed_text;  // its exact bytes, which the signature is over
  Bytes signature;               // r || s, 64
};

// `text` outlives the result. Codes: parse_json's, "json_field", "bad_hex", and `form_code` when
// the member's bytes cannot be told apart in the text.
Result<SignedJson> parse_signed_json(std::string_view text,
                                     std::string_view member,
                                     const char* form_code);

// Members that Intel's documents share; `form_code` when one is absent or of another form.
class JsonMembers {
 public:
  JsonMembers(const crypto::Json& object, const char* form_code)
      : object_(object), form_code_(form_code) {}

  Result<std::string> text(std::string_view key) const;
  Result<Bytes> hex(std::string_view key, size_t bytes) const;  // either case
  Result<uint64_t> integer(std::string_view key, uint64_t most) const;
  Result<UnixSeconds> time(std::string_view key) const;
  // At most `most` elements.
  Result<const crypto::Json::Array*> array(std::string_view key, size_t most) const;
  Result<const crypto::Json*> object(std::string_view key) const;
  Error wrong(std::string_view key, std::string_view expected) const;

 private:
  const crypto::Json& object_;
  const char* form_code_;
};

}  // namespace ginn::attest::verify
