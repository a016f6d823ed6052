#include "import/cifar.h"

#include <gtest/gtest.h>

#include "import/dataset_import.h"
#include "import/import_test_files.h"

namespace ginn::import {
namespace {

namespace fs = std::filesystem;
using testing::Folder;

// `count` records whose pixels tell channel, row and record apart.
Bytes cifar(size_t count, size_t label_bytes, uint8_t first_label = 0) {
  Bytes file;
  for (size_t i = 0; i < count; ++i) {
    if (label_bytes == 2) file.push_back(19);  // coarse
    file.push_back(static_cast<uint8_t>(first_label + i));
    for (size_t c = 0; c < 3; ++c) {
      for (size_t pixel = 0; pixel < 1024; ++pixel) {
        file.push_back(static_cast<uint8_t>(80 * c + pixel / 32 + i));
      }
    }
  }
  return file;
}

std::string code_of(const fs::path& path) {
  const auto result = load_dataset(path);
  return result.ok() ? "ok" : result.error().code;
}
std::string message_of(const fs::path& path) {
  const auto result = load_dataset(path);
  return result.ok() ? "" : result.error().message;
}

TEST(Cifar, ReadsBatchesInOrder) {
  Folder folder;
  folder.write("data_batch_1.bin", cifar(2, 1));
  folder.write("data_batch_2.bin", cifar(3, 1, 7));
  folder.write("data_batch_4.bin", cifar(1, 1));  // 3 is missing
  const auto result = load_dataset(folder / "data_batch");
  ASSERT_TRUE(result.ok()) << result.error().message;
  const data::DatasetFacts& facts = (*result)->facts();
  EXPECT_EQ(facts.records, 5u);
  EXPECT_EQ(facts.height, 32u);
  EXPECT_EQ(facts.width, 32u);
  EXPECT_EQ(facts.channels, 3u);
  EXPECT_EQ(facts.classes, 10u) << "whatever labels occur";
  const ByteView bytes = (*result)->bytes();
  ASSERT_EQ(bytes.size(), 5u * 3074);
  EXPECT_EQ(bytes[3074 * 2], 7);
  EXPECT_EQ(bytes[3074 * 2 + 1], 0);
  // Record 4, row 3, column 5: its red, green and blue.
  const size_t pixel = 3074 * 4 + 2 + (3 * 32 + 5) * 3;
  EXPECT_EQ(bytes[pixel], 3 + 2);
  EXPECT_EQ(bytes[pixel + 1], 80 + 3 + 2);
  EXPECT_EQ(bytes[pixel + 2], 160 + 3 + 2);
}

TEST(Cifar, OneFileByNameOrPrefix) {
  Folder folder;
  folder.write("test_batch.bin", cifar(2, 1));
  for (const char* name : {"test_batch", "test_batch.bin"}) {
    const auto result = load_dataset(folder / name);
    ASSERT_TRUE(result.ok()) << result.error().message;
    EXPECT_EQ((*result)->facts().records, 2u);
  }
}

TEST(Cifar, Cifar100HasFineLabels) {
  Folder folder;
  folder.write("train.bin", cifar(3, 2, 97));
  const auto result = load_dataset(folder / "train");
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_EQ((*result)->facts().classes, 100u);
  EXPECT_EQ((*result)->facts().records, 3u);
  EXPECT_EQ((*result)->bytes()[0], 97);
}

TEST(Cifar, TruncatedAndEmptyFilesAreNamed) {
  Folder folder;
  Bytes file = cifar(2, 1);
  file.pop_back();
  folder.write("data_batch_1.bin", file);
  folder.write("test_batch.bin", {});
  EXPECT_EQ(code_of(folder / "data_batch"), "cifar_size");
  EXPECT_NE(message_of(folder / "data_batch").find("data_batch_1.bin: 6145 bytes"),
            std::string::npos);
  EXPECT_EQ(code_of(folder / "test_batch"), "cifar_size");
}

TEST(Cifar, ALabelOutOfRangeIsNamedWithItsPlace) {
  Folder folder;
  folder.write("data_batch_1.bin", cifar(4, 1, 7));
  EXPECT_EQ(code_of(folder / "data_batch"), "cifar_label");
  const std::string message = message_of(folder / "data_batch");
  EXPECT_NE(message.find("record 3"), std::string::npos) << message;
  EXPECT_NE(message.find("offset 9219 is 10"), std::string::npos) << message;
}

TEST(Cifar, OtherNamesByLength) {
  Folder folder;
  folder.write("ten.bin", cifar(2, 1));
  folder.write("hundred.bin", cifar(2, 2));
  EXPECT_EQ(load_dataset(folder / "ten").value()->facts().classes, 10u);
  EXPECT_EQ(load_dataset(folder / "hundred").value()->facts().classes, 100u);
  folder.write("neither.bin", Bytes(100));
  EXPECT_EQ(code_of(folder / "neither"), "cifar_size");
}

}  // namespace
}  // namespace ginn::import
