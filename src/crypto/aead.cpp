#include "crypto/aead.h"

#include <openssl/evp.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <memory>
#include <new>

#include "base/text.h"

namespace ginn::crypto {
namespace {

constexpr size_t kNonceBytes = 12;
constexpr size_t kTagBytes = 16;
constexpr size_t kMost = size_t{1} << 30;  // OpenSSL counts in int

struct FreeCipher {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, FreeCipher>;

enum class Way { kSeal, kUnseal };

Cipher start(Way way, const Digest& key, const uint8_t* nonce) {
  Cipher cipher(EVP_CIPHER_CTX_new());
  if (cipher == nullptr) throw std::bad_alloc();
  const int encrypt = way == Way::kSeal ? 1 : 0;
  GINN_CHECK(
      EVP_CipherInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key.data(), nonce, encrypt) == 1);
  return cipher;
}

// `out` null: `in` is context.
void update(EVP_CIPHER_CTX* cipher, ByteView in, uint8_t* out) {
  while (!in.empty()) {
    const size_t count = std::min(in.size(), kMost);
    int done = 0;
    GINN_CHECK(EVP_CipherUpdate(cipher, out, &done, in.data(), static_cast<int>(count)) == 1);
    GINN_CHECK(static_cast<size_t>(done) == count);
    if (out != nullptr) out += count;
    in = in.subspan(count);
  }
}

Error broken() {
  return input_error("seal_broken",
                     "sealed bytes: they are not what this program sealed, or were changed since");
}

}  // namespace

Result<Bytes> seal(const Digest& key, ByteView plain, ByteView context) {
  std::array<uint8_t, kNonceBytes> nonce;
  if (::getrandom(nonce.data(), nonce.size(), 0) != static_cast<ssize_t>(nonce.size())) {
    return environment_error("no_randomness", "getrandom: the kernel must provide it");
  }
  Bytes out(kSealBytes + plain.size());
  std::copy(nonce.begin(), nonce.end(), out.begin());
  const Cipher cipher = start(Way::kSeal, key, out.data());
  update(cipher.get(), context, nullptr);
  update(cipher.get(), plain, out.data() + kNonceBytes);
  int more = 0;
  uint8_t* tag = out.data() + kNonceBytes + plain.size();
  GINN_CHECK(EVP_CipherFinal_ex(cipher.get(), tag, &more) == 1 && more == 0);
  GINN_CHECK(EVP_CIPHER_CTX_ctrl(
                 cipher.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(kTagBytes), tag) == 1);
  return out;
}

Result<Bytes> unseal(const Digest& key, ByteView sealed, ByteView context) {
  if (sealed.size() < kSealBytes) return broken();
  const Cipher cipher = start(Way::kUnseal, key, sealed.data());
  const ByteView body = sealed.subspan(kNonceBytes, sealed.size() - kSealBytes);
  Bytes tag(sealed.end() - kTagBytes, sealed.end());
  update(cipher.get(), context, nullptr);
  Bytes plain(body.size());
  update(cipher.get(), body, plain.data());
  GINN_CHECK(EVP_CIPHER_CTX_ctrl(
                 cipher.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(kTagBytes), tag.data()) ==
             1);
  int more = 0;
  uint8_t none = 0;
  if (EVP_CipherFinal_ex(cipher.get(), &none, &more) != 1) return broken();
  return plain;
}

}  // namespace ginn::crypto
