#pragma once

#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace ginn::certificate {

struct RunEntry {
  std::string name;         // as it stands there: not printable, maybe
  std::string_view suffix;  // "/" for a folder, " (symbolic link)"
};

// The files that a run left, wherever they lie now. Everything read is hostile.
class RunFiles {
 public:
  virtual ~RunFiles() = default;
  // What there is, in words for the first check: "6 entries".
  virtual std::string description() const = 0;
  virtual const std::vector<RunEntry>& entries() const = 0;
  // Once, with a limit, no symbolic link. Codes: read_file's.
  virtual Result<Bytes> read(std::string_view name, uint64_t limit) const = 0;

  // Symbolic links count as present: reading them is what gets refused.
  bool has(std::string_view name) const;
  // Printable names of the entries that are not in `covered`, sorted.
  std::vector<std::string> uncovered(const std::set<std::string>& covered) const;
};

// A folder with at most 10,000 entries. Codes "folder_too_large", "unreadable".
Result<std::unique_ptr<RunFiles>> open_folder(const std::filesystem::path& dir);

}  // namespace ginn::certificate
