#include "certificate/check/run_files.h"

#include <algorithm>

#include "base/file.h"
#include "base/text.h"

namespace ginn::certificate {
namespace {

namespace fs = std::filesystem;
constexpr size_t kMaxEntries = 10000;

RunEntry entry_of(const fs::directory_entry& entry) {
  std::error_code error;
  const fs::file_type type = entry.symlink_status(error).type();
  return {entry.path().filename().native(),
          type == fs::file_type::symlink     ? " (symbolic link)"
          : type == fs::file_type::directory ? "/"
                                             : ""};
}

class Folder final : public RunFiles {
 public:
  Folder(fs::path dir, std::vector<RunEntry> entries)
      : dir_(std::move(dir)), entries_(std::move(entries)) {}

  std::string description() const override { return concat(entries_.size(), " entries"); }
  const std::vector<RunEntry>& entries() const override { return entries_; }
  Result<Bytes> read(std::string_view name, uint64_t limit) const override {
    return read_file(dir_ / name, limit, false);
  }

 private:
  fs::path dir_;
  std::vector<RunEntry> entries_;
};

}  // namespace

bool RunFiles::has(std::string_view name) const {
  const auto& all = entries();
  return std::any_of(
      all.begin(), all.end(), [name](const RunEntry& entry) { return entry.name == name; });
}

std::vector<std::string> RunFiles::uncovered(const std::set<std::string>& covered) const {
  std::vector<std::string> names;
  for (const RunEntry& entry : entries()) {
    if (!covered.contains(entry.name)) {
      names.push_back(concat(printable(entry.name), entry.suffix));
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::unique_ptr<RunFiles>> open_folder(const fs::path& dir) {
  std::error_code error;
  std::vector<RunEntry> entries;
  fs::directory_iterator iterator(dir, error);
  for (; !error && iterator != fs::directory_iterator(); iterator.increment(error)) {
    entries.push_back(entry_of(*iterator));
    if (entries.size() > kMaxEntries) {
      return input_error(
          "folder_too_large",
          concat("the folder has more than ", kMaxEntries, " entries; a run's folder has a few"));
    }
  }
  if (error) return input_error("unreadable", concat("cannot list: ", error.message()));
  return std::unique_ptr<RunFiles>(std::make_unique<Folder>(dir, std::move(entries)));
}

}  // namespace ginn::certificate
