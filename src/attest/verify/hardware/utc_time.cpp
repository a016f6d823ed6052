#include "attest/verify/hardware/utc_time.h"

#include <chrono>
#include <optional>

#include "base/text.h"

namespace ginn::attest::verify {
namespace {

Error bad_time(std::string_view text) {
  return input_error("bad_time",
                     concat("time \"",
                            printable(text, 40),
                            "\"; expected RFC 3339 in UTC such as 2025-07-04T10:16:31Z"));
}

// `digits` characters at `offset` as a number.
std::optional<int> digits(std::string_view text, size_t offset, size_t count) {
  int value = 0;
  for (const char c : text.substr(offset, count)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = 10 * value + (c - '0');
  }
  return value;
}

std::string padded(int value, size_t width) {
  std::string text = concat(value);
  return std::string(width > text.size() ? width - text.size() : 0, '0') + text;
}

}  // namespace

Result<UnixSeconds> parse_utc_time(std::string_view text) {
  constexpr std::string_view kForm = "0000-00-00T00:00:00Z";
  if (text.size() != kForm.size()) return bad_time(text);
  for (size_t i = 0; i < kForm.size(); ++i) {
    if (kForm[i] != '0' && text[i] != kForm[i]) return bad_time(text);
  }
  const auto year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
  const auto hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second) return bad_time(text);
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok() || *year < 1970 || *hour > 23 || *minute > 59 || *second > 59) {
    return bad_time(text);
  }
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return days * 86400 + *hour * 3600 + *minute * 60 + *second;
}

std::string utc_time_text(UnixSeconds time) {
  const std::chrono::sys_seconds point{std::chrono::seconds(time)};
  const auto day = std::chrono::floor<std::chrono::days>(point);
  const std::chrono::year_month_day date(day);
  const auto rest = static_cast<int>((point - day).count());
  return concat(padded(static_cast<int>(date.year()), 4),
                '-',
                padded(static_cast<int>(static_cast<unsigned>(date.month())), 2),
                '-',
                padded(static_cast<int>(static_cast<unsigned>(date.day())), 2),
                'T',
                padded(rest / 3600, 2),
                ':',
                padded(rest / 60 % 60, 2),
                ':',
                padded(rest % 60, 2),
                'Z');
}

}  // namespace ginn::attest::verify
