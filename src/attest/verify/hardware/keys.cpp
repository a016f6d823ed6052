#include "attest/verify/hardware/keys.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "attest/verify/hardware/openssl_pointer.h"
#include "base/text.h"

namespace ginn::attest::verify {
namespace {

using KeyPointer = OpensslPointer<EVP_PKEY, EVP_PKEY_free>;
using KeyContext = OpensslPointer<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using DigestContext = OpensslPointer<EVP_MD_CTX, EVP_MD_CTX_free>;
using Parameters = OpensslPointer<OSSL_PARAM, OSSL_PARAM_free>;
using ParameterBuilder = OpensslPointer<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using Number = OpensslPointer<BIGNUM, BN_free>;
using EcdsaSignature = OpensslPointer<ECDSA_SIG, ECDSA_SIG_free>;
using Bio = OpensslPointer<BIO, BIO_free>;

constexpr size_t kMaxSpkiBytes = 4096;
constexpr uint8_t kSequenceTag = 0x30;  // DER starts so, PEM never does

size_t field_bytes(KeyType type) {
  if (type == KeyType::kP256) return 32;
  return type == KeyType::kP384 ? 48 : 0;
}

Result<KeyPointer> build(const char* algorithm, OSSL_PARAM* parameters) {
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, algorithm, nullptr));
  EVP_PKEY* key = nullptr;
  if (context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1) {
    return input_error("bad_key", concat("not a public key of type ", algorithm));
  }
  return KeyPointer(key);
}

bool digest_verify(EVP_PKEY* key, const EVP_MD* digest, ByteView message, ByteView signature) {
  const DigestContext context(EVP_MD_CTX_new());
  return context != nullptr &&
         EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key) == 1 &&
         EVP_DigestVerify(
             context.get(), signature.data(), signature.size(), message.data(), message.size()) ==
             1;
}

}  // namespace

std::string_view key_type_name(KeyType type) {
  switch (type) {
    case KeyType::kP256:
      return "P-256";
    case KeyType::kP384:
      return "P-384";
    case KeyType::kRsa2048:
      return "RSA-2048";
    case KeyType::kRsa3072:
      return "RSA-3072";
    case KeyType::kRsa4096:
      return "RSA-4096";
    case KeyType::kOther:
      return "another type";
  }
  return "";
}

VerifyKey VerifyKey::adopt(evp_pkey_st* key) {
  return VerifyKey(std::shared_ptr<evp_pkey_st>(key, EVP_PKEY_free));
}

Result<VerifyKey> VerifyKey::from_point(KeyType type, ByteView x_y) {
  const QuietErrors quiet;
  const size_t field = field_bytes(type);
  if (field == 0 || x_y.size() != 2 * field) {
    return input_error(
        "bad_key", concat("a point of ", x_y.size(), " bytes is none of ", key_type_name(type)));
  }
  Bytes point = {POINT_CONVERSION_UNCOMPRESSED};
  point.insert(point.end(), x_y.begin(), x_y.end());
  const char* group = type == KeyType::kP256 ? "P-256" : "P-384";
  const ParameterBuilder builder(OSSL_PARAM_BLD_new());
  if (builder == nullptr ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, group, 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(
          builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1) {
    return environment_error("out_of_memory", "OpenSSL cannot build a key");
  }
  const Parameters parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  GINN_ASSIGN(KeyPointer key, build("EC", parameters.get()));
  return adopt(key.release());
}

Result<VerifyKey> VerifyKey::from_spki(ByteView spki) {
  const QuietErrors quiet;
  if (spki.empty() || spki.size() > kMaxSpkiBytes) {
    return input_error("bad_key", concat("a public key of ", spki.size(), " bytes"));
  }
  KeyPointer key;
  if (spki[0] == kSequenceTag) {
    const unsigned char* cursor = spki.data();
    key.reset(d2i_PUBKEY(nullptr, &cursor, static_cast<long>(spki.size())));
    if (key != nullptr && cursor != spki.data() + spki.size()) key.reset();
  } else {
    const Bio bio(BIO_new_mem_buf(spki.data(), static_cast<int>(spki.size())));
    key.reset(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr));
  }
  if (key == nullptr) {
    return input_error("bad_key", "not one SubjectPublicKeyInfo, neither DER nor PEM");
  }
  return adopt(key.release());
}

