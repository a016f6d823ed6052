#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/sha256.h"
#include "crypto/signature.h"

namespace ginn::protocol {

// A state digest joins the transcript every so many steps, and after the last one.
inline constexpr uint64_t kTranscriptSteps = 64;

// The chain over a run's states:
//   H_0 = SHA-256("ginn transcript v1" 00 || job digest || public key || life u32 LE)
//   H_i = SHA-256(H_{i-1} || step u64 LE || state digest)
//   H_i = SHA-256("ginn transcript life v1" 00 || H_{i-1} || public key || life u32 LE)
// The version is the one of these two texts. A later version of transcript.jsonl begins with the
// line {"ginn":"transcript/vN"}.
// `step` counts the steps done: the last entry's step is the job's number of steps. Lives count
// from 1; an entry of the second form stands where a later life went on from a checkpoint.
class Transcript {
 public:
  Transcript(const crypto::Digest& job_digest, const crypto::PublicKey& key, uint32_t life);
  // As it was when a checkpoint was sealed.
  static Transcript from(const crypto::Digest& head, uint64_t entries, uint64_t last_step) {
    Transcript transcript;
    transcript.head_ = head;
    transcript.entries_ = entries;
    transcript.last_step_ = last_step;
    return transcript;
  }

  // The new entry's line of transcript.jsonl, with its newline. CHECKs that step > the last one.
  std::string append(uint64_t step, const crypto::Digest& state);
  std::string append_life(const crypto::PublicKey& key, uint32_t life);
  const crypto::Digest& head() const { return head_; }
  uint64_t entries() const { return entries_; }
  uint64_t last_step() const { return last_step_; }  // 0 without entries

 private:
  Transcript() = default;

  crypto::Digest head_{};
  uint64_t entries_ = 0;
  uint64_t last_step_ = 0;
};

// {"step":"12","state":"sha256:..","head":"sha256:.."} and a newline: the one form a line has.
std::string transcript_line(uint64_t step, const crypto::Digest& state, const crypto::Digest& head);
// {"life":"2","key":"<64 hex digits>","head":"sha256:.."} and a newline.
std::string life_line(uint32_t life, const crypto::PublicKey& key, const crypto::Digest& head);

struct TranscriptEntry {
  uint64_t step = 0;
  crypto::Digest state{};
};
// A life that a transcript was written in, in order; its key and number are the grant's.
struct TranscriptLife {
  crypto::PublicKey key{};
  uint32_t life = 1;

  bool operator==(const TranscriptLife&) const = default;
};
struct ReplayedTranscript {
  crypto::Digest head{};
  uint64_t lines = 0;
  std::vector<TranscriptEntry> entries;
};

// 175 bytes and the step's digits, which are at most 20.
inline constexpr size_t kMaxTranscriptLineBytes = 195;
inline constexpr size_t kMaxTranscriptBytes = size_t{1} << 26;

// Recomputes the chain from the text of transcript.jsonl, which is hostile. Codes
// "transcript_too_large", "transcript_version", "transcript_line" (form), "transcript_order" (steps
// do not ascend from 1), "transcript_head" (a line's head is not the recomputed one),
// "transcript_life" (a life's line is not that of the next of `lives`, or one of these has none),
// each with the line's number. `lives` is not empty.
Result<ReplayedTranscript> replay_transcript(std::string_view text,
                                             const crypto::Digest& job_digest,
                                             std::span<const TranscriptLife> lives);

}  // namespace ginn::protocol
