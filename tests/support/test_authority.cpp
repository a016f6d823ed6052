#include "tests/support/test_authority.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/check.h"
#include "base/text.h"

namespace ginn::test {
namespace {

template <typename T, void (*kFree)(T*)>
struct Free {
  void operator()(T* pointer) const { kFree(pointer); }
};
template <typename T, void (*kFree)(T*)>
using Pointer = std::unique_ptr<T, Free<T, kFree>>;
using Context = Pointer<EVP_MD_CTX, EVP_MD_CTX_free>;
using Certificate = Pointer<X509, X509_free>;

const EVP_MD* digest_of(CertificateSignature signature) {
  const bool sha256 = signature == CertificateSignature::kEcdsaSha256 ||
                      signature == CertificateSignature::kRsaPssSha256;
  return sha256 ? EVP_sha256() : EVP_sha384();
}

bool is_pss(CertificateSignature signature) {
  return signature == CertificateSignature::kRsaPssSha384 ||
         signature == CertificateSignature::kRsaPssSha256;
}

void set_name(X509_NAME* name, const std::string& common_name) {
  const auto* text = reinterpret_cast<const unsigned char*>(common_name.data());
  GINN_CHECK(
      X509_NAME_add_entry_by_txt(
          name, "O", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("Test"), -1, -1, 0) == 1);
  GINN_CHECK(X509_NAME_add_entry_by_txt(
                 name, "CN", MBSTRING_ASC, text, static_cast<int>(common_name.size()), -1, 0) == 1);
}

void add_known(X509* certificate, int nid, const std::string& text) {
  if (text.empty()) return;
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, text.c_str());
  GINN_CHECK(extension != nullptr);
  GINN_CHECK(X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

void add_raw(X509* certificate, const std::string& oid, const Bytes& contents) {
  ASN1_OBJECT* object = OBJ_txt2obj(oid.c_str(), 1);
  ASN1_OCTET_STRING* octets = ASN1_OCTET_STRING_new();
  GINN_CHECK(object != nullptr && octets != nullptr);
  ASN1_OCTET_STRING_set(octets, contents.data(), static_cast<int>(contents.size()));
  X509_EXTENSION* extension = X509_EXTENSION_create_by_OBJ(nullptr, object, 0, octets);
  GINN_CHECK(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
  ASN1_OCTET_STRING_free(octets);
  ASN1_OBJECT_free(object);
}

void sign(X509* certificate, CertificateSignature signature, EVP_PKEY* key) {
  const Context context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* options = nullptr;
  GINN_CHECK(EVP_DigestSignInit(context.get(), &options, digest_of(signature), nullptr, key) == 1);
  if (is_pss(signature)) {
    GINN_CHECK(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1);
    GINN_CHECK(EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) == 1);
  }
  GINN_CHECK(X509_sign_ctx(certificate, context.get()) > 0);
}

}  // namespace

TestKey::TestKey(evp_pkey_st* key) : key_(key, EVP_PKEY_free) { GINN_CHECK(key != nullptr); }

TestKey TestKey::p256() { return TestKey(EVP_EC_gen("P-256")); }
TestKey TestKey::p384() { return TestKey(EVP_EC_gen("P-384")); }

TestKey TestKey::rsa(unsigned bits) {
  const Pointer<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(
      EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* key = nullptr;
  GINN_CHECK(EVP_PKEY_keygen_init(context.get()) == 1 &&
             EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), static_cast<int>(bits)) == 1);
  if (bits >= 4096) GINN_CHECK(EVP_PKEY_CTX_set_rsa_keygen_primes(context.get(), 4) == 1);
  GINN_CHECK(EVP_PKEY_generate(context.get(), &key) == 1);
  return TestKey(key);
}

Bytes make_certificate(const CertificateSpec& spec, const TestKey& key, const TestKey& issuer_key) {
  const Certificate certificate(X509_new());
  GINN_CHECK(certificate != nullptr && X509_set_version(certificate.get(), 2) == 1);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  set_name(X509_get_subject_name(certificate.get()), spec.subject);
  set_name(X509_get_issuer_name(certificate.get()), spec.issuer);
  GINN_CHECK(ASN1_TIME_set(X509_getm_notBefore(certificate.get()), spec.not_before) != nullptr &&
             ASN1_TIME_set(X509_getm_notAfter(certificate.get()), spec.not_after) != nullptr &&
             X509_set_pubkey(certificate.get(), key.handle()) == 1);
  add_known(certificate.get(), NID_basic_constraints, spec.basic_constraints);
  add_known(certificate.get(), NID_key_usage, spec.key_usage);
  for (const auto& [oid, contents] : spec.extensions) add_raw(certificate.get(), oid, contents);
  sign(certificate.get(), spec.signature, issuer_key.handle());
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate.get(), &der);
  GINN_CHECK(size > 0);
  Bytes out(der, der + size);
  OPENSSL_free(der);
  return out;
}

