#include "data/dataset.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <functional>

#include "tests/support/temporary_folder.h"

namespace ginn::data {
namespace {

namespace fs = std::filesystem;

constexpr DatasetFacts kFacts{.records = 5, .height = 2, .width = 3, .channels = 2, .classes = 4};

// Record i: label i mod 4, pixel j is 16 i + j.
Bytes make_records() {
  ByteWriter writer;
  for (uint32_t i = 0; i < 5; ++i) {
    writer.u16(static_cast<uint16_t>(i % 4));
    for (uint32_t j = 0; j < 12; ++j) writer.u8(static_cast<uint8_t>(16 * i + j));
  }
  return writer.finish();
}

class Records : public testing::Test {
 protected:
  fs::path write(const Bytes& bytes) {
    const fs::path path = folder_ / "records";
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    return path;
  }
  static void flip_bit(const fs::path& path, std::streamoff offset) {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    const int byte = file.seekg(offset).get();
    file.seekp(offset).put(static_cast<char>(byte ^ 4));
  }
  static DatasetFacts facts() {
    return MemoryRecords::create(kFacts, make_records()).value()->facts();
  }
  static std::string create_code(const DatasetFacts& facts, const fs::path& path) {
    const auto result = FileRecords::create(facts, path);
    return result.ok() ? "ok" : result.error().code;
  }

