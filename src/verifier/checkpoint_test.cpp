#include "verifier/checkpoint.h"

#include <gtest/gtest.h>

namespace ginn::verifier {
namespace {

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
  const auto file = parse_checkpoint(std::move(bytes));
  if (!file.ok()) return file.error().code;
  const auto checkpoint = unseal_checkpoint(attester, *file);
  return checkpoint.ok() ? "ok" : checkpoint.error().code;
}

TEST(Checkpoint, ComesBack) {
  for (const bool suspended : {false, true}) {
    const Checkpoint saved = example(suspended);
    const Bytes bytes = *seal_checkpoint(*kAttester, head(suspended), saved);
    const auto file = parse_checkpoint(bytes);
    ASSERT_TRUE(file.ok());
    EXPECT_EQ(file->head, head(suspended));
    EXPECT_EQ(file->digest, crypto::sha256(bytes));
    const auto found = unseal_checkpoint(*kAttester, *file);
    ASSERT_TRUE(found.ok()) << found.error().message;
    EXPECT_EQ(write_checkpoint(*found), write_checkpoint(saved));
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

TEST(Checkpoint, AKeyOnlyWhereItWasSuspended) {
  EXPECT_EQ(code_of_unsealing(*seal_checkpoint(*kAttester, head(false), example(true))),
            "checkpoint_form");
  EXPECT_EQ(code_of_unsealing(*seal_checkpoint(*kAttester, head(true), example(false))),
            "checkpoint_form");
}

}  // namespace
}  // namespace ginn::verifier
