#include "crypto/merkle.h"

#include <algorithm>
#include <bit>

namespace ginn::crypto {
namespace {

constexpr uint8_t kLeafPrefix = 0;
constexpr uint8_t kNodePrefix = 1;

Sha256& thread_hasher() {
  thread_local Sha256 hasher;
  return hasher;
}

}  // namespace

Digest merkle_leaf(ByteView record) {
  return thread_hasher().update({&kLeafPrefix, 1}).update(record).finish();
}

// Recursion depth is at most 64: each level halves the span, rounded up to a power of two.
Digest merkle_root(std::span<const Digest> leaves) {
  if (leaves.empty()) return sha256({});
  if (leaves.size() == 1) return leaves[0];
  const size_t split = std::bit_floor(leaves.size() - 1);
  const Digest left = merkle_root(leaves.first(split));
  const Digest right = merkle_root(leaves.subspan(split));
  return thread_hasher().update({&kNodePrefix, 1}).update(left).update(right).finish();
}

Digest chunked_digest(ByteView state) {
  std::vector<Digest> leaves;
  leaves.reserve(state.size() / kStateChunkBytes + 1);
  for (size_t offset = 0; offset < state.size(); offset += kStateChunkBytes) {
    const size_t count = std::min(kStateChunkBytes, state.size() - offset);
    leaves.push_back(merkle_leaf(state.subspan(offset, count)));
  }
  return merkle_root(leaves);
}

}  // namespace ginn::crypto
