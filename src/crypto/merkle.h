#pragma once

#include <optional>
#include <span>
#include <vector>

#include "crypto/sha256.h"

namespace ginn::crypto {

// Merkle tree hash of RFC 6962, section 2.1: leaf = SHA-256(0x00 || record), node = SHA-256(0x01 ||
// left || right), split at the largest power of two smaller than n; n = 0: SHA-256 of nothing.
Digest merkle_leaf(ByteView record);
Digest merkle_root(std::span<const Digest> leaves);

// The siblings of leaf `index` from the bottom up (RFC 6962, section 2.1.1): what is needed beside
// the leaf to compute the root.
std::vector<Digest> merkle_path(std::span<const Digest> leaves, size_t index);
// The root that leaf `index` of `count` and the first digests of `path` give; takes those off
// `path`. Nothing when `path` has too few. `index` is less than `count`.
std::optional<Digest> merkle_root_of_path(const Digest& leaf,
                                          uint64_t index,
                                          uint64_t count,
                                          std::span<const Digest>& path);

// Digest of a large state: the root over its fixed-size chunks (last one shorter).
inline constexpr size_t kStateChunkBytes = 1 << 16;
Digest chunked_digest(ByteView state);

}  // namespace ginn::crypto
