#pragma once

#include "verifier/checkpoint.h"

namespace ginn::test {

// What is sealed of a checkpoint, in one piece.
inline Bytes checkpoint_bytes(const verifier::Checkpoint& checkpoint) {
  Bytes all;
  const verifier::CheckpointParts parts = verifier::write_checkpoint(checkpoint);
  for (const ByteView view : parts.views(checkpoint)) {
    all.insert(all.end(), view.begin(), view.end());
  }
  return all;
}

}  // namespace ginn::test
