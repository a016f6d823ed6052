#include "certificate/check/folder.h"

#include <algorithm>

#include "base/text.h"

namespace ginn::certificate {
namespace {
namespace fs = std::filesystem;
constexpr size_t kMaxEntries = 10000;
}  // namespace

Result<std::vector<fs::directory_entry>> list_folder(const fs::path& dir) {
  std::error_code error;
  std::vector<fs::directory_entry> entries;
  fs::directory_iterator iterator(dir, error);
  for (; !error && iterator != fs::directory_iterator(); iterator.increment(error)) {
    entries.push_back(*iterator);
    if (entries.size() > kMaxEntries) {
      return input_error(
          "folder_too_large",
          concat("the folder has more than ", kMaxEntries, " entries; a run's folder has a few"));
    }
  }
  if (error) return input_error("unreadable", concat("cannot list: ", error.message()));
  return entries;
}

bool has_entry(const std::vector<fs::directory_entry>& entries, std::string_view name) {
  return std::any_of(entries.begin(), entries.end(), [name](const fs::directory_entry& entry) {
    return entry.path().filename().native() == name;
  });
}

std::vector<std::string> uncovered(const std::vector<fs::directory_entry>& entries,
                                   const std::set<std::string>& covered) {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : entries) {
    const std::string name = entry.path().filename().native();
    if (covered.contains(name)) continue;
    std::error_code error;
    const fs::file_type type = entry.symlink_status(error).type();
    const std::string_view suffix = type == fs::file_type::symlink     ? " (symbolic link)"
                                    : type == fs::file_type::directory ? "/"
                                                                       : "";
    names.push_back(concat(printable(name), suffix));
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace ginn::certificate
