#include "verifier/checkpoint.h"

#include <algorithm>

#include "base/text.h"
#include "base/version.h"
#include "certificate/issue/grant.h"
#include "crypto/aead.h"
#include "protocol/transcript.h"

namespace ginn::verifier {
namespace {

constexpr std::string_view kMagicPrefix = "GINNCKP";  // and one digit
constexpr std::string_view kMagic = "GINNCKP1";
constexpr uint32_t kCheckpointVersion = 1;
constexpr size_t kHeadBytes = 8 + 4 + 4 + 8 + 32;
constexpr uint32_t kSuspended = 1;

Bytes head_bytes(const CheckpointHead& head) {
  ByteWriter out;
  out.text(kMagic);
  out.u32(head.life);
  out.u32(head.suspended ? kSuspended : 0);
  out.u64(head.counter);
  out.bytes(head.job_digest);
  return out.finish();
}

void put(ByteWriter& out, ByteView bytes) {
  out.u64(bytes.size());
  out.bytes(bytes);
}

Result<ByteView> take(ByteReader& in, uint64_t limit) {
  GINN_ASSIGN(const uint64_t size, in.u64());
  if (size > limit) return input_error("checkpoint_form", "a part of a checkpoint is too long");
  return in.take(size);
}

Result<crypto::Digest> take_digest(ByteReader& in) {
  crypto::Digest digest;
  GINN_ASSIGN(const ByteView bytes, in.take(digest.size()));
  std::copy(bytes.begin(), bytes.end(), digest.begin());
  return digest;
}

Result<Checkpoint> read_parts(ByteReader& in) {
  Checkpoint out;
  GINN_ASSIGN(out.step, in.u64());
  GINN_ASSIGN(out.taken, in.u32());
  GINN_ASSIGN(const ByteView values, take(in, in.remaining()));
  out.values.assign(values.begin(), values.end());
  GINN_ASSIGN(const ByteView sums, take(in, in.remaining()));
  out.sums.assign(sums.begin(), sums.end());
  GINN_ASSIGN(out.replayed, in.u64());
  GINN_ASSIGN(out.transcript_head, take_digest(in));
  GINN_ASSIGN(out.transcript_entries, in.u64());
  GINN_ASSIGN(out.transcript_step, in.u64());
  GINN_ASSIGN(const ByteView lines, take(in, protocol::kMaxTranscriptBytes));
  out.transcript = as_text(lines);
  GINN_ASSIGN(const uint32_t grants, in.u32());
  if (grants > kMaxLives) return input_error("checkpoint_form", "a checkpoint of too many lives");
  for (uint32_t i = 0; i < grants; ++i) {
    GINN_ASSIGN(const ByteView grant, take(in, certificate::kMaxGrantBytes));
    out.grants.emplace_back(as_text(grant));
  }
  GINN_ASSIGN(const ByteView seed, take(in, 32));
  if (seed.size() == 32) {
    std::copy(seed.begin(), seed.end(), out.key_seed.emplace().begin());
  }
  return out;
}

}  // namespace

uint64_t max_checkpoint_bytes(size_t parameters) {
  constexpr uint64_t kRest = uint64_t{1} << 20;
  return 16 * uint64_t{parameters} + protocol::kMaxTranscriptBytes +
         kMaxLives * certificate::kMaxGrantBytes + kRest;
}

CheckpointParts write_checkpoint(const Checkpoint& checkpoint) {
  CheckpointParts parts;
  ByteWriter before;
  before.u64(checkpoint.step);
  before.u32(checkpoint.taken);
  before.u64(checkpoint.values.size());
  parts.before = before.finish();
  ByteWriter between;
  between.u64(checkpoint.sums.size());
  parts.between = between.finish();
  ByteWriter out;
  out.u64(checkpoint.replayed);
  out.bytes(checkpoint.transcript_head);
  out.u64(checkpoint.transcript_entries);
  out.u64(checkpoint.transcript_step);
  put(out, as_bytes(checkpoint.transcript));
  out.u32(static_cast<uint32_t>(checkpoint.grants.size()));
  for (const std::string& grant : checkpoint.grants) put(out, as_bytes(grant));
  put(out, checkpoint.key_seed ? ByteView(*checkpoint.key_seed) : ByteView());
  parts.behind = out.finish();
  return parts;
}

Result<Checkpoint> read_checkpoint(ByteView plain) {
  ByteReader in(plain);
  auto checkpoint = read_parts(in);
  if (checkpoint.ok() && in.remaining() == 0) return checkpoint;
  return input_error("checkpoint_form", concat(kCheckpointFile, ": parts that do not fit"));
}

Result<Bytes> seal_checkpoint(const attest::Attester& attester,
                              const CheckpointHead& head,
                              const Checkpoint& checkpoint) {
  Bytes file = head_bytes(head);
  const CheckpointParts parts = write_checkpoint(checkpoint);
  GINN_TRY(attester.seal(parts.views(checkpoint), file));
  return file;
}

Result<CheckpointFile> parse_checkpoint(Bytes bytes) {
  const auto bad = [](std::string_view what) {
    return input_error("checkpoint_form", concat(kCheckpointFile, ": ", what));
  };
  const std::string_view magic = as_text(bytes).substr(0, kMagic.size());
  GINN_TRY(refuse_newer(
      "checkpoint_version", "checkpoint", version_in(magic, kMagicPrefix), kCheckpointVersion));
  if (bytes.size() < kHeadBytes + crypto::kSealBytes || magic != kMagic) {
    return bad("expected a sealed checkpoint of this version's form, \"GINNCKP1\" at its start");
  }
  CheckpointFile file;
  ByteReader in{ByteView(bytes).subspan(kMagic.size())};
  GINN_ASSIGN(file.head.life, in.u32());
  GINN_ASSIGN(const uint32_t flags, in.u32());
  GINN_ASSIGN(file.head.counter, in.u64());
  GINN_ASSIGN(file.head.job_digest, take_digest(in));
  if (flags > kSuspended) return bad("flags that this version does not know");
  if (file.head.life < 1 || file.head.life > kMaxLives) return bad("no such life");
  file.head.suspended = flags == kSuspended;
  file.digest = crypto::sha256(bytes);
  file.bytes = std::move(bytes);
  return file;
}

Result<Checkpoint> unseal_checkpoint(const attest::Attester& attester, CheckpointFile& file) {
  Bytes bytes = std::move(file.bytes);
  GINN_ASSIGN(const ByteView plain, attester.unseal(bytes, kHeadBytes));
  GINN_ASSIGN(Checkpoint checkpoint, read_checkpoint(plain));
  if (checkpoint.key_seed.has_value() != file.head.suspended) {
    return input_error("checkpoint_form", concat(kCheckpointFile, ": parts that do not fit"));
  }
  return checkpoint;
}

}  // namespace ginn::verifier
