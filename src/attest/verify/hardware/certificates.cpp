#include "attest/verify/hardware/certificates.h"

#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "attest/verify/hardware/der.h"
#include "attest/verify/hardware/openssl_pointer.h"
#include "base/text.h"
#include "crypto/sha256.h"

namespace ginn::attest::verify {
namespace {

using Oid = OpensslPointer<ASN1_OBJECT, ASN1_OBJECT_free>;
using Bio = OpensslPointer<BIO, BIO_free>;

constexpr std::string_view kPemBegin = "-----BEGIN CERTIFICATE-----";
constexpr std::string_view kPemEnd = "-----END CERTIFICATE-----";

Error bad_certificate(std::string message) {
  return input_error("bad_certificate", std::move(message));
}

// The bytes between the two lines of a PEM certificate, white space removed.
Result<Bytes> pem_body(std::string_view body) {
  std::string base64;
  for (const char c : body) {
    if (c != '\n' && c != '\r' && c != ' ' && c != '\t') base64 += c;
  }
  const auto der = from_base64(base64);
  if (!der.ok()) return bad_certificate("a PEM certificate whose base64 cannot be decoded");
  return der;
}

bool is_blank(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return c == '\n' || c == '\r' || c == ' ' || c == '\t' || c == '\0';
  });
}

Result<Chain> parse_pem_chain(std::string_view text) {
  Chain chain;
  while (!is_blank(text)) {
    const size_t begin = text.find(kPemBegin);
    if (begin == std::string_view::npos || !is_blank(text.substr(0, begin))) {
      return bad_certificate(
          concat("text that is no PEM certificate: \"", printable(text, 40), '"'));
    }
    text.remove_prefix(begin + kPemBegin.size());
    const size_t end = text.find(kPemEnd);
    if (end == std::string_view::npos) {
      return bad_certificate("a PEM certificate that does not end");
    }
    if (chain.size() == kMaxCertificates) {
      return bad_certificate(concat("more than ", kMaxCertificates, " certificates"));
    }
    GINN_ASSIGN(const Bytes der, pem_body(text.substr(0, end)));
    GINN_ASSIGN(Certificate certificate, Certificate::from_der(der));
    chain.push_back(std::move(certificate));
    text.remove_prefix(end + kPemEnd.size());
  }
  if (chain.empty()) return bad_certificate("no certificate at all");
  return chain;
}

}  // namespace

Result<Certificate> Certificate::from_der(ByteView der) {
  const QuietErrors quiet;
  if (der.empty() || der.size() > kMaxCertificateBytes) {
    return bad_certificate(
        concat("a certificate of ", der.size(), " bytes; at most ", kMaxCertificateBytes));
  }
  const unsigned char* cursor = der.data();
  std::shared_ptr<X509> certificate(d2i_X509(nullptr, &cursor, static_cast<long>(der.size())),
                                    X509_free);
  if (certificate == nullptr || cursor != der.data() + der.size()) {
    return bad_certificate("bytes that are not exactly one DER certificate");
  }
  Certificate parsed(std::move(certificate));
  // One encoding a certificate: what is hashed and verified is what was handed over.
  const Bytes again = parsed.der();
  if (!std::equal(again.begin(), again.end(), der.begin(), der.end())) {
    return bad_certificate("a certificate that is not DER");
  }
  return parsed;
}

Bytes Certificate::der() const {
  unsigned char* buffer = nullptr;
  const int size = i2d_X509(certificate_.get(), &buffer);
  GINN_CHECK(size > 0);
  Bytes der(buffer, buffer + size);
  OPENSSL_free(buffer);
  return der;
}

Fingerprint Certificate::fingerprint() const { return crypto::sha256(der()); }

std::string Certificate::subject() const {
  const QuietErrors quiet;
  const Bio bio(BIO_new(BIO_s_mem()));
  if (bio == nullptr) return "";
  X509_NAME_print_ex(bio.get(),
                     X509_get_subject_name(certificate_.get()),
                     0,
                     XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return size > 0 ? printable({text, static_cast<size_t>(size)}) : "";
}

std::string Certificate::subject_attribute(const char* short_name) const {
  const QuietErrors quiet;
  const X509_NAME* name = X509_get_subject_name(certificate_.get());
  const int index = X509_NAME_get_index_by_NID(name, OBJ_sn2nid(short_name), -1);
  if (index < 0) return "";
  const ASN1_STRING* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index));
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
          static_cast<size_t>(ASN1_STRING_length(value))};
}

Result<VerifyKey> Certificate::public_key() const {
  const QuietErrors quiet;
  EVP_PKEY* key = X509_get_pubkey(certificate_.get());
  if (key == nullptr) {
    return input_error("bad_key", concat("the key of ", subject(), " cannot be read"));
  }
  return VerifyKey::adopt(key);
}

Result<std::optional<Bytes>> Certificate::extension(const char* oid) const {
  const QuietErrors quiet;
  const Oid object(OBJ_txt2obj(oid, 1));
  GINN_CHECK(object != nullptr);
  const int index = X509_get_ext_by_OBJ(certificate_.get(), object.get(), -1);
  if (index < 0) return std::optional<Bytes>();
  if (X509_get_ext_by_OBJ(certificate_.get(), object.get(), index) >= 0) {
    return bad_certificate(concat(subject(), " has the extension ", oid, " twice"));
  }
  const ASN1_OCTET_STRING* value = X509_EXTENSION_get_data(X509_get_ext(certificate_.get(), index));
  const unsigned char* data = ASN1_STRING_get0_data(value);
  return std::optional<Bytes>(Bytes(data, data + ASN1_STRING_length(value)));
}

Result<Chain> parse_chain(ByteView pem_or_der) {
  if (pem_or_der.empty() || pem_or_der.size() > 2 * kMaxCertificates * kMaxCertificateBytes) {
    return bad_certificate(concat("certificates of ", pem_or_der.size(), " bytes in all"));
  }
  if (pem_or_der[0] != kDerSequence) return parse_pem_chain(as_text(pem_or_der));
  GINN_ASSIGN(Certificate certificate, Certificate::from_der(pem_or_der));
  Chain chain;
  chain.push_back(std::move(certificate));
  return chain;
}

Result<RevocationList> RevocationList::from_der(ByteView der) {
  const QuietErrors quiet;
  constexpr size_t kMaxCrlBytes = size_t{1} << 20;
  if (der.empty() || der.size() > kMaxCrlBytes) {
    return input_error("bad_crl", concat("a revocation list of ", der.size(), " bytes"));
  }
  const unsigned char* cursor = der.data();
  std::shared_ptr<X509_CRL> crl(d2i_X509_CRL(nullptr, &cursor, static_cast<long>(der.size())),
                                X509_CRL_free);
  if (crl == nullptr || cursor != der.data() + der.size()) {
    return input_error("bad_crl", "bytes that are not exactly one DER revocation list");
  }
  return RevocationList(std::move(crl));
}

}  // namespace ginn::attest::verify
