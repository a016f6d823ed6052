#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "data/dataset.h"

namespace ginn::import {

// The binary version of CIFAR-10 and CIFAR-100 (Krizhevsky 2009): records without a header, each a
// label byte (CIFAR-100: coarse label, then fine label), then 1024 bytes of red, green and blue,
// row-major.
inline constexpr uint64_t kCifarFileBytesMax = uint64_t{1} << 31;

// The files that `path` names: "DIR/data_batch" the files data_batch_1.bin, data_batch_2.bin, ...
// as far as they go; "DIR/test_batch" or "DIR/train" that name with ".bin"; or a file ending in
// ".bin". Empty when there are none.
std::vector<std::filesystem::path> cifar_files(const std::filesystem::path& path);

// Raw records of the files, one after the other; classes is 10, or 100 with fine labels: train.bin
// and test.bin are CIFAR-100's names, data_batch_N.bin and test_batch.bin CIFAR-10's; of other
// names the length decides. Codes: read_file()'s, "cifar_size" (no whole number of records, or
// none), "cifar_format" (the length fits both, or files differ), "cifar_label" naming file, record
// and offset.
Result<std::unique_ptr<data::MemoryRecords>> load_cifar(
    const std::vector<std::filesystem::path>& files);

}  // namespace ginn::import
