#pragma once

#include <memory>

#include "base/bytes.h"

struct evp_pkey_st;

namespace ginn::attest::verify {

enum class KeyType : uint8_t { kP256, kP384, kRsa2048, kRsa3072, kRsa4096, kOther };
std::string_view key_type_name(KeyType type);

// A public key that checks signatures. Cheap to copy.
class VerifyKey {
 public:
  // x || y, each as long as the curve's field, big-endian. `type` is kP256 or kP384. Code "bad_key"
  // when the point is not on the curve.
  static Result<VerifyKey> from_point(KeyType type, ByteView x_y);
  // SubjectPublicKeyInfo, DER or PEM. Code "bad_key".
  static Result<VerifyKey> from_spki(ByteView spki);
  // Big-endian modulus and exponent. Code "bad_key".
  static Result<VerifyKey> from_rsa(ByteView modulus, ByteView exponent);
  // Takes over one reference.
  static VerifyKey adopt(evp_pkey_st* key);

  KeyType type() const;
  // r || s, each as long as the curve's field, big-endian; SHA-256 with P-256, SHA-384 with P-384.
  // False for a key of another type or a signature of another length.
  bool verify_ecdsa(ByteView message, ByteView r_s) const;
  // RSASSA-PKCS1-v1_5 with SHA-256.
  bool verify_rsa_sha256(ByteView message, ByteView signature) const;
  bool operator==(const VerifyKey& other) const;
  evp_pkey_st* handle() const { return key_.get(); }

 private:
  explicit VerifyKey(std::shared_ptr<evp_pkey_st> key) : key_(std::move(key)) {}
  std::shared_ptr<evp_pkey_st> key_;
};

}  // namespace ginn::attest::verify