Result<VerifyKey> VerifyKey::from_rsa(ByteView modulus, ByteView exponent) {
  const QuietErrors quiet;
  constexpr size_t kMaxModulusBytes = 1024, kMaxExponentBytes = 8;
  if (modulus.empty() || modulus.size() > kMaxModulusBytes || exponent.empty() ||
      exponent.size() > kMaxExponentBytes) {
    return input_error(
        "bad_key", concat("an RSA key with ", modulus.size(), " and ", exponent.size(), " bytes"));
  }
  const Number n(BN_bin2bn(modulus.data(), static_cast<int>(modulus.size()), nullptr));
  const Number e(BN_bin2bn(exponent.data(), static_cast<int>(exponent.size()), nullptr));
  const ParameterBuilder builder(OSSL_PARAM_BLD_new());
  if (n == nullptr || e == nullptr || builder == nullptr ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
    return environment_error("out_of_memory", "OpenSSL cannot build a key");
  }
  const Parameters parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  GINN_ASSIGN(KeyPointer key, build("RSA", parameters.get()));
  return adopt(key.release());
}

KeyType VerifyKey::type() const {
  const QuietErrors quiet;
  if (EVP_PKEY_is_a(key_.get(), "RSA") == 1) {
    switch (EVP_PKEY_get_bits(key_.get())) {
      case 2048:
        return KeyType::kRsa2048;
      case 3072:
        return KeyType::kRsa3072;
      case 4096:
        return KeyType::kRsa4096;
      default:
        return KeyType::kOther;
    }
  }
  char group[64] = {};
  if (EVP_PKEY_is_a(key_.get(), "EC") != 1 ||
      EVP_PKEY_get_utf8_string_param(
          key_.get(), OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group, nullptr) != 1) {
    return KeyType::kOther;
  }
  const std::string_view name = group;
  if (name == "prime256v1" || name == "P-256") return KeyType::kP256;
  if (name == "secp384r1" || name == "P-384") return KeyType::kP384;
  return KeyType::kOther;
}

bool VerifyKey::verify_ecdsa(ByteView message, ByteView r_s) const {
  const QuietErrors quiet;
  const KeyType curve = type();
  const size_t field = field_bytes(curve);
  if (field == 0 || r_s.size() != 2 * field) return false;
  const EcdsaSignature signature(ECDSA_SIG_new());
  Number r(BN_bin2bn(r_s.data(), static_cast<int>(field), nullptr));
  Number s(BN_bin2bn(r_s.data() + field, static_cast<int>(field), nullptr));
  if (signature == nullptr || r == nullptr || s == nullptr ||
      ECDSA_SIG_set0(signature.get(), r.get(), s.get()) != 1) {
    return false;
  }
  (void)r.release();  // owned by the signature now
  (void)s.release();
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &der);
  if (size <= 0) return false;
  const Bytes encoded(der, der + size);
  OPENSSL_free(der);
  return digest_verify(
      key_.get(), curve == KeyType::kP256 ? EVP_sha256() : EVP_sha384(), message, encoded);
}

bool VerifyKey::verify_rsa_sha256(ByteView message, ByteView signature) const {
  const QuietErrors quiet;
  if (EVP_PKEY_is_a(key_.get(), "RSA") != 1) return false;
  return digest_verify(key_.get(), EVP_sha256(), message, signature);
}

bool VerifyKey::operator==(const VerifyKey& other) const {
  return EVP_PKEY_eq(key_.get(), other.key_.get()) == 1;
}

}  // namespace ginn::attest::verify
