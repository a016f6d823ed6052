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

Digest node(const Digest& left, const Digest& right) {
  return thread_hasher().update({&kNodePrefix, 1}).update(left).update(right).finish();
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
  return node(left, right);
}

std::vector<Digest> merkle_path(std::span<const Digest> leaves, size_t index) {
  std::vector<Digest> path;
  while (leaves.size() > 1) {
    const size_t split = std::bit_floor(leaves.size() - 1);
    const bool left = index < split;
    path.push_back(merkle_root(left ? leaves.subspan(split) : leaves.first(split)));
    leaves = left ? leaves.first(split) : leaves.subspan(split);
    if (!left) index -= split;
  }
  std::reverse(path.begin(), path.end());
  return path;
}

// Recursion depth is at most 64, as in merkle_root.
std::optional<Digest> merkle_root_of_path(const Digest& leaf,
                                          uint64_t index,
                                          uint64_t count,
                                          std::span<const Digest>& path) {
  if (count == 1) return leaf;
  const uint64_t split = std::bit_floor(count - 1);
  const bool left = index < split;
  const std::optional<Digest> below =
      merkle_root_of_path(leaf, left ? index : index - split, left ? split : count - split, path);
  if (!below || path.empty()) return std::nullopt;
  const Digest sibling = path.front();
  path = path.subspan(1);
  return node(left ? *below : sibling, left ? sibling : *below);
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
