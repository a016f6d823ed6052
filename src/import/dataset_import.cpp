#include "import/dataset_import.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <set>
#include <string>

#include "base/file.h"
#include "base/text.h"
#include "import/cifar.h"
#include "import/idx.h"

namespace ginn::import {

namespace {

namespace fs = std::filesystem;

// A name is prefix + one of these, + ".gz" or not.
constexpr std::string_view kImageNames[] = {
    "-images-idx3-ubyte", "-images.idx3-ubyte", "-images-idx4-ubyte", "-images.idx4-ubyte"};
constexpr std::string_view kLabelNames[] = {"-labels-idx1-ubyte", "-labels.idx1-ubyte"};

constexpr size_t kFolderEntriesMax = 10000;  // looked at for a message
constexpr size_t kPrefixesMax = 20;          // named in a message

bool is_present(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}
bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

std::optional<fs::path> find_file(const std::string& prefix,
                                  std::span<const std::string_view> names) {
  for (std::string_view ending : {"", ".gz"}) {
    for (std::string_view name : names) {
      fs::path path = concat(prefix, name, ending);
      if (is_present(path) && !is_folder(path)) return path;
    }
  }
  return std::nullopt;
}

// "a/train-images-idx3-ubyte.gz" -> "a/train"; nothing when the name is not of that form.
std::optional<std::string> prefix_of(std::string_view path,
                                     std::span<const std::string_view> names) {
  if (path.ends_with(".gz")) path.remove_suffix(3);
  for (std::string_view name : names) {
    if (path.ends_with(name)) return std::string(path.substr(0, path.size() - name.size()));
  }
  return std::nullopt;
}

Error folder_error(const fs::path& folder) {
  std::set<std::string> prefixes;
  std::error_code code;
  size_t entries = 0;
  for (fs::directory_iterator it(folder, code), end; !code && it != end; it.increment(code)) {
    if (++entries > kFolderEntriesMax || prefixes.size() == kPrefixesMax) break;
    const std::string name = it->path().string();
    const auto prefix = prefix_of(name, kImageNames);
    if (prefix && find_file(*prefix, kLabelNames)) prefixes.insert(*prefix);
    if (name.ends_with("_1.bin")) prefixes.insert(name.substr(0, name.size() - 6));
    if (name.ends_with("test_batch.bin")) prefixes.insert(name.substr(0, name.size() - 4));
  }
  std::string list;
  for (const std::string& prefix : prefixes) {
    list += concat(list.empty() ? "" : ", ", printable(prefix));
  }
  return input_error("dataset_is_folder",
                     concat(printable(folder.string()),
                            ": is a folder; ",
                            list.empty() ? "it contains no pair of IDX files (PREFIX" +
                                               std::string(kImageNames[0]) + ", PREFIX" +
                                               std::string(kLabelNames[0]) +
                                               ") and no CIFAR batch (data_batch_1.bin)"
                                         : "give one of the datasets in it: " + list));
}

struct FilePair {
  fs::path images;
  fs::path labels;
};

Result<FilePair> find_pair(const fs::path& path) {
  std::string prefix = path.string();
  if (!find_file(prefix, kImageNames) && !find_file(prefix, kLabelNames)) {
    if (is_folder(path)) return folder_error(path);
    if (is_present(path)) {
      auto from_file = prefix_of(prefix, kImageNames);
      if (!from_file) from_file = prefix_of(prefix, kLabelNames);
      if (!from_file) {
        return input_error("dataset_file_name",
                           concat(printable(prefix),
                                  ": not the name of an IDX file; expected PREFIX",
                                  kImageNames[0],
                                  " or PREFIX",
                                  kLabelNames[0],
                                  ", with or without .gz, or PREFIX alone"));
      }
      prefix = *from_file;
    }
  }
  const auto images = find_file(prefix, kImageNames);
  const auto labels = find_file(prefix, kLabelNames);
  if (images && labels) return FilePair{*images, *labels};
  return input_error("dataset_not_found",
                     concat(printable(prefix),
                            images ? kLabelNames[0] : kImageNames[0],
                            ": no such file, nor with .gz; a dataset is a pair of IDX files, give "
                            "the part of their path before ",
                            images ? "-labels" : "-images"));
}

Bytes join_records(const Idx& images, ByteView labels, size_t record_bytes) {
  Bytes records(size_t{images.count()} * record_bytes);  // < 2^32 + 2 * 2^31
  const size_t pixels = record_bytes - 2;
  for (size_t i = 0; i < images.count(); ++i) {
    uint8_t* record = records.data() + i * record_bytes;
    record[0] = labels[i];
    record[1] = 0;
    std::memcpy(record + 2, images.values().data() + i * pixels, pixels);
  }
  return records;
}

}  // namespace

Result<std::unique_ptr<data::MemoryRecords>> load_dataset(const fs::path& path) {
  if (const auto files = cifar_files(path); !files.empty()) return load_cifar(files);
  GINN_ASSIGN(const FilePair files, find_pair(path));
  GINN_ASSIGN(const Idx labels, Idx::read(files.labels, IdxKind::kLabels));
  GINN_ASSIGN(const Idx images, Idx::read(files.images, IdxKind::kImages));
  if (images.count() != labels.count()) {
    return input_error("dataset_count_mismatch",
                       concat(printable(files.images.string()),
                              ": ",
                              images.count(),
                              " images, but ",
                              labels.count(),
                              " labels in ",
                              printable(files.labels.string()),
                              "; expected as many of one as of the other"));
  }
  data::DatasetFacts facts;
  facts.records = images.count();
  facts.height = images.height();
  facts.width = images.width();
  facts.channels = images.channels();
  const uint32_t largest = *std::max_element(labels.values().begin(), labels.values().end());
  facts.classes = std::max(2u, largest + 1);
  GINN_TRY(data::check_limits(facts));
  return data::MemoryRecords::create(facts,
                                     join_records(images, labels.values(), facts.record_bytes()));
}

Status write_records_file(const data::MemoryRecords& records, const fs::path& path) {
  return write_file_atomic(path, records.bytes());
}

DatasetSummary summarize(const data::MemoryRecords& records) {
  DatasetSummary summary;
  summary.facts = records.facts();
  summary.root = summary.facts.root();
  summary.records_per_class.resize(summary.facts.classes);
  const size_t size = summary.facts.record_bytes();
  const ByteView bytes = records.bytes();
  for (size_t at = 0; at < bytes.size(); at += size) {
    ++summary.records_per_class[bytes[at] | (size_t{bytes[at + 1]} << 8)];
  }
  return summary;
}

}  // namespace ginn::import
