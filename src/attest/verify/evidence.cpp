#include "attest/verify/evidence.h"

#include <algorithm>

#include "attest/evidence_format.h"
#include "base/text.h"
#include "base/version.h"
#include "crypto/json.h"

namespace ginn::attest {
namespace {

// Public key of the seed in attest/produce/simulated_root.h.
constexpr crypto::PublicKey kSimulatedRoot = {
    0x02, 0x6a, 0xea, 0x93, 0x5f, 0x1a, 0xe9, 0x3a, 0xd2, 0xc8, 0x06, 0xee, 0x6c, 0x26, 0x86, 0x83,
    0x00, 0xf9, 0x67, 0x45, 0x26, 0x16, 0x13, 0xc3, 0xee, 0x0a, 0x9f, 0x00, 0x73, 0x0f, 0x85, 0x15};

struct Root {
  crypto::PublicKey key;
  bool simulated;
};
constexpr Root kRoots[] = {{kSimulatedRoot, true}};

template <size_t kCount>
Status fixed_hex(const crypto::Json& object,
                 std::string_view key,
                 std::array<uint8_t, kCount>& out) {
  GINN_ASSIGN(const std::string text, crypto::string_field(object, key));
  if (text.size() != 2 * kCount) {
    return input_error("evidence_form",
                       concat("evidence key \"",
                              key,
                              "\" has ",
                              text.size(),
                              " characters; expected ",
                              2 * kCount,
                              " hex digits"));
  }
  GINN_ASSIGN(const Bytes bytes, from_hex(text));
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return ok_status();
}

}  // namespace

Result<ClaimedEvidence> parse_evidence(std::string_view text) {
  ClaimedEvidence claimed;
  GINN_ASSIGN(claimed.envelope, crypto::parse_envelope(text, kMaxEvidenceBytes));
  const std::string& type = claimed.envelope.payload_type;
  GINN_TRY(
      refuse_newer_type("evidence_version", "simulated evidence", type, kSimulatedPayloadType));
  if (type != kSimulatedPayloadType) {
    return input_error("evidence_type",
                       concat("evidence of payload type \"",
                              printable(type),
                              "\"; known here: ",
                              kSimulatedPayloadType));
  }
  const std::string_view payload = as_text(claimed.envelope.payload);
  GINN_ASSIGN(const crypto::Json json,
              crypto::parse_json(payload, {.bytes = kMaxEvidenceBytes, .depth = 4}));
  GINN_TRY(crypto::exact_fields(json, {"kind", "measurement", "note", "report_data"}));
  GINN_TRY(fixed_hex(json, "report_data", claimed.report_data));
  GINN_TRY(fixed_hex(json, "measurement", claimed.measurement));
  GINN_ASSIGN(const std::string kind, crypto::string_field(json, "kind"));
  GINN_ASSIGN(const std::string note, crypto::string_field(json, "note"));
  if (kind != kSimulatedKind || note != kSimulatedNote || crypto::canonical_json(json) != payload) {
    return input_error(
        "evidence_form",
        "evidence is not the canonical document of a simulated TEE: expected its kind "
        "and its note, no white space, keys in order");
  }
  return claimed;
}

Result<VerifiedEvidence> verify_evidence(std::string_view text) {
  GINN_ASSIGN(const ClaimedEvidence claimed, parse_evidence(text));
  for (const Root& root : kRoots) {
    if (crypto::verify_envelope(claimed.envelope, root.key)) {
      return VerifiedEvidence{root.simulated, claimed.report_data, claimed.measurement};
    }
  }
  return refused("evidence_signature",
                 "evidence is not signed by any root known here; it may come from a newer program");
}

}  // namespace ginn::attest
