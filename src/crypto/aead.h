#pragma once

#include <span>

#include "crypto/sha256.h"

namespace ginn::crypto {

// AES-256-GCM (NIST SP 800-38D) with a nonce from the system's generator: 12 bytes of nonce, the
// encrypted bytes, 16 bytes of tag. `context` is authenticated, too, and not part of the result.
inline constexpr size_t kSealBytes = 12 + 16;

// Appends the sealed `parts`, one behind the other, to `file`; what it holds before is the context.
// Code "no_randomness".
Status seal(const Digest& key, std::span<const ByteView> parts, Bytes& file);
// Opens the bytes of `file` behind its first `context` in their place; what is returned lies in
// `file`. Code "seal_broken": they are not what `key` sealed in this context, and `file` is empty.
Result<ByteView> unseal(const Digest& key, Bytes& file, size_t context);

}  // namespace ginn::crypto
