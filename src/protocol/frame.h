#pragma once

#include <array>

#include "base/bytes.h"

namespace ginn::protocol {

// docs/protocol.md. Every frame: offset 0 payload length u32 LE | 4 type u8 | 5 three zero bytes |
// 8 payload.
inline constexpr uint16_t kVersion = 1;
inline constexpr size_t kHeaderBytes = 8;

enum class FrameType : uint8_t {
  // worker to verifier, in this order
  kHello = 1,         // version u16, reserved u16 = 0
  kJob = 2,           // the job's canonical JSON
  kGrant = 3,         // DSSE envelope
  kContribution = 4,  // step u64, microbatch u32, reserved u32 = 0, encoded contribution
  kEnd = 5,           // empty
  // verifier to worker
  kStart = 64,    // start statement's fields and evidence, JSON
  kReady = 65,    // next step u64, next microbatch u32
  kStatus = 66,   // taken u64, replays done u64, replays queued u64
  kVerdict = 67,  // JSON: accepted, environment, code, message
};

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
  uint32_t length = 0;  // of the payload
};

std::array<uint8_t, kHeaderBytes> frame_header(FrameType type, uint32_t length);

// From hostile bytes. `contribution_bytes`: the exact payload of a contribution, 0 before the job
// is known. Codes, in this order: "frame_reserved", "frame_type", "frame_length".
Result<FrameHeader> parse_header(std::span<const uint8_t, kHeaderBytes> bytes,
                                 size_t contribution_bytes);

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
