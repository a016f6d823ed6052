#include "verifier/checkpoint.h"

#include <gtest/gtest.h>

#include "certificate/issue/grant.h"
#include "crypto/aead.h"
#include "tests/support/checkpoint_bytes.h"

namespace ginn::verifier {
namespace {

using test::checkpoint_bytes;

const auto kAttester = attest::simulated_attester(crypto::sha256(as_bytes("program")));

Checkpoint example(bool suspended) {
  Checkpoint checkpoint;
  checkpoint.step = 12;
  checkpoint.taken = 1;
  checkpoint.values = Bytes(24, 1);
  checkpoint.sums = Bytes(24, 2);
  checkpoint.replayed = 5;
  checkpoint.transcript_head = crypto::sha256(as_bytes("head"));
  checkpoint.transcript_entries = 3;
  checkpoint.transcript_step = 11;
  checkpoint.transcript = "lines\n";
  checkpoint.grants = {"first", "second"};
  if (suspended) checkpoint.key_seed.emplace().fill(7);
  return checkpoint;
}

CheckpointHead head(bool suspended) { return {2, suspended, 4, crypto::sha256(as_bytes("job"))}; }

std::string code_of_unsealing(Bytes bytes, const attest::Attester& attester = *kAttester) {
  auto file = parse_checkpoint(std::move(bytes));
  if (!file.ok()) return file.error().code;
  const auto checkpoint = unseal_checkpoint(attester, *file);
  return checkpoint.ok() ? "ok" : checkpoint.error().code;
}

TEST(Checkpoint, ComesBack) {
  for (const bool suspended : {false, true}) {
    const Checkpoint saved = example(suspended);
    const Bytes bytes = *seal_checkpoint(*kAttester, head(suspended), saved);
    auto file = parse_checkpoint(bytes);
    ASSERT_TRUE(file.ok());
    EXPECT_EQ(file->head, head(suspended));
    EXPECT_EQ(file->digest, crypto::sha256(bytes));
    const auto found = unseal_checkpoint(*kAttester, *file);
    ASSERT_TRUE(found.ok()) << found.error().message;
    EXPECT_TRUE(file->bytes.empty());
    EXPECT_EQ(checkpoint_bytes(*found), checkpoint_bytes(saved));
    EXPECT_EQ(found->step, 12u);
    EXPECT_EQ(found->sums, saved.sums);
    EXPECT_EQ(found->grants, saved.grants);
    EXPECT_EQ(found->key_seed, saved.key_seed);
  }
}

TEST(Checkpoint, AnyChangeIsRefused) {
  const Bytes bytes = *seal_checkpoint(*kAttester, head(true), example(true));
  for (size_t at = 0; at < bytes.size(); ++at) {
    Bytes changed = bytes;
    changed[at] ^= 1;
    EXPECT_NE(code_of_unsealing(changed), "ok") << at;
    EXPECT_NE(code_of_unsealing(Bytes(bytes.begin(), bytes.begin() + static_cast<long>(at))), "ok");
  }
  EXPECT_EQ(code_of_unsealing(bytes), "ok");
}

TEST(Checkpoint, OfAnotherProgram) {
  const Bytes bytes = *seal_checkpoint(*kAttester, head(false), example(false));
  const auto other = attest::simulated_attester(crypto::sha256(as_bytes("other")));
  EXPECT_EQ(code_of_unsealing(bytes, *other), "seal_broken");
}

// What the head says in clear is refused for what it is, before any seal is opened.
TEST(Checkpoint, HostileHeads) {
  const Bytes good = *seal_checkpoint(*kAttester, head(false), example(false));
  const auto with = [&](size_t at, uint8_t value) {
    Bytes changed = good;
    changed[at] = value;
    return code_of_unsealing(changed);
  };
  EXPECT_EQ(with(7, '9'), "checkpoint_version");
  EXPECT_EQ(with(7, 'x'), "checkpoint_form");
  EXPECT_EQ(with(0, 'x'), "checkpoint_form");
  EXPECT_EQ(with(8, 0), "checkpoint_form") << "life 0";
  EXPECT_EQ(with(8, 65), "checkpoint_form");
  EXPECT_EQ(with(8, 64), "seal_broken");
  EXPECT_EQ(with(12, 2), "checkpoint_form") << "a flag";
  EXPECT_EQ(with(15, 0x80), "checkpoint_form");
  EXPECT_EQ(with(12, 1), "seal_broken");
  constexpr size_t kHead = 56;
  for (const size_t size : {size_t{0}, size_t{8}, kHead, kHead + crypto::kSealBytes - 1}) {
    EXPECT_EQ(code_of_unsealing(Bytes(good.begin(), good.begin() + static_cast<long>(size))),
              "checkpoint_form")
        << size;
  }
}

TEST(Checkpoint, HostileParts) {
  const auto code = [](ByteView plain) {
    const auto checkpoint = read_checkpoint(plain);
    return checkpoint.ok() ? std::string("ok") : std::string(checkpoint.error().code);
  };
  const Bytes good = checkpoint_bytes(example(true));
  EXPECT_EQ(code(good), "ok");
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(code(ByteView(good).first(size)), "checkpoint_form") << size;
  }
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_EQ(code(longer), "checkpoint_form");
  Checkpoint checkpoint = example(false);
  checkpoint.grants = {std::string(certificate::kMaxGrantBytes, 'g')};
  EXPECT_EQ(code(checkpoint_bytes(checkpoint)), "ok");
  checkpoint.grants = {std::string(certificate::kMaxGrantBytes + 1, 'g')};
  EXPECT_EQ(code(checkpoint_bytes(checkpoint)), "checkpoint_form");
  checkpoint.grants.assign(kMaxLives, "g");
  EXPECT_EQ(code(checkpoint_bytes(checkpoint)), "ok");
  checkpoint.grants.assign(kMaxLives + 1, "g");
  EXPECT_EQ(code(checkpoint_bytes(checkpoint)), "checkpoint_form");
}

TEST(Checkpoint, AKeyOnlyWhereItWasSuspended) {
  EXPECT_EQ(code_of_unsealing(*seal_checkpoint(*kAttester, head(false), example(true))),
            "checkpoint_form");
  EXPECT_EQ(code_of_unsealing(*seal_checkpoint(*kAttester, head(true), example(false))),
            "checkpoint_form");
}

}  // namespace
}  // namespace ginn::verifier
