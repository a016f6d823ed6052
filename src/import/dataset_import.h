#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "data/dataset.h"

namespace ginn::import {

// Reads CIFAR's binary files (cifar.h) or a pair of IDX files, gzipped or not, into raw records.
// For IDX `path` is their common prefix P, as
// "/usr/share/datasets/fashion-mnist/train":
//   P-images-idx3-ubyte[.gz], P-labels-idx1-ubyte[.gz]   ("idx4" for images of several channels)
//   P-images.idx3-ubyte[.gz], P-labels.idx1-ubyte[.gz]
// or one of the two files. A file without .gz goes before one with it; whether it is compressed is
// decided by its content. classes = largest label + 1, at least 2.
// Codes: "dataset_not_found", "dataset_is_folder" (naming the prefixes in it), "dataset_file_name",
// "dataset_count_mismatch", and those of Idx::read(), load_cifar() and
// data::MemoryRecords::create().
Result<std::unique_ptr<data::MemoryRecords>> load_dataset(const std::filesystem::path& path);

// Writes the raw records, the file that data::FileRecords reads: all of it or nothing.
// Code: write_file_atomic()'s.
Status write_records_file(const data::MemoryRecords& records, const std::filesystem::path& path);

struct DatasetSummary {
  data::DatasetFacts facts;
  crypto::Digest root{};                    // facts.root()
  std::vector<uint64_t> records_per_class;  // facts.classes of them
};
DatasetSummary summarize(const data::MemoryRecords& records);

}  // namespace ginn::import
