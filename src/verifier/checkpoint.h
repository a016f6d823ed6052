#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "attest/produce/attester.h"
#include "training/state.h"

namespace ginn::verifier {

inline constexpr std::string_view kCheckpointFile = "checkpoint.sealed";
inline constexpr size_t kMaxLives = 64;

// Everything that a run needs to go on, as of one point of it: every replay before it is done, and
// equal.
struct Checkpoint {
  uint64_t step = 0;      // contributions up to (step, taken) are in
  uint32_t taken = 0;     // of the step that has begun
  Bytes values, sums;     // training::State's
  uint64_t replayed = 0;  // contributions so far
  crypto::Digest transcript_head{};
  uint64_t transcript_entries = 0;
  uint64_t transcript_step = 0;
  std::string transcript;           // its lines
  std::vector<std::string> grants;  // of the lives up to here
  // The signing key's seed, only where the run was suspended: it goes on as the same life.
  std::optional<std::array<uint8_t, 32>> key_seed;
};

// What a checkpoint's file says in clear, bound by its seal.
struct CheckpointHead {
  uint32_t life = 1;
  bool suspended = false;
  uint64_t counter = 0;  // the TEE's, when it was sealed
  crypto::Digest job_digest{};

  bool operator==(const CheckpointHead&) const = default;
};

// A checkpoint's file: "GINNCKP1", life u32, flags u32 (1: suspended), counter u64, job digest,
// then the sealed rest.
struct CheckpointFile {
  CheckpointHead head;
  Bytes bytes;              // the whole file, until it is opened
  crypto::Digest digest{};  // of it: what a start statement names
};

// What is sealed, in clear, without a copy of the larger parts: what stands around them.
struct CheckpointParts {
  Bytes before, between, behind;
  // One behind the other; `checkpoint`: of which these are.
  std::array<ByteView, 5> views(const Checkpoint& checkpoint) const {
    return {before, checkpoint.values, between, checkpoint.sums, behind};
  }
};
CheckpointParts write_checkpoint(const Checkpoint& checkpoint);
// Code "checkpoint_form".
Result<Checkpoint> read_checkpoint(ByteView plain);

// The most bytes that a checkpoint of this network can have.
uint64_t max_checkpoint_bytes(size_t parameters);

// Codes: Attester::seal's.
Result<Bytes> seal_checkpoint(const attest::Attester& attester,
                              const CheckpointHead& head,
                              const Checkpoint& checkpoint);
// The form in clear, of hostile bytes. Codes "checkpoint_version", "checkpoint_form".
Result<CheckpointFile> parse_checkpoint(Bytes bytes);
// Opens file.bytes in their place and drops them. Codes "seal_broken", "checkpoint_form".
Result<Checkpoint> unseal_checkpoint(const attest::Attester& attester, CheckpointFile& file);

}  // namespace ginn::verifier
