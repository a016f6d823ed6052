#include "protocol/frame.h"

#include <cstring>

#include "base/crc32c.h"
#include "base/text.h"

namespace ginn::protocol {
namespace {

struct Limits {
  FrameType type;
  const char* name;
  size_t least;
  size_t most;
};

// One table for every frame; the lengths of two are known only once the job is.
constexpr Limits kLimits[] = {
    {FrameType::kHello, "hello", kHelloBytes, kHelloBytes},
    {FrameType::kJob, "job", 2, kMaxJobBytes},
    {FrameType::kGrant, "grant", 2, kMaxGrantBytes},
    {FrameType::kContribution, "contribution", 0, 0},
    {FrameType::kEnd, "end", 0, 0},
    {FrameType::kStart, "start", 2, kMaxStartBytes},
    {FrameType::kReady, "ready", kReadyBytes, kReadyBytes},
    {FrameType::kStatus, "status", kStatusBytes, kStatusBytes},
    {FrameType::kVerdict, "verdict", 2, kMaxVerdictBytes},
    {FrameType::kState, "state", 0, 0},
};

const Limits* find(uint8_t type) {
  for (const Limits& limits : kLimits) {
    if (static_cast<uint8_t>(limits.type) == type) return &limits;
  }
  return nullptr;
}

}  // namespace

std::array<uint8_t, kHeaderBytes> frame_header(const FrameHeader& header) {
  std::array<uint8_t, kHeaderBytes> bytes{};
  std::memcpy(bytes.data(), &header.length, 4);
  bytes[4] = static_cast<uint8_t>(header.type);
  std::memcpy(bytes.data() + 8, &header.sequence, 4);
  std::memcpy(bytes.data() + 12, &header.checksum, 4);
  const uint32_t own = crc32c(ByteView(bytes).first(16));
  std::memcpy(bytes.data() + 16, &own, 4);
  return bytes;
}

Result<FrameHeader> parse_header(std::span<const uint8_t, kHeaderBytes> bytes,
                                 const JobBytes& job_bytes,
                                 uint32_t sequence) {
  FrameHeader header;
  uint32_t own = 0;
  std::memcpy(&header.length, bytes.data(), 4);
  std::memcpy(&header.sequence, bytes.data() + 8, 4);
  std::memcpy(&header.checksum, bytes.data() + 12, 4);
  std::memcpy(&own, bytes.data() + 16, 4);
  if (own != crc32c(bytes.first<16>())) {
    return refused("frame_checksum", "a frame's header has another checksum: it was garbled");
  }
  if (header.sequence != sequence) {
    return refused("frame_sequence",
                   concat("frame ", header.sequence, " came where frame ", sequence, " was due"));
  }
  if (bytes[5] != 0 || bytes[6] != 0 || bytes[7] != 0) {
    return refused("frame_reserved", "bytes 5 to 7 of a frame's header must be zero");
  }
  const Limits* limits = find(bytes[4]);
  if (limits == nullptr) {
    return refused("frame_type", concat("no frame has type ", static_cast<unsigned>(bytes[4])));
  }
  header.type = limits->type;
  size_t least = limits->least;
  size_t most = limits->most;
  if (limits->type == FrameType::kContribution) least = most = job_bytes.contribution;
  if (limits->type == FrameType::kState) least = most = job_bytes.state;
  if (header.length < least || header.length > most) {
    return refused("frame_length",
                   concat("a ",
                          limits->name,
                          " frame has ",
                          least,
                          " to ",
                          most,
                          " bytes of payload, found ",
                          header.length));
  }
  return header;
}

bool is_line_fault(const Error& error) {
  const std::string_view code = error.code;
  return code.starts_with("peer_") || code == "frame_truncated" || code == "frame_checksum" ||
         code == "frame_sequence";
}

const char* frame_name(FrameType type) {
  const Limits* limits = find(static_cast<uint8_t>(type));
  return limits == nullptr ? "unknown" : limits->name;
}

void write_prefix(const ContributionPrefix& prefix,
                  std::span<uint8_t, kContributionPrefixBytes> out) {
  std::memcpy(out.data(), &prefix.step, 8);
  std::memcpy(out.data() + 8, &prefix.microbatch, 4);
  std::memset(out.data() + 12, 0, 4);
}

Result<ContributionPrefix> parse_prefix(std::span<const uint8_t, kContributionPrefixBytes> bytes) {
  ContributionPrefix prefix;
  uint32_t reserved = 0;
  std::memcpy(&prefix.step, bytes.data(), 8);
  std::memcpy(&prefix.microbatch, bytes.data() + 8, 4);
  std::memcpy(&reserved, bytes.data() + 12, 4);
  if (reserved != 0) {
    return refused("frame_reserved", "bytes 12 to 15 of a contribution must be zero");
  }
  return prefix;
}

Bytes write_status(const RunStatus& status) {
  ByteWriter writer;
  writer.u64(status.taken);
  writer.u64(status.replays_done);
  writer.u64(status.replays_queued);
  return writer.finish();
}

Result<RunStatus> parse_status(ByteView bytes) {
  if (bytes.size() != kStatusBytes) {
    return refused("frame_length",
                   concat("a status frame has ", kStatusBytes, " bytes, found ", bytes.size()));
  }
  ByteReader reader(bytes);
  RunStatus status;
  GINN_ASSIGN(status.taken, reader.u64());
  GINN_ASSIGN(status.replays_done, reader.u64());
  GINN_ASSIGN(status.replays_queued, reader.u64());
  return status;
}

}  // namespace ginn::protocol