  const test::TemporaryFolder temporary_;
  const fs::path folder_ = temporary_.path();
};

// From an independent implementation in Python (hashlib).
TEST_F(Records, KnownTreeAndRoot) {
  EXPECT_EQ(crypto::hex(facts().tree),
            "50163965181a2d66b21c7398a8ccad2d5e0358bcb9f4e84ea436b013a520e65e");
  EXPECT_EQ(crypto::hex(facts().root()),
            "1360e5888bd61fe9be93bdda2b1cada9e269dd091fc163b64c091dd7bdbdf34e");
}

TEST_F(Records, EveryFactChangesTheRoot) {
  const DatasetFacts good = facts();
  const std::vector<std::function<void(DatasetFacts&)>> changes = {
      [](DatasetFacts& f) { f.records ^= 1; },
      [](DatasetFacts& f) { f.records ^= uint64_t{1} << 40; },
      [](DatasetFacts& f) { ++f.height; },
      [](DatasetFacts& f) { ++f.width; },
      [](DatasetFacts& f) { std::swap(f.height, f.width); },
      [](DatasetFacts& f) { ++f.channels; },
      [](DatasetFacts& f) { ++f.classes; },
      [](DatasetFacts& f) { f.tree[31] ^= 1; }};
  for (size_t i = 0; i < changes.size(); ++i) {
    DatasetFacts changed = good;
    changes[i](changed);
    EXPECT_NE(changed.root(), good.root()) << "change " << i;
  }
}

TEST_F(Records, LimitsAreChecked) {
  EXPECT_TRUE(check_limits(kFacts).ok());
  const std::vector<std::function<void(DatasetFacts&)>> changes = {
      [](DatasetFacts& f) { f.records = 0; },
      [](DatasetFacts& f) { f.records = uint64_t{1} << 31; },
      [](DatasetFacts& f) { f.height = 0; },
      [](DatasetFacts& f) { f.height = 4097; },
      [](DatasetFacts& f) { f.width = 0; },
      [](DatasetFacts& f) { f.width = 4097; },
      [](DatasetFacts& f) { f.channels = 0; },
      [](DatasetFacts& f) { f.channels = 17; },
      [](DatasetFacts& f) { f.classes = 1; },
      [](DatasetFacts& f) { f.classes = 65536; },
      [](DatasetFacts& f) { f.height = f.width = 4096; }};  // 2 + 2^25 bytes a record
  for (size_t i = 0; i < changes.size(); ++i) {
    DatasetFacts changed = kFacts;
    changes[i](changed);
    const Status status = check_limits(changed);
    ASSERT_FALSE(status.ok()) << "change " << i;
    EXPECT_STREQ(status.error().code, "dataset_limits");
    EXPECT_FALSE(MemoryRecords::create(changed, make_records()).ok());
    EXPECT_EQ(create_code(changed, folder_), "dataset_limits");
  }
}

TEST_F(Records, MemoryRefusesWrongSizeAndLabels) {
  Bytes records = make_records();
  records[2 * 14] = 4;
  auto result = MemoryRecords::create(kFacts, records);
  ASSERT_FALSE(result.ok());
  EXPECT_STREQ(result.error().code, "label_range");
  EXPECT_NE(result.error().message.find("record 2"), std::string::npos);
  records[2 * 14] = 0;
  records[2 * 14 + 1] = 1;  // the label's high byte
  EXPECT_STREQ(MemoryRecords::create(kFacts, records).error().code, "label_range");
  records = make_records();
  records.push_back(0);
  EXPECT_STREQ(MemoryRecords::create(kFacts, records).error().code, "dataset_size");
  records.resize(69);
  EXPECT_STREQ(MemoryRecords::create(kFacts, records).error().code, "dataset_size");
}

TEST_F(Records, FileGivesTheRecordsOfMemory) {
  const auto memory = MemoryRecords::create(kFacts, make_records());
  ASSERT_TRUE(memory.ok());
  const auto file = FileRecords::create(facts(), write(make_records()));
  ASSERT_TRUE(file.ok()) << file.error().message;
  EXPECT_EQ(file.value()->facts(), memory.value()->facts());
  for (uint64_t i : {4, 0, 3, 1, 2}) {
    Bytes from_file(14);
    Bytes from_memory(14);
    ASSERT_TRUE(file.value()->read(i, from_file).ok());
    ASSERT_TRUE(memory.value()->read(i, from_memory).ok());
    EXPECT_EQ(from_file, from_memory);
    EXPECT_EQ(from_file[2], 16 * i);
  }
}

TEST_F(Records, ABitFlippedLaterIsFoundWhenItsRecordIsRead) {
  const fs::path path = write(make_records());
  const auto file = FileRecords::create(facts(), path);
  ASSERT_TRUE(file.ok());
  flip_bit(path, 3 * 14 + 7);
  Bytes record(14);
  EXPECT_TRUE(file.value()->read(2, record).ok());
  EXPECT_TRUE(file.value()->read(4, record).ok());
  const Status status = file.value()->read(3, record);
  ASSERT_FALSE(status.ok());
  EXPECT_STREQ(status.error().code, "record_mismatch");
  EXPECT_EQ(status.error().kind, ErrorClass::kEnvironment) << "it accuses no worker";
  EXPECT_NE(status.error().message.find("record 3"), std::string::npos);
  flip_bit(path, 3 * 14 + 7);
  EXPECT_TRUE(file.value()->read(3, record).ok());
}

TEST_F(Records, AFileCutLaterIsUnreadable) {
  const fs::path path = write(make_records());
  const auto file = FileRecords::create(facts(), path);
  ASSERT_TRUE(file.ok());
  fs::resize_file(path, 69);
  Bytes record(14);
  EXPECT_TRUE(file.value()->read(3, record).ok());
  EXPECT_STREQ(file.value()->read(4, record).error().code, "record_unreadable");
}

TEST_F(Records, CreateRefusesEveryFlippedByte) {
  const fs::path path = write(make_records());
  for (std::streamoff offset = 0; offset < 70; ++offset) {
    flip_bit(path, offset);
    const std::string expected = offset % 14 < 2 ? "label_range" : "dataset_root_mismatch";
    EXPECT_EQ(create_code(facts(), path), expected) << "offset " << offset;
    flip_bit(path, offset);
  }
  EXPECT_EQ(create_code(facts(), path), "ok");
}

TEST_F(Records, CreateRefusesWrongSizesAndKinds) {
  Bytes records = make_records();
  records.push_back(0);
  EXPECT_EQ(create_code(facts(), write(records)), "dataset_size");
  records.resize(69);
  EXPECT_EQ(create_code(facts(), write(records)), "dataset_size");
  EXPECT_EQ(create_code(facts(), write({})), "dataset_size");
  EXPECT_EQ(create_code(facts(), folder_ / "missing"), "record_unreadable");
  EXPECT_EQ(create_code(facts(), folder_), "record_unreadable");
  ASSERT_EQ(mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(create_code(facts(), folder_ / "pipe"), "record_unreadable");
}

// More records than fit in one block of reading, and a size that is that of Fashion-MNIST.
TEST_F(Records, SixtyThousandRecordsAreHashedInBlocks) {
  DatasetFacts many{.records = 60000, .height = 28, .width = 28, .channels = 1, .classes = 10};
  Bytes records(many.records * many.record_bytes());
  for (size_t i = 0; i < records.size(); ++i) records[i] = static_cast<uint8_t>(i * i >> 3);
  for (size_t i = 0; i < many.records; ++i) {
    records[i * 786] = static_cast<uint8_t>(i % 10);
    records[i * 786 + 1] = 0;
  }
  const fs::path path = write(records);
  const auto memory = MemoryRecords::create(many, records);
  ASSERT_TRUE(memory.ok());
  const auto begin = std::chrono::steady_clock::now();
  const auto file = FileRecords::create(memory.value()->facts(), path);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  ASSERT_TRUE(file.ok()) << file.error().message;
  RecordProperty("seconds", std::to_string(took.count()));
  Bytes record(786);
  for (uint64_t i : {0u, 1333u, 1334u, 59999u}) {
    ASSERT_TRUE(file.value()->read(i, record).ok());
    EXPECT_TRUE(
        std::equal(record.begin(), record.end(), records.begin() + static_cast<long>(i) * 786));
  }
}

}  // namespace
}  // namespace ginn::data
