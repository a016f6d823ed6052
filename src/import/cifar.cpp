#include "import/cifar.h"

#include <string>

#include "base/file.h"
#include "base/text.h"

namespace ginn::import {

namespace {

namespace fs = std::filesystem;

constexpr size_t kSide = 32;
constexpr size_t kPlane = kSide * kSide;
constexpr size_t kChannels = 3;

struct Format {
  size_t label_bytes;  // the last one is the label
  uint32_t classes;
  size_t record_bytes() const { return label_bytes + kChannels * kPlane; }
  bool operator==(const Format&) const = default;
};
constexpr Format kCifar10 = {1, 10};
constexpr Format kCifar100 = {2, 100};

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

Result<Format> format_of(const fs::path& path, size_t bytes) {
  const std::string name = path.filename().string();
  if (name.starts_with("data_batch") || name == "test_batch.bin") return kCifar10;
  if (name == "train.bin" || name == "test.bin") return kCifar100;
  const bool ten = bytes % kCifar10.record_bytes() == 0;
  const bool hundred = bytes % kCifar100.record_bytes() == 0;
  if (ten && hundred) {
    return input_error("cifar_format",
                       concat(printable(path.string()),
                              ": its length fits CIFAR-10 and CIFAR-100; name it test_batch.bin or "
                              "test.bin"));
  }
  return hundred ? kCifar100 : kCifar10;
}

Status check_size(const fs::path& path, size_t bytes, const Format& format) {
  if (bytes > 0 && bytes % format.record_bytes() == 0) return ok_status();
  return input_error("cifar_size",
                     concat(printable(path.string()),
                            ": ",
                            bytes,
                            " bytes, expected a multiple of ",
                            format.record_bytes(),
                            " (records of CIFAR-",
                            format.classes,
                            "), at least one; the file is truncated, or no CIFAR binary file"));
}

// Appends raw records: label u16, then pixels in H, W, C order.
Status append(const fs::path& path, ByteView file, const Format& format, Bytes& records) {
  const size_t size = format.record_bytes();
  records.reserve(records.size() + file.size() / size * (2 + kChannels * kPlane));
  for (size_t at = 0; at < file.size(); at += size) {
    const size_t label_at = at + format.label_bytes - 1;
    if (file[label_at] >= format.classes) {
      return input_error("cifar_label",
                         concat(printable(path.string()),
                                ": record ",
                                at / size,
                                ": the label at offset ",
                                label_at,
                                " is ",
                                file[label_at],
                                ", expected below ",
                                format.classes));
    }
    records.push_back(file[label_at]);
    records.push_back(0);
    const ByteView planes = file.subspan(at + format.label_bytes, kChannels * kPlane);
    for (size_t pixel = 0; pixel < kPlane; ++pixel) {
      for (size_t c = 0; c < kChannels; ++c) records.push_back(planes[c * kPlane + pixel]);
    }
  }
  return ok_status();
}

}  // namespace

std::vector<fs::path> cifar_files(const fs::path& path) {
  const std::string text = path.string();
  if (text.ends_with(".bin") && is_file(path)) return {path};
  if (is_file(text + ".bin")) return {text + ".bin"};
  std::vector<fs::path> files;
  for (size_t i = 1; is_file(concat(text, "_", i, ".bin")); ++i) {
    files.push_back(concat(text, "_", i, ".bin"));
  }
  return files;
}

Result<std::unique_ptr<data::MemoryRecords>> load_cifar(const std::vector<fs::path>& files) {
  GINN_CHECK(!files.empty());
  Bytes records;
  Format format{};
  for (const fs::path& path : files) {
    GINN_ASSIGN(const Bytes file, read_file(path, kCifarFileBytesMax));
    GINN_ASSIGN(const Format found, format_of(path, file.size()));
    GINN_TRY(check_size(path, file.size(), found));
    if (path == files.front()) format = found;
    if (!(found == format)) {
      return input_error("cifar_format",
                         concat(printable(path.string()),
                                " holds CIFAR-",
                                found.classes,
                                " records, the files before it CIFAR-",
                                format.classes));
    }
    GINN_TRY(append(path, file, format, records));
  }
  data::DatasetFacts facts;
  facts.height = facts.width = kSide;
  facts.channels = kChannels;
  facts.classes = format.classes;
  facts.records = records.size() / facts.record_bytes();
  return data::MemoryRecords::create(facts, std::move(records));
}

}  // namespace ginn::import
