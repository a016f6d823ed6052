#include "crypto/merkle.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace ginn::crypto {
namespace {

// The records and roots of the Certificate Transparency reference tests (RFC 6962).
constexpr std::string_view kRecords[] = {"",
                                         "00",
                                         "10",
                                         "2021",
                                         "3031",
                                         "40414243",
                                         "5051525354555657",
                                         "606162636465666768696a6b6c6d6e6f"};
constexpr std::string_view kRoots[] = {
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};

std::vector<Digest> leaves_of(size_t count) {
  std::vector<Digest> leaves;
  for (size_t i = 0; i < count; ++i) leaves.push_back(merkle_leaf(from_hex(kRecords[i]).value()));
  return leaves;
}

Digest node(const Digest& left, const Digest& right) {
  Bytes bytes{1};
  bytes.insert(bytes.end(), left.begin(), left.end());
  bytes.insert(bytes.end(), right.begin(), right.end());
  return sha256(bytes);
}

TEST(Merkle, KnownAnswers) {
  for (size_t count = 0; count < std::size(kRoots); ++count) {
    EXPECT_EQ(hex(merkle_root(leaves_of(count))), kRoots[count]) << count;
  }
}

// Leaves are joined as they come: equal-sized neighbours merge, the rest is folded from the right.
TEST(Merkle, AgreesWithAnIncrementalTree) {
  std::vector<Digest> leaves;
  std::vector<std::pair<size_t, Digest>> stack;  // size of the subtree, its root
  for (uint8_t i = 0; i < 130; ++i) {
    leaves.push_back(merkle_leaf({&i, 1}));
    stack.emplace_back(1, leaves.back());
    while (stack.size() > 1 && stack.end()[-1].first == stack.end()[-2].first) {
      const auto right = stack.back();
      stack.pop_back();
      stack.back() = {2 * right.first, node(stack.back().second, right.second)};
    }
    Digest root = stack.back().second;
    for (size_t j = stack.size() - 1; j > 0; --j) root = node(stack[j - 1].second, root);
    EXPECT_EQ(merkle_root(leaves), root) << leaves.size();
  }
}

TEST(Merkle, LeafAndNodeAreSeparated) {
  const auto leaves = leaves_of(2);
  Bytes both(leaves[0].begin(), leaves[0].end());
  both.insert(both.end(), leaves[1].begin(), leaves[1].end());
  EXPECT_NE(merkle_leaf(both), merkle_root(leaves));
  EXPECT_NE(merkle_leaf(both), sha256(both));
}

TEST(Merkle, RootDependsOnOrderAndCount) {
  auto leaves = leaves_of(5);
  const Digest root = merkle_root(leaves);
  std::swap(leaves[0], leaves[4]);
  EXPECT_NE(merkle_root(leaves), root);
  std::swap(leaves[0], leaves[4]);
  leaves.push_back(leaves.back());
  EXPECT_NE(merkle_root(leaves), root);
}

TEST(Merkle, ChunkedDigestIsTheRootOverChunks) {
  EXPECT_EQ(chunked_digest({}), sha256({}));
  Bytes state(2 * kStateChunkBytes + 1);
  for (size_t i = 0; i < state.size(); ++i) state[i] = static_cast<uint8_t>(i % 251);
  const ByteView view = state;
  const Digest first = merkle_leaf(view.first(kStateChunkBytes));
  const Digest second = merkle_leaf(view.subspan(kStateChunkBytes, kStateChunkBytes));
  const Digest last = merkle_leaf(view.subspan(2 * kStateChunkBytes));
  EXPECT_EQ(chunked_digest(view.first(kStateChunkBytes)), first);
  EXPECT_EQ(chunked_digest(view.first(2 * kStateChunkBytes)), node(first, second));
  EXPECT_EQ(chunked_digest(view), node(node(first, second), last));
  EXPECT_EQ(chunked_digest(view.first(5)), merkle_leaf(view.first(5)));
}

TEST(MerklePath, LeadsToTheRootAndNowhereElse) {
  for (size_t count = 1; count <= 8; ++count) {
    const std::vector<Digest> leaves = leaves_of(count);
    for (size_t i = 0; i < count; ++i) {
      const std::vector<Digest> path = merkle_path(leaves, i);
      std::span<const Digest> rest(path);
      EXPECT_EQ(merkle_root_of_path(leaves[i], i, count, rest), merkle_root(leaves));
      EXPECT_TRUE(rest.empty());
      if (count == 1) continue;
      rest = std::span(path).first(path.size() - 1);
      EXPECT_EQ(merkle_root_of_path(leaves[i], i, count, rest), std::nullopt) << "too short";
      rest = path;
      const size_t other = i == 0 ? 1 : i - 1;
      EXPECT_NE(merkle_root_of_path(leaves[other], i, count, rest), merkle_root(leaves));
    }
  }
}

}  // namespace
}  // namespace ginn::crypto
