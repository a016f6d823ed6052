#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"

struct evp_pkey_st;

namespace ginn::publish {

// A publisher's ECDSA key on P-256 (FIPS 186-5).
class EcdsaKey {
 public:
  // PEM, not encrypted: PKCS #8 or SEC 1. Code "bad_key".
  static Result<EcdsaKey> from_pem(ByteView pem);
  // With SHA-256; the signature as DER (SEC 1, ECDSA-Sig-Value).
  Bytes sign(ByteView message) const;
  std::string public_pem() const;  // SubjectPublicKeyInfo

 private:
  explicit EcdsaKey(std::shared_ptr<evp_pkey_st> key) : key_(std::move(key)) {}
  std::shared_ptr<evp_pkey_st> key_;
};

}  // namespace ginn::publish
