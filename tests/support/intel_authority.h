#pragma once

#include "attest/verify/hardware/context.h"
#include "tests/support/test_authority.h"

namespace ginn::test {

// DER of a revocation list. Every certificate that make_certificate() makes has serial number 1.
struct CrlSpec {
  std::string issuer;
  int64_t last_update = 1690000000, next_update = 1710000000;  // around FakeIntel's time
  std::vector<int64_t> revoked = {};
};
Bytes make_crl(const CrlSpec& spec, const TestKey& issuer_key);

struct IntelSet {
  Bytes quote;
  attest::verify::Collateral collateral;
  attest::verify::RootSet roots;
};

// A made-up Intel: root, PCK authority, PCK, TCB signing, a quoting enclave and its quotes. Tests
// change what they want wrong, then ask for a verdict.
struct FakeIntel {
  TestKey root_key = TestKey::p256(), ca_key = TestKey::p256(), pck_key = TestKey::p256();
  TestKey signing_key = TestKey::p256(), attestation_key = TestKey::p256();
  CertificateSpec root, ca, pck, signing;
  CrlSpec ca_crl, root_crl;
  std::vector<int> pck_order = {0, 1, 2};  // of PCK, authority, root in the quote
  uint16_t version = 4;                    // 3: SGX; 4: TDX; 5: TDX 1.5
  Bytes body;                              // of the quote
  Bytes qe_report;                         // without its report data, which quote() fills in
  Bytes auth_data = Bytes(32, 7);
  std::string tcb_info, qe_identity;  // the signed members' text
  attest::verify::UnixSeconds at = 1700000000;

  explicit FakeIntel(uint16_t quote_version = 4);
  IntelSet build() const;
  Result<attest::verify::EvidenceVerdict> check(
      const attest::verify::Policy& policy = attest::verify::Policy()) const;
  // Of the verdict or of the error.
  std::string code(const attest::verify::Policy& policy = attest::verify::Policy()) const;

 private:
  Bytes quote(const Bytes& root_der) const;
  attest::verify::Collateral collateral(const Bytes& root_der) const;
};

// The first `from` in `text` becomes `to`; aborts when there is none.
void replace_text(std::string& text, std::string_view from, std::string_view to);

}  // namespace ginn::test
