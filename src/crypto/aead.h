#pragma once

#include "crypto/sha256.h"

namespace ginn::crypto {

// AES-256-GCM (NIST SP 800-38D) with a nonce from the system's generator: 12 bytes of nonce, the
// encrypted bytes, 16 bytes of tag. `context` is authenticated, too, and not part of the result.
inline constexpr size_t kSealBytes = 12 + 16;

// Code "no_randomness".
Result<Bytes> seal(const Digest& key, ByteView plain, ByteView context);
// Code "seal_broken": the bytes or the context are not what `key` sealed.
Result<Bytes> unseal(const Digest& key, ByteView sealed, ByteView context);

}  // namespace ginn::crypto
