#include "publish/ecdsa_key.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/text.h"

namespace ginn::publish {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;
constexpr size_t kMaxPemBytes = 16 * 1024;

// An encrypted key is refused instead of asking a terminal.
int no_password(char*, int, int, void*) { return -1; }

}  // namespace

Result<EcdsaKey> EcdsaKey::from_pem(ByteView pem) {
  if (pem.size() > kMaxPemBytes) {
    return input_error("bad_key", concat("a key of ", pem.size(), " bytes is no ECDSA key"));
  }
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
  GINN_CHECK(bio != nullptr);
  std::shared_ptr<EVP_PKEY> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, &no_password, nullptr),
                                &EVP_PKEY_free);
  char group[32] = {};
  const bool is_p256 = key != nullptr && EVP_PKEY_is_a(key.get(), "EC") == 1 &&
                       EVP_PKEY_get_group_name(key.get(), group, sizeof group, nullptr) == 1 &&
                       std::string_view(group) == "prime256v1";
  if (!is_p256) {
    return input_error(
        "bad_key",
        "expected an ECDSA key on P-256 in PEM, not encrypted: openssl ecparam -name prime256v1 "
        "-genkey -noout");
  }
  return EcdsaKey(std::move(key));
}

Bytes EcdsaKey::sign(ByteView message) const {
  const DigestContext context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  GINN_CHECK(context != nullptr);
  GINN_CHECK(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1);
  size_t size = 0;
  GINN_CHECK(EVP_DigestSign(context.get(), nullptr, &size, message.data(), message.size()) == 1);
  Bytes signature(size);
  GINN_CHECK(
      EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) == 1);
  signature.resize(size);
  return signature;
}

std::string EcdsaKey::public_pem() const {
  const Bio bio(BIO_new(BIO_s_mem()), &BIO_free);
  GINN_CHECK(bio != nullptr && PEM_write_bio_PUBKEY(bio.get(), key_.get()) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

}  // namespace ginn::publish
