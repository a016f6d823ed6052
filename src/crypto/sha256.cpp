#include "crypto/sha256.h"

#include <openssl/evp.h>

#include <algorithm>

#include "base/text.h"

namespace ginn::crypto {
namespace {

// Fetched once: a fetch costs more than hashing a small record. Never freed, because OpenSSL cleans
// up at exit in an order of its own.
const EVP_MD* algorithm() {
  static const EVP_MD* const kAlgorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  GINN_CHECK(kAlgorithm != nullptr);
  return kAlgorithm;
}

EVP_MD_CTX* context(void* pointer) { return static_cast<EVP_MD_CTX*>(pointer); }

constexpr std::string_view kTag = "sha256:";

}  // namespace

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  GINN_CHECK(context_ != nullptr);
  GINN_CHECK(EVP_DigestInit_ex(context(context_), algorithm(), nullptr) == 1);
}

Sha256::~Sha256() { EVP_MD_CTX_free(context(context_)); }

Sha256& Sha256::update(ByteView bytes) {
  GINN_CHECK(EVP_DigestUpdate(context(context_), bytes.data(), bytes.size()) == 1);
  return *this;
}

Digest Sha256::finish() {
  Digest digest;
  unsigned size = 0;
  GINN_CHECK(EVP_DigestFinal_ex(context(context_), digest.data(), &size) == 1);
  GINN_CHECK(size == digest.size());
  GINN_CHECK(EVP_DigestInit_ex(context(context_), algorithm(), nullptr) == 1);
  return digest;
}

Digest sha256(ByteView bytes) {
  thread_local Sha256 hasher;  // saves an allocation a call
  return hasher.update(bytes).finish();
}

std::string hex(const Digest& digest) { return to_hex(digest); }

std::string tagged(const Digest& digest) { return concat(kTag, hex(digest)); }

Result<Digest> parse_tagged(std::string_view text) {
  Digest digest;
  if (text.size() == kTag.size() + 2 * digest.size() && text.starts_with(kTag)) {
    auto bytes = from_hex(text.substr(kTag.size()));
    if (bytes.ok()) {
      std::copy(bytes->begin(), bytes->end(), digest.begin());
      return digest;
    }
  }
  return input_error(
      "bad_digest",
      concat("found \"", printable(text, 80), "\"; expected sha256: and 64 lower-case hex digits"));
}

}  // namespace ginn::crypto