Bytes make_empty_crl(const TestKey& issuer_key, const std::string& issuer) {
  const Pointer<X509_CRL, X509_CRL_free> crl(X509_CRL_new());
  const Pointer<X509_NAME, X509_NAME_free> name(X509_NAME_new());
  const Pointer<ASN1_TIME, ASN1_TIME_free> time(ASN1_TIME_set(nullptr, 1600000000));
  set_name(name.get(), issuer);
  GINN_CHECK(X509_CRL_set_version(crl.get(), 1) == 1 &&
             X509_CRL_set_issuer_name(crl.get(), name.get()) == 1 &&
             X509_CRL_set1_lastUpdate(crl.get(), time.get()) == 1 &&
             X509_CRL_set1_nextUpdate(crl.get(), time.get()) == 1 &&
             X509_CRL_sign(crl.get(), issuer_key.handle(), EVP_sha256()) > 0);
  unsigned char* der = nullptr;
  const int size = i2d_X509_CRL(crl.get(), &der);
  GINN_CHECK(size > 0);
  Bytes out(der, der + size);
  OPENSSL_free(der);
  return out;
}

std::string certificate_pem(ByteView der) {
  const std::string base64 = to_base64(der);
  std::string pem = "-----BEGIN CERTIFICATE-----\n";
  for (size_t i = 0; i < base64.size(); i += 64) pem += base64.substr(i, 64) + "\n";
  return pem + "-----END CERTIFICATE-----\n";
}

Bytes sign_ecdsa(const TestKey& key, ByteView message) {
  const size_t field = EVP_PKEY_get_bits(key.handle()) == 256 ? 32 : 48;
  const Context context(EVP_MD_CTX_new());
  const EVP_MD* digest = field == 32 ? EVP_sha256() : EVP_sha384();
  Bytes der(256);
  size_t size = der.size();
  GINN_CHECK(EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key.handle()) == 1);
  GINN_CHECK(EVP_DigestSign(context.get(), der.data(), &size, message.data(), message.size()) == 1);
  const unsigned char* cursor = der.data();
  const Pointer<ECDSA_SIG, ECDSA_SIG_free> parts(
      d2i_ECDSA_SIG(nullptr, &cursor, static_cast<long>(size)));
  GINN_CHECK(parts != nullptr);
  Bytes r_s(2 * field);
  const int width = static_cast<int>(field);
  GINN_CHECK(BN_bn2binpad(ECDSA_SIG_get0_r(parts.get()), r_s.data(), width) == width);
  GINN_CHECK(BN_bn2binpad(ECDSA_SIG_get0_s(parts.get()), r_s.data() + field, width) == width);
  return r_s;
}

Bytes sign_rsa_sha256(const TestKey& key, ByteView message) {
  const Context context(EVP_MD_CTX_new());
  Bytes signature(512);
  size_t size = signature.size();
  GINN_CHECK(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.handle()) == 1);
  GINN_CHECK(
      EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) == 1);
  signature.resize(size);
  return signature;
}

Bytes public_key_der(const TestKey& key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key.handle(), &der);
  GINN_CHECK(size > 0);
  Bytes out(der, der + size);
  OPENSSL_free(der);
  return out;
}

Bytes rsa_modulus(const TestKey& key) {
  BIGNUM* modulus = nullptr;
  GINN_CHECK(EVP_PKEY_get_bn_param(key.handle(), OSSL_PKEY_PARAM_RSA_N, &modulus) == 1);
  Bytes out(static_cast<size_t>(BN_num_bytes(modulus)));
  BN_bn2bin(modulus, out.data());
  BN_free(modulus);
  return out;
}

}  // namespace ginn::test
