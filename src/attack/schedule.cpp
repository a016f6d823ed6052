#include "attack/schedule.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <set>

#include "base/text.h"

namespace ginn::attack {
namespace {

// [first, end) of the contributions that the schedule may take.
struct Stretch {
  uint64_t first = 0, end = 0;
  uint64_t size() const { return end - first; }
};

uint64_t at_share(double share, uint64_t contributions) {
  return static_cast<uint64_t>(std::llround(share * static_cast<double>(contributions)));
}

Stretch stretch(const When& when, uint64_t contributions) {
  switch (when.kind) {
    case When::Kind::kUniform:
    case When::Kind::kFirst:
    case When::Kind::kBursts:
    case When::Kind::kGreedy:
      return {0, contributions};
    case When::Kind::kLast:
      return {0, at_share(when.to, contributions)};
    case When::Kind::kWindow:
      return {at_share(when.from, contributions), at_share(when.to, contributions)};
  }
  check_failed(__FILE__, __LINE__, "schedule");
}

// Random numbers here decide what an attacker does, never what a job gives.
std::vector<uint64_t> random_ones(const Stretch& stretch, uint64_t count, std::mt19937_64& random) {
  std::uniform_int_distribution<uint64_t> any(stretch.first, stretch.end - 1);
  std::set<uint64_t> chosen;
  // Floyd's: one draw for each, however many of them are wanted.
  for (uint64_t last = stretch.end - count; last < stretch.end; ++last) {
    any.param(std::uniform_int_distribution<uint64_t>::param_type(stretch.first, last));
    const uint64_t one = any(random);
    chosen.insert(chosen.contains(one) ? last : one);
  }
  return {chosen.begin(), chosen.end()};
}

std::vector<uint64_t> bursts(const Stretch& stretch,
                             uint64_t length,
                             uint64_t count,
                             std::mt19937_64& random) {
  // Blocks of `length` side by side; the rest of the last one asked for is left out.
  const uint64_t blocks = (stretch.size() + length - 1) / length;
  std::vector<uint64_t> order(blocks);
  std::iota(order.begin(), order.end(), uint64_t{0});
  std::shuffle(order.begin(), order.end(), random);
  std::vector<uint64_t> chosen;
  for (uint64_t block : order) {
    for (uint64_t i = block * length; i < std::min((block + 1) * length, stretch.size()); ++i) {
      if (chosen.size() < count) chosen.push_back(stretch.first + i);
    }
  }
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

std::vector<uint64_t> in_a_row(uint64_t first, uint64_t count) {
  std::vector<uint64_t> chosen(count);
  std::iota(chosen.begin(), chosen.end(), first);
  return chosen;
}

std::vector<uint64_t> largest(std::span<const double> gains, uint64_t count) {
  std::vector<uint64_t> chosen(gains.size());
  std::iota(chosen.begin(), chosen.end(), uint64_t{0});
  std::stable_sort(
      chosen.begin(), chosen.end(), [&](uint64_t a, uint64_t b) { return gains[a] > gains[b]; });
  chosen.resize(count);
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

Error bad_when(const std::string& text) {
  return input_error("attack_when",
                     concat("no schedule is written \"",
                            printable(text),
                            "\"; known: uniform, first, last, last@0.85 (ends at that share of the "
                            "run), bursts, bursts:16 (so many in a row), window:0.3-0.6 (shares of "
                            "the run), greedy"));
}

bool read_window(std::string_view text, When& when) {
  const size_t dash = text.find('-');
  return dash != std::string_view::npos && parse_number(text.substr(0, dash), when.from) &&
         parse_number(text.substr(dash + 1), when.to) && when.from >= 0.0 && when.from < when.to &&
         when.to <= 1.0;
}

}  // namespace

Result<When> parse_when(const std::string& text) {
  When when;
  if (text == "uniform") return when;
  if (text == "greedy") {
    when.kind = When::Kind::kGreedy;
    return when;
  }
  if (text == "first") {
    when.kind = When::Kind::kFirst;
    return when;
  }
  if (text == "last" || text.starts_with("last@")) {
    when.kind = When::Kind::kLast;
    if (text == "last") return when;
    const bool good = parse_number(std::string_view(text).substr(5), when.to);
    return good && when.to > 0.0 && when.to <= 1.0 ? Result<When>(when) : bad_when(text);
  }
  if (text == "bursts" || text.starts_with("bursts:")) {
    when.kind = When::Kind::kBursts;
    if (text == "bursts") return when;
    const bool good = parse_number(std::string_view(text).substr(7), when.length);
    return good && when.length >= 1 ? Result<When>(when) : bad_when(text);
  }
  if (text.starts_with("window:") && read_window(std::string_view(text).substr(7), when)) {
    when.kind = When::Kind::kWindow;
    return when;
  }
  return bad_when(text);
}

std::string to_text(const When& when) {
  switch (when.kind) {
    case When::Kind::kUniform:
      return "uniform";
    case When::Kind::kFirst:
      return "first";
    case When::Kind::kLast:
      return when.to == 1.0 ? "last" : concat("last@", when.to);
    case When::Kind::kBursts:
      return when.length == When{}.length ? "bursts" : concat("bursts:", when.length);
    case When::Kind::kWindow:
      return concat("window:", when.from, "-", when.to);
    case When::Kind::kGreedy:
      return "greedy";
  }
  check_failed(__FILE__, __LINE__, "schedule");
}

Status check_room(const When& when, uint64_t contributions, uint64_t count) {
  const uint64_t room = stretch(when, contributions).size();
  if (count <= room) return ok_status();
  return input_error("attack_count",
                     concat("the schedule \"",
                            to_text(when),
                            "\" has room for ",
                            room,
                            " of this job's ",
                            contributions,
                            " contributions, not for ",
                            count));
}

Result<std::vector<uint64_t>> choose(const When& when,
                                     uint64_t contributions,
                                     uint64_t count,
                                     uint64_t seed,
                                     std::span<const double> gains) {
  GINN_TRY(check_room(when, contributions, count));
  const Stretch room = stretch(when, contributions);
  if (count == 0) return std::vector<uint64_t>{};
  std::mt19937_64 random(seed);
  switch (when.kind) {
    case When::Kind::kUniform:
    case When::Kind::kWindow:
      return random_ones(room, count, random);
    case When::Kind::kFirst:
      return in_a_row(room.first, count);
    case When::Kind::kLast:
      return in_a_row(room.end - count, count);
    case When::Kind::kBursts:
      return bursts(room, when.length, count, random);
    case When::Kind::kGreedy:
      GINN_CHECK(gains.size() == contributions);
      return largest(gains, count);
  }
  check_failed(__FILE__, __LINE__, "schedule");
}

}  // namespace ginn::attack
