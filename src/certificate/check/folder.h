#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ginn::certificate {

// The entries of a folder, at most 10,000. Codes "folder_too_large", "unreadable".
Result<std::vector<std::filesystem::directory_entry>> list_folder(const std::filesystem::path& dir);

// Symbolic links count as present: reading them is what gets refused.
bool has_entry(const std::vector<std::filesystem::directory_entry>& entries, std::string_view name);

// Printable names of the entries that are not in `covered`, sorted; folders end in a slash.
std::vector<std::string> uncovered(const std::vector<std::filesystem::directory_entry>& entries,
                                   const std::set<std::string>& covered);

}  // namespace ginn::certificate
