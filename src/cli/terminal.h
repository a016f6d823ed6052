#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace ginn::cli {

// Progress of long work on standard error: one line that is rewritten on a terminal, a plain line
// every few seconds elsewhere, nothing when quiet.
class Progress {
 public:
  explicit Progress(bool quiet);
  ~Progress();
  // `line` without a newline; shown at most a few times a second. `last` shows it in any case.
  void show(std::string_view line, bool last = false);
  // Whether show() would print now: building the line may be skipped otherwise.
  bool due() const;

 private:
  bool quiet_;
  bool terminal_;
  bool open_ = false;  // a line that has no newline yet
  std::chrono::steady_clock::time_point last_{};
};

std::string duration(double seconds);  // "1 h 02 min", "3 min 20 s", "12.3 s"
// Words of `text` in lines of at most `columns`, each line ended; a longer word has its own line.
std::string wrapped(std::string_view text, size_t columns = 100);
std::string bytes_text(double bytes);  // "1.2 MB"

}  // namespace ginn::cli
