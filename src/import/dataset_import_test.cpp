#include "import/dataset_import.h"

#include <gtest/gtest.h>

#include "import/import_test_files.h"

namespace ginn::import {
namespace {

namespace fs = std::filesystem;
using testing::counting;
using testing::Folder;
using testing::gzip;
using testing::idx_bytes;

const Bytes kImages = idx_bytes({4, 2, 3}, counting(24));
const Bytes kLabels = idx_bytes({4}, Bytes{0, 2, 1, 2});

std::string load_code(const fs::path& path) {
  const auto result = load_dataset(path);
  return result.ok() ? "ok" : result.error().code;
}
std::string message_of(const fs::path& path) {
  const auto result = load_dataset(path);
  return result.ok() ? "" : result.error().message;
}

void expect_small_dataset(const fs::path& path) {
  const auto result = load_dataset(path);
  ASSERT_TRUE(result.ok()) << result.error().message;
  const data::DatasetFacts& facts = result.value()->facts();
  EXPECT_EQ(facts.records, 4u);
  EXPECT_EQ(facts.height, 2u);
  EXPECT_EQ(facts.width, 3u);
  EXPECT_EQ(facts.channels, 1u);
  EXPECT_EQ(facts.classes, 3u);
  const ByteView bytes = result.value()->bytes();
  EXPECT_EQ(Bytes(bytes.begin(), bytes.end()),
            (Bytes{0, 0, 0,  1,  2,  3,  4,  5,  2, 0, 6,  7,  8,  9,  10, 11,
                   1, 0, 12, 13, 14, 15, 16, 17, 2, 0, 18, 19, 20, 21, 22, 23}));
}

TEST(LoadDataset, FindsThePairByPrefix) {
  Folder folder;
  folder.write("train-images-idx3-ubyte", kImages);
  folder.write("train-labels-idx1-ubyte", kLabels);
  folder.write("packed-images-idx3-ubyte.gz", gzip(kImages));
  folder.write("packed-labels-idx1-ubyte.gz", gzip(kLabels));
  folder.write("dots-images.idx3-ubyte", kImages);
  folder.write("dots-labels.idx1-ubyte.gz", gzip(kLabels));
  for (const char* prefix : {"train", "packed", "dots"}) expect_small_dataset(folder / prefix);
}

TEST(LoadDataset, TakesEitherFileOfThePair) {
  Folder folder;
  folder.write("t-images-idx3-ubyte.gz", gzip(kImages));
  folder.write("t-labels-idx1-ubyte", kLabels);
  expect_small_dataset(folder / "t-images-idx3-ubyte.gz");
  expect_small_dataset(folder / "t-labels-idx1-ubyte");
}

TEST(LoadDataset, GzipIsKnownByContentNotByName) {
  Folder folder;
  folder.write("t-images-idx3-ubyte", gzip(kImages));
  folder.write("t-labels-idx1-ubyte.gz", kLabels);
  expect_small_dataset(folder / "t");
}

TEST(LoadDataset, KeepsChannelsLast) {
  Folder folder;
  folder.write("c-images-idx4-ubyte", idx_bytes({1, 2, 2, 3}, counting(12)));
  folder.write("c-labels-idx1-ubyte", idx_bytes({1}, Bytes{0}));
  const auto result = load_dataset(folder / "c");
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_EQ(result.value()->facts().channels, 3u);
  EXPECT_EQ(result.value()->facts().classes, 2u);  // the least that there may be
  const ByteView pixels = result.value()->bytes().subspan(2);
  EXPECT_EQ(Bytes(pixels.begin(), pixels.end()), counting(12));
}

TEST(LoadDataset, LabelsGoUpTo255) {
  Folder folder;
  folder.write("t-images-idx3-ubyte", kImages);
  folder.write("t-labels-idx1-ubyte", idx_bytes({4}, Bytes{255, 0, 0, 0}));
  const auto result = load_dataset(folder / "t");
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result.value()->facts().classes, 256u);
}

TEST(LoadDataset, CountsMustAgree) {
  Folder folder;
  folder.write("t-images-idx3-ubyte", kImages);
  folder.write("t-labels-idx1-ubyte", idx_bytes({5}, Bytes{0, 2, 1, 2, 1}));
  EXPECT_EQ(load_code(folder / "t"), "dataset_count_mismatch");
  EXPECT_NE(message_of(folder / "t").find("4 images, but 5 labels"), std::string::npos);
}

TEST(LoadDataset, SwappedFilesAreRefused) {
  Folder folder;
  folder.write("t-images-idx3-ubyte", kLabels);
  folder.write("t-labels-idx1-ubyte", kImages);
  EXPECT_EQ(load_code(folder / "t"), "idx_rank");
}

TEST(LoadDataset, ARecordTooLargeIsRefused) {
  Folder folder;
  folder.write("t-images-idx4-ubyte", gzip(idx_bytes({1, 4096, 2048, 4}, Bytes(size_t{1} << 25))));
  folder.write("t-labels-idx1-ubyte", idx_bytes({1}, Bytes{0}));
  EXPECT_EQ(load_code(folder / "t"), "dataset_limits");
}

TEST(LoadDataset, AMissingFileIsNamed) {
  Folder folder;
  EXPECT_EQ(load_code(folder / "t"), "dataset_not_found");
  EXPECT_EQ(load_code(""), "dataset_not_found");
  folder.write("t-images-idx3-ubyte", kImages);
  EXPECT_EQ(load_code(folder / "t"), "dataset_not_found");
  EXPECT_NE(message_of(folder / "t").find("t-labels-idx1-ubyte: no such file"), std::string::npos);
  folder.write("u-labels-idx1-ubyte", kLabels);
  EXPECT_NE(message_of(folder / "u").find("u-images-idx3-ubyte: no such file"), std::string::npos);
}

TEST(LoadDataset, OfAFolderThePrefixesAreNamed) {
  Folder folder;
  EXPECT_EQ(load_code(folder.path()), "dataset_is_folder");
  EXPECT_NE(message_of(folder.path()).find("no pair of IDX files"), std::string::npos);
  for (const char* prefix : {"train", "t10k"}) {
    folder.write(prefix + std::string("-images-idx3-ubyte"), kImages);
    folder.write(prefix + std::string("-labels-idx1-ubyte.gz"), gzip(kLabels));
  }
  folder.write("alone-images-idx3-ubyte", kImages);
  EXPECT_EQ(load_code(folder.path()), "dataset_is_folder");
  const std::string message = message_of(folder.path());
  EXPECT_NE(message.find((folder / "train").string()), std::string::npos);
  EXPECT_NE(message.find((folder / "t10k").string()), std::string::npos);
  EXPECT_EQ(message.find("alone"), std::string::npos);
}

TEST(LoadDataset, AFileOfAnotherNameIsRefused) {
  Folder folder;
  EXPECT_EQ(load_code(folder.write("pictures.idx", kImages)), "dataset_file_name");
}

TEST(WriteRecordsFile, GivesWhatFileRecordsReads) {
  Folder folder;
  folder.write("t-images-idx3-ubyte", kImages);
  folder.write("t-labels-idx1-ubyte", kLabels);
  const auto memory = load_dataset(folder / "t");
  ASSERT_TRUE(memory.ok());
  const Status written = write_records_file(*memory.value(), folder / "records");
  ASSERT_TRUE(written.ok()) << written.error().message;
  const auto file = data::FileRecords::create(memory.value()->facts(), folder / "records");
  ASSERT_TRUE(file.ok()) << file.error().message;
  Bytes record(8);
  ASSERT_TRUE(file.value()->read(1, record).ok());
  EXPECT_EQ(record, (Bytes{2, 0, 6, 7, 8, 9, 10, 11}));
  EXPECT_FALSE(write_records_file(*memory.value(), folder / "no/such/folder").ok());
}

TEST(Summarize, CountsRecordsOfEachClass) {
  Folder folder;
  folder.write("t-images-idx3-ubyte", kImages);
  folder.write("t-labels-idx1-ubyte", kLabels);
  const auto records = load_dataset(folder / "t");
  ASSERT_TRUE(records.ok());
  const DatasetSummary summary = summarize(*records.value());
  EXPECT_EQ(summary.records_per_class, (std::vector<uint64_t>{1, 1, 2}));
  EXPECT_EQ(summary.root, records.value()->facts().root());
}

TEST(FashionMnist, IsReadFromDebiansPackage) {
  const fs::path folder = "/usr/share/datasets/fashion-mnist";
  if (!fs::exists(folder / "train-images-idx3-ubyte.gz")) {
    GTEST_SKIP() << "Debian's package dataset-fashion-mnist is not installed";
  }
  EXPECT_EQ(load_code(folder), "dataset_is_folder");
  const auto train = load_dataset(folder / "train");
  ASSERT_TRUE(train.ok()) << train.error().message;
  EXPECT_EQ(train.value()->facts().records, 60000u);
  EXPECT_EQ(train.value()->facts().record_bytes(), 786u);
  EXPECT_EQ(summarize(*train.value()).records_per_class, std::vector<uint64_t>(10, 6000));
  const auto test = load_dataset(folder / "t10k");
  ASSERT_TRUE(test.ok()) << test.error().message;
  EXPECT_EQ(summarize(*test.value()).records_per_class, std::vector<uint64_t>(10, 1000));
  // Roots from an independent implementation in Python (hashlib).
  EXPECT_EQ(crypto::hex(train.value()->facts().root()),
            "fe1bcf84e640dcf1d95a037b7fb7d08ca6933a5e72999e3309a4f82ec17c3f16");
  EXPECT_EQ(crypto::hex(test.value()->facts().root()),
            "0dcfd2494e825b830ae456ee50a2cc40993e3f5aaf1170ead6f39804a32a7f9f");
}

}  // namespace
}  // namespace ginn::import
