#include "cli/terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace ginn::cli {

namespace {
using Clock = std::chrono::steady_clock;
constexpr auto kTerminalInterval = std::chrono::milliseconds(200);
constexpr auto kPlainInterval = std::chrono::seconds(5);
}  // namespace

Progress::Progress(bool quiet) : quiet_(quiet), terminal_(isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (open_) std::fputc('\n', stderr);
}

bool Progress::due() const {
  if (quiet_) return false;
  return Clock::now() - last_ >= (terminal_ ? kTerminalInterval : Clock::duration(kPlainInterval));
}

void Progress::show(std::string_view line, bool last) {
  if (quiet_ || (!last && !due())) return;
  last_ = Clock::now();
  if (terminal_) {
    fmt::print(stderr, "\r\033[K{}", line);
    open_ = true;
  } else {
    fmt::print(stderr, "{}\n", line);
  }
  std::fflush(stderr);
}

std::string duration(double seconds) {
  if (seconds < 0.0 || !(seconds < 1e9)) return "?";
  if (seconds < 59.95) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<long long>(seconds + 0.5);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

std::string wrapped(std::string_view text, size_t columns) {
  std::string out;
  size_t column = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(" \n"), text.size());
    const std::string_view word = text.substr(0, end);
    const bool newline = end < text.size() && text[end] == '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!word.empty()) {
      if (column > 0 && column + 1 + word.size() > columns) {
        out += '\n';
        column = 0;
      }
      if (column > 0) out += ' ';
      out += word;
      column += word.size() + (column > 0 ? 1 : 0);
    }
    if (newline) {
      out += '\n';
      column = 0;
    }
  }
  if (!out.empty() && out.back() != '\n') out += '\n';
  return out;
}

std::string bytes_text(double bytes) {
  if (bytes < 1e3) return fmt::format("{:.0f} B", bytes);
  if (bytes < 1e6) return fmt::format("{:.1f} kB", bytes / 1e3);
  if (bytes < 1e9) return fmt::format("{:.1f} MB", bytes / 1e6);
  return fmt::format("{:.2f} GB", bytes / 1e9);
}

}  // namespace ginn::cli
