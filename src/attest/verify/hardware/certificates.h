#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "attest/verify/hardware/keys.h"
#include "attest/verify/hardware/roots.h"
#include "attest/verify/hardware/utc_time.h"
#include "base/bytes.h"

struct x509_st;
struct X509_crl_st;

namespace ginn::attest::verify {

inline constexpr size_t kMaxCertificates = 8;              // in one chain
inline constexpr size_t kMaxCertificateBytes = 16 * 1024;  // DER, of one

// A parsed X.509 certificate. Cheap to copy. Nothing about it has been verified.
class Certificate {
 public:
  // Exactly one DER certificate. Code "bad_certificate".
  static Result<Certificate> from_der(ByteView der);

  Bytes der() const;
  Fingerprint fingerprint() const;
  std::string subject() const;  // printable, one line
  Result<VerifyKey> public_key() const;
  // OpenSSL's text of an attribute of the subject ("CN"), or empty.
  std::string subject_attribute(const char* short_name) const;
  // The value (inside the OCTET STRING) of the extension with this dotted OID; absent when there is
  // none. Code "bad_certificate" when there are several.
  Result<std::optional<Bytes>> extension(const char* oid) const;
  x509_st* handle() const { return certificate_.get(); }

 private:
  explicit Certificate(std::shared_ptr<x509_st> certificate)
      : certificate_(std::move(certificate)) {}
  std::shared_ptr<x509_st> certificate_;
};
using Chain = std::vector<Certificate>;

// PEM certificates (with nothing between them but white space, NUL bytes at the end allowed) or one
// DER certificate; 1 to kMaxCertificates. Code "bad_certificate".
Result<Chain> parse_chain(ByteView pem_or_der);

// A parsed certificate revocation list; not verified.
class RevocationList {
 public:
  static Result<RevocationList> from_der(ByteView der);  // code "bad_crl"
  X509_crl_st* handle() const { return crl_.get(); }

 private:
  explicit RevocationList(std::shared_ptr<X509_crl_st> crl) : crl_(std::move(crl)) {}
  std::shared_ptr<X509_crl_st> crl_;
};

enum class SignatureAlgorithm : uint8_t { kEcdsaSha256, kEcdsaSha384, kRsaPssSha384, kOther };

// What a vendor's certificates look like; anything else is refused.
struct ChainRules {
  SignatureAlgorithm signatures = SignatureAlgorithm::kEcdsaSha256;  // of every certificate
  KeyType issuer_keys = KeyType::kP256;                              // of all but the leaf
  KeyType leaf_key = KeyType::kP256;
  size_t certificates_min = 2, certificates_max = kMaxCertificates;  // root included
  bool leaf_needs_key_usage = true;  // digitalSignature; when false, only an absent one is forgiven
  bool needs_crls = false;           // a current list for every issuer, the root's own included
};

// Whether a chain leads to a root and whether it does so at that time: two answers, so that a
// caller can go on after the second. Both are ErrorClass::kRefused.
struct ChainVerdict {
  // In this order: "cert_chain_length", "root_not_pinned", "cert_chain_invalid" (order, names or
  // signatures), "cert_algorithm", "cert_key", "cert_not_ca", "cert_key_usage", "cert_path_length",
  // "crl_missing", "crl_invalid", "cert_revoked".
  Status trust = ok_status();
  // "cert_expired", "not_yet_valid", "collateral_expired" (a revocation list).
  Status time = ok_status();
};

// `chain` is complete and in order: leaf first, each signed by the next, the root last. The
// system's trust store is never read.
ChainVerdict verify_chain(const Chain& chain,
                          const std::vector<Fingerprint>& roots,
                          const std::vector<RevocationList>& crls,
                          UnixSeconds at,
                          const ChainRules& rules);

}  // namespace ginn::attest::verify
