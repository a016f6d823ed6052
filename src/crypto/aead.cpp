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

Error broken(Bytes& file) {
  file.clear();
  return input_error("seal_broken",
                     "sealed bytes: they are not what this program sealed, or were changed since");
}

}  // namespace

Status seal(const Digest& key, std::span<const ByteView> parts, Bytes& file) {
  std::array<uint8_t, kNonceBytes> nonce;
  if (::getrandom(nonce.data(), nonce.size(), 0) != static_cast<ssize_t>(nonce.size())) {
    return environment_error("no_randomness", "getrandom: the kernel must provide it");
  }
  const size_t context = file.size();
  size_t count = 0;
  for (const ByteView part : parts) count += part.size();
  file.resize(context + kSealBytes + count);
  uint8_t* out = std::copy(nonce.begin(), nonce.end(), file.data() + context);
  const Cipher cipher = start(Way::kSeal, key, nonce.data());
  update(cipher.get(), ByteView(file).first(context), nullptr);
  for (const ByteView part : parts) {
    update(cipher.get(), part, out);
    out += part.size();
  }
  int more = 0;
  GINN_CHECK(EVP_CipherFinal_ex(cipher.get(), out, &more) == 1 && more == 0);
  GINN_CHECK(EVP_CIPHER_CTX_ctrl(
                 cipher.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(kTagBytes), out) == 1);
  return ok_status();
}

Result<ByteView> unseal(const Digest& key, Bytes& file, size_t context) {
  if (file.size() < context || file.size() - context < kSealBytes) return broken(file);
  uint8_t* const nonce = file.data() + context;
  uint8_t* const body = nonce + kNonceBytes;
  const size_t count = file.size() - context - kSealBytes;
  const Cipher cipher = start(Way::kUnseal, key, nonce);
  update(cipher.get(), ByteView(file).first(context), nullptr);
  update(cipher.get(), ByteView(body, count), body);
  GINN_CHECK(EVP_CIPHER_CTX_ctrl(
                 cipher.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(kTagBytes), body + count) ==
             1);
  int more = 0;
  uint8_t none = 0;
  if (EVP_CipherFinal_ex(cipher.get(), &none, &more) != 1) return broken(file);
  return ByteView(body, count);
}

}  // namespace ginn::crypto
