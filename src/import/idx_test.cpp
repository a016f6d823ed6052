#include "import/idx.h"

#include <gtest/gtest.h>

#include "import/import_test_files.h"

namespace ginn::import {
namespace {

using testing::counting;
using testing::Folder;
using testing::gzip;
using testing::idx_bytes;
using testing::joined;

std::string code_of(const Bytes& file, IdxKind kind = IdxKind::kImages) {
  const auto plain = Idx::parse(file, kind, "file");
  const auto packed = Idx::parse(gzip(file), kind, "file");
  const std::string code = plain.ok() ? "ok" : plain.error().code;
  EXPECT_EQ(packed.ok() ? "ok" : packed.error().code, code) << "gzipped";
  return code;
}

Bytes with_byte(Bytes file, size_t offset, uint8_t value) {
  file[offset] = value;
  return file;
}

TEST(Idx, ReadsImagesOfOneAndOfSeveralChannels) {
  const auto grey = Idx::parse(idx_bytes({2, 3, 4}, counting(24)), IdxKind::kImages, "file");
  ASSERT_TRUE(grey.ok()) << grey.error().message;
  EXPECT_EQ(grey->count(), 2u);
  EXPECT_EQ(grey->height(), 3u);
  EXPECT_EQ(grey->width(), 4u);
  EXPECT_EQ(grey->channels(), 1u);
  EXPECT_EQ(Bytes(grey->values().begin(), grey->values().end()), counting(24));
  const auto color = Idx::parse(idx_bytes({1, 2, 4, 3}, counting(24)), IdxKind::kImages, "file");
  ASSERT_TRUE(color.ok()) << color.error().message;
  EXPECT_EQ(color->channels(), 3u);
  EXPECT_EQ(Bytes(color->values().begin(), color->values().end()), counting(24));
}

TEST(Idx, ReadsLabelsGzippedOrNot) {
  const Bytes file = idx_bytes({5}, counting(5));
  for (const Bytes& bytes : {file, gzip(file)}) {
    const auto labels = Idx::parse(bytes, IdxKind::kLabels, "file");
    ASSERT_TRUE(labels.ok()) << labels.error().message;
    EXPECT_EQ(labels->count(), 5u);
    EXPECT_EQ(Bytes(labels->values().begin(), labels->values().end()), counting(5));
  }
}

TEST(Idx, EveryTruncationIsRefused) {
  const Bytes file = idx_bytes({2, 3, 4}, counting(24));
  EXPECT_EQ(code_of(file), "ok");
  for (size_t size = 0; size < file.size(); ++size) {
    EXPECT_EQ(code_of(Bytes(file.begin(), file.begin() + static_cast<long>(size))), "idx_truncated")
        << "size " << size;
  }
}

TEST(Idx, TrailingBytesAreRefused) {
  EXPECT_EQ(code_of(idx_bytes({2, 3, 4}, counting(25))), "idx_trailing_bytes");
  EXPECT_EQ(code_of(idx_bytes({2, 3, 4}, counting(100000))), "idx_trailing_bytes");
  EXPECT_EQ(code_of(idx_bytes({5}, counting(6)), IdxKind::kLabels), "idx_trailing_bytes");
}

TEST(Idx, WrongMagicTypeAndRankAreRefused) {
  const Bytes file = idx_bytes({2, 3, 4}, counting(24));
  EXPECT_EQ(code_of(with_byte(file, 0, 1)), "idx_magic");
  EXPECT_EQ(code_of(with_byte(file, 1, 1)), "idx_magic");
  for (uint8_t type : Bytes{0x00, 0x09, 0x0b, 0x0c, 0x0d, 0x0e}) {
    EXPECT_EQ(code_of(with_byte(file, 2, type)), "idx_type");
  }
  for (uint8_t rank : Bytes{0, 1, 2, 5, 255})
    EXPECT_EQ(code_of(with_byte(file, 3, rank)), "idx_rank");
  EXPECT_EQ(code_of(file, IdxKind::kLabels), "idx_rank");
  EXPECT_EQ(code_of(idx_bytes({24}, counting(24)), IdxKind::kImages), "idx_rank");
  EXPECT_EQ(code_of(with_byte(idx_bytes({24}, counting(24)), 3, 0), IdxKind::kLabels), "idx_rank");
}

TEST(Idx, ZeroAndTooLargeDimensionsAreRefused) {
  EXPECT_EQ(code_of(idx_bytes({0, 3, 4}, {})), "idx_empty");
  EXPECT_EQ(code_of(idx_bytes({0}, {}), IdxKind::kLabels), "idx_empty");
  EXPECT_EQ(code_of(idx_bytes({2, 0, 4}, {})), "idx_limit");
  EXPECT_EQ(code_of(idx_bytes({2, 3, 0}, {})), "idx_limit");
  EXPECT_EQ(code_of(idx_bytes({2, 3, 4, 0}, {})), "idx_limit");
  EXPECT_EQ(code_of(idx_bytes({1, 4097, 1}, counting(4097))), "idx_limit");
  EXPECT_EQ(code_of(idx_bytes({1, 1, 4097}, counting(4097))), "idx_limit");
  EXPECT_EQ(code_of(idx_bytes({1, 1, 1, 17}, counting(17))), "idx_limit");
  EXPECT_EQ(code_of(idx_bytes({0x80000000, 1, 1}, {})), "idx_limit");
  EXPECT_EQ(code_of(idx_bytes({0xffffffff}, {}), IdxKind::kLabels), "idx_limit");
  EXPECT_EQ(code_of(idx_bytes({1, 4096, 1}, counting(4096))), "ok");
  EXPECT_EQ(code_of(idx_bytes({1, 1, 1, 16}, counting(16))), "ok");
}

// The largest values of each field: nothing overflows and nothing is reserved for them.
TEST(Idx, AHugeTotalIsRefusedBeforeAnyMemoryIsTaken) {
  EXPECT_EQ(code_of(idx_bytes({0x7fffffff, 4096, 4096, 16}, counting(8))), "idx_limit");
  EXPECT_EQ(code_of(idx_bytes({256, 4096, 4096}, counting(8))), "idx_limit");
  EXPECT_EQ(code_of(idx_bytes({255, 4096, 4096}, counting(8))), "idx_truncated");
}

TEST(Idx, BrokenGzipIsRefused) {
  const Bytes packed = gzip(idx_bytes({2, 3, 4}, counting(24)));
  const auto parse_code = [](const Bytes& bytes) {
    const auto result = Idx::parse(bytes, IdxKind::kImages, "file");
    return std::string(result.ok() ? "ok" : result.error().code);
  };
  EXPECT_EQ(parse_code(Bytes(packed.begin(), packed.end() - 1)), "gzip_truncated");
  EXPECT_EQ(parse_code(joined(packed, {0})), "gzip_trailing_garbage");
  EXPECT_EQ(parse_code(with_byte(packed, packed.size() - 8, 0x55)), "gzip_corrupt");
}

TEST(Idx, MessagesNameTheFileAndTheOffset) {
  Folder folder;
  const auto path = folder.write("some-labels", with_byte(idx_bytes({5}, counting(5)), 2, 9));
  const auto result = Idx::read(path, IdxKind::kLabels);
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message.find("some-labels"), std::string::npos);
  EXPECT_NE(result.error().message.find("offset 2"), std::string::npos);
  EXPECT_STREQ(Idx::read(folder / "absent", IdxKind::kLabels).error().code, "not_found");
}

}  // namespace
}  // namespace ginn::import
