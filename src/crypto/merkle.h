#pragma once

#include <span>
#include <vector>

#include "crypto/sha256.h"

namespace ginn::crypto {

// Merkle tree hash of RFC 6962, section 2.1: leaf = SHA-256(0x00 || record), node = SHA-256(0x01 ||
// left || right), split at the largest power of two smaller than n; n = 0: SHA-256 of nothing.
Digest merkle_leaf(ByteView record);
Digest merkle_root(std::span<const Digest> leaves);

// Digest of a large state: the root over its fixed-size chunks (last one shorter).
inline constexpr size_t kStateChunkBytes = 1 << 16;
Digest chunked_digest(ByteView state);

}  // namespace ginn::crypto
