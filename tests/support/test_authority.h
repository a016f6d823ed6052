#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"

struct evp_pkey_st;

namespace ginn::test {

// A private key of an authority that tests make up. Cheap to copy.
class TestKey {
 public:
  static TestKey p256();
  static TestKey p384();
  static TestKey rsa(unsigned bits);  // of four primes from 4096 bits on, which is quick to find
  evp_pkey_st* handle() const { return key_.get(); }

 private:
  explicit TestKey(evp_pkey_st* key);
  std::shared_ptr<evp_pkey_st> key_;
};

enum class CertificateSignature {
  kEcdsaSha256,
  kEcdsaSha384,
  kRsaPssSha384,
  kRsaPssSha256,
  kRsaSha384
};

struct CertificateSpec {
  std::string subject, issuer;                              // common names
  int64_t not_before = 1600000000, not_after = 2000000000;  // 2020-09-13 to 2033-05-18
  std::string basic_constraints =
      {};                      // OpenSSL's text, "critical,CA:TRUE,pathlen:0"; empty: absent
  std::string key_usage = {};  // "critical,keyCertSign"; empty: absent
  std::vector<std::pair<std::string, Bytes>> extensions =
      {};  // dotted OID, contents of OCTET STRING
  CertificateSignature signature = CertificateSignature::kEcdsaSha384;
};

// DER of a certificate for `key`, signed by `issuer_key`.
Bytes make_certificate(const CertificateSpec& spec, const TestKey& key, const TestKey& issuer_key);
std::string certificate_pem(ByteView der);
// DER of a revocation list that revokes nothing, issued by the authority of that common name.
Bytes make_empty_crl(const TestKey& issuer_key, const std::string& issuer);

// r || s over `message`, each as long as the curve's field, with the hash that goes with the curve.
Bytes sign_ecdsa(const TestKey& key, ByteView message);
Bytes sign_rsa_sha256(const TestKey& key, ByteView message);  // RSASSA-PKCS1-v1_5
Bytes public_key_der(const TestKey& key);                     // SubjectPublicKeyInfo
Bytes rsa_modulus(const TestKey& key);                        // big-endian; the exponent is 65537

}  // namespace ginn::test
