#pragma once

#include <array>

#include "base/bytes.h"

namespace ginn::protocol {

// docs/protocol.md. Every frame: offset 0 payload length u32 LE | 4 type u8 | 5 three zero bytes |
// 8 sequence u32 | 12 CRC-32C of the payload u32 | 16 CRC-32C of bytes 0 to 15 u32 | 20 payload.
// Sequence and checksums tell a fault of the line from a lie: the former costs the connection.
inline constexpr uint16_t kVersion = 3;
inline constexpr size_t kHeaderBytes = 20;

enum class FrameType : uint8_t {
  // worker to verifier, in this order
  kHello = 1,         // version u16, flags u16
  kJob = 2,           // the job's canonical JSON
  kGrant = 3,         // DSSE envelope
  kContribution = 4,  // step u64, microbatch u32, reserved u32 = 0, encoded contribution
  kEnd = 5,           // empty
  // verifier to worker
  kStart = 64,    // start statement's fields and evidence, JSON
  kReady = 65,    // next step u64, next microbatch u32
  kStatus = 66,   // taken u64, replays done u64, replays queued u64
  kVerdict = 67,  // JSON: accepted, environment, code, message
  kState = 68,    // weights, then velocities, f32, as of the start of the next step
};

inline constexpr uint16_t kWantsState = 1;  // of a hello's flags; the others are zero

inline constexpr size_t kHelloBytes = 4;
inline constexpr size_t kMaxJobBytes = 1 << 16;
inline constexpr size_t kMaxGrantBytes = 1 << 13;
inline constexpr size_t kContributionPrefixBytes = 16;
inline constexpr size_t kMaxStartBytes = 1 << 16;
inline constexpr size_t kReadyBytes = 12;
inline constexpr size_t kStatusBytes = 24;
inline constexpr size_t kMaxVerdictBytes = 1 << 16;

struct FrameHeader {
  FrameType type{};
  uint32_t length = 0;    // of the payload
  uint32_t sequence = 0;  // counts the frames of one direction of one connection, from 0
  uint32_t checksum = 0;  // of the payload
};

std::array<uint8_t, kHeaderBytes> frame_header(const FrameHeader& header);

// The exact payloads of the two frames whose length the job decides; 0 before it is known.
struct JobBytes {
  size_t contribution = 0;
  size_t state = 0;
};

// From hostile bytes; `sequence` is due. Codes, in this order: "frame_checksum" (the header's),
// "frame_sequence", "frame_reserved", "frame_type", "frame_length".
Result<FrameHeader> parse_header(std::span<const uint8_t, kHeaderBytes> bytes,
                                 const JobBytes& job_bytes,
                                 uint32_t sequence);

// Whether an error's code is of a connection that broke, and says nothing about the peer: "peer_*",
// "frame_truncated", "frame_checksum", "frame_sequence".
bool is_line_fault(const Error& error);

const char* frame_name(FrameType type);

struct ContributionPrefix {
  uint64_t step = 0;
  uint32_t microbatch = 0;
};
void write_prefix(const ContributionPrefix& prefix,
                  std::span<uint8_t, kContributionPrefixBytes> out);
// Code "frame_reserved".
Result<ContributionPrefix> parse_prefix(std::span<const uint8_t, kContributionPrefixBytes> bytes);

struct RunStatus {
  uint64_t taken = 0;
  uint64_t replays_done = 0;
  uint64_t replays_queued = 0;
};
Bytes write_status(const RunStatus& status);
Result<RunStatus> parse_status(ByteView bytes);

}  // namespace ginn::protocol
