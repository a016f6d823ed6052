#include "protocol/frame.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "base/crc32c.h"

namespace ginn::protocol {
namespace {

constexpr size_t kContributionBytes = 1000;

constexpr size_t kStateBytes = 2000;
constexpr JobBytes kJobBytes = {kContributionBytes, kStateBytes};

std::string code(FrameType type, uint32_t length, JobBytes job_bytes = kJobBytes) {
  const auto header = parse_header(frame_header({type, length, 5, 0}), job_bytes, 5);
  return header.ok() ? "" : header.error().code;
}

TEST(FrameHeader, Bytes) {
  const auto bytes = frame_header({FrameType::kVerdict, 0x01020304, 0x05060708, 0x090a0b0c});
  const std::array<uint8_t, 16> expected = {4, 3, 2, 1, 67, 0, 0, 0, 8, 7, 6, 5, 12, 11, 10, 9};
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), bytes.begin()));
  uint32_t own = 0;
  std::memcpy(&own, bytes.data() + 16, 4);
  EXPECT_EQ(own, crc32c(expected));
  const auto header = parse_header(frame_header({FrameType::kEnd, 0, 7, 8}), kJobBytes, 7);
  ASSERT_TRUE(header.ok());
  EXPECT_EQ(header->sequence, 7u);
  EXPECT_EQ(header->checksum, 8u);
}

TEST(FrameHeader, FaultsOfTheLineComeFirst) {
  const auto good = frame_header({static_cast<FrameType>(200), 0xffffffff, 5, 0});
  for (size_t bit = 0; bit < 8 * good.size(); ++bit) {
    auto bytes = good;
    bytes[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
    EXPECT_STREQ(parse_header(bytes, kJobBytes, 5).error().code, "frame_checksum") << bit;
  }
  EXPECT_STREQ(parse_header(good, kJobBytes, 4).error().code, "frame_sequence");
  EXPECT_STREQ(parse_header(good, kJobBytes, 5).error().code, "frame_type");
  for (const char* fault : {"peer_closed",
                            "peer_gone",
                            "peer_silent",
                            "frame_truncated",
                            "frame_checksum",
                            "frame_sequence"}) {
    EXPECT_TRUE(is_line_fault(refused(fault, "")));
  }
  for (const char* lie : {"frame_type", "frame_order", "contribution_norm", "data_after_end"}) {
    EXPECT_FALSE(is_line_fault(refused(lie, "")));
  }
}

TEST(FrameHeader, LimitsOfEveryType) {
  const struct {
    FrameType type;
    uint32_t least, most;
  } table[] = {
      {FrameType::kHello, 4, 4},
      {FrameType::kJob, 2, 65536},
      {FrameType::kGrant, 2, 8192},
      {FrameType::kContribution, 1000, 1000},
      {FrameType::kEnd, 0, 0},
      {FrameType::kStart, 2, 65536},
      {FrameType::kReady, 12, 12},
      {FrameType::kStatus, 24, 24},
      {FrameType::kVerdict, 2, 65536},
      {FrameType::kState, 2000, 2000},
  };
  for (const auto& [type, least, most] : table) {
    SCOPED_TRACE(frame_name(type));
    for (uint32_t length : {least, most}) {
      const auto header = parse_header(frame_header({type, length, 0, 0}), kJobBytes, 0);
      ASSERT_TRUE(header.ok());
      EXPECT_EQ(header->type, type);
      EXPECT_EQ(header->length, length);
    }
    EXPECT_EQ(code(type, most + 1), "frame_length");
    EXPECT_EQ(code(type, 0xffffffff), "frame_length");
    if (least > 0) {
      EXPECT_EQ(code(type, least - 1), "frame_length");
    }
  }
}

TEST(FrameHeader, NoContributionBeforeTheJob) {
  EXPECT_EQ(code(FrameType::kContribution, kContributionBytes, {}), "frame_length");
  EXPECT_EQ(code(FrameType::kContribution, 1, {}), "frame_length");
  EXPECT_EQ(code(FrameType::kState, kStateBytes, {}), "frame_length");
}

TEST(FrameHeader, EveryTypeThatIsNone) {
  size_t known = 0;
  for (int type = 0; type < 256; ++type) {
    const std::string found = code(static_cast<FrameType>(type), 0xffffffff);
    EXPECT_TRUE(found == "frame_type" || found == "frame_length") << type;
    if (found == "frame_length") ++known;
  }
  EXPECT_EQ(known, 10u);
  EXPECT_STREQ(frame_name(static_cast<FrameType>(99)), "unknown");
}

TEST(FrameHeader, ReservedBytesComeFirst) {
  for (size_t at : {5, 6, 7}) {
    auto bytes = frame_header({static_cast<FrameType>(200), 0xffffffff, 0, 0});
    bytes[at] = 0x80;
    const uint32_t own = crc32c(ByteView(bytes).first(16));
    std::memcpy(bytes.data() + 16, &own, 4);
    const auto header = parse_header(bytes, kJobBytes, 0);
    ASSERT_FALSE(header.ok());
    EXPECT_STREQ(header.error().code, "frame_reserved");
  }
}

TEST(ContributionPrefix, BytesAndBack) {
  std::array<uint8_t, kContributionPrefixBytes> bytes;
  bytes.fill(0xee);
  write_prefix({0x0102030405060708, 0x090a0b0c}, bytes);
  const std::array<uint8_t, kContributionPrefixBytes> expected = {
      8, 7, 6, 5, 4, 3, 2, 1, 12, 11, 10, 9, 0, 0, 0, 0};
  EXPECT_EQ(bytes, expected);
  const auto prefix = parse_prefix(bytes);
  ASSERT_TRUE(prefix.ok());
  EXPECT_EQ(prefix->step, 0x0102030405060708u);
  EXPECT_EQ(prefix->microbatch, 0x090a0b0cu);
}

TEST(ContributionPrefix, ReservedBytes) {
  for (size_t at = 12; at < 16; ++at) {
    std::array<uint8_t, kContributionPrefixBytes> bytes;
    write_prefix({1, 2}, bytes);
    bytes[at] = 1;
    const auto prefix = parse_prefix(bytes);
    ASSERT_FALSE(prefix.ok()) << at;
    EXPECT_STREQ(prefix.error().code, "frame_reserved");
  }
}

TEST(RunStatus, BytesAndBack) {
  const Bytes bytes = write_status({1, 2, uint64_t{3} << 40});
  ASSERT_EQ(bytes.size(), kStatusBytes);
  const auto status = parse_status(bytes);
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(status->taken, 1u);
  EXPECT_EQ(status->replays_done, 2u);
  EXPECT_EQ(status->replays_queued, uint64_t{3} << 40);
  for (size_t length = 0; length < kStatusBytes; ++length) {
    EXPECT_FALSE(parse_status(ByteView(bytes).first(length)).ok()) << length;
  }
}

}  // namespace
}  // namespace ginn::protocol
