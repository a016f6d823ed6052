#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>

#include "attack/sweep_page.h"
#include "export/html.h"

namespace ginn::attack {
namespace {

constexpr double kWidth = 760, kHeight = 400;
constexpr double kLeft = 64, kRight = 20, kTop = 34, kBottom = 70;
constexpr const char* kColours[] = {
    "#1f5fbf", "#b3261e", "#17703c", "#8a5a00", "#6d3fa0", "#00707a", "#a0356d", "#465264"};

// Shares on a logarithmic scale: budgets of runs differ by factors.
struct Scale {
  double low, high;  // shares, low < high
  double x(double share) const {
    return kLeft + std::log(share / low) / std::log(high / low) * (kWidth - kLeft - kRight);
  }
  static double y(double success) {
    return kHeight - kBottom - success * (kHeight - kTop - kBottom);
  }
};

using Lines = std::map<std::string, std::vector<const Group*>>;

Lines lines_of(const std::vector<Group>& groups) {
  Lines lines;
  for (const Group& group : groups) {
    if (group.share <= 0.0 || group.broken == group.trainings) continue;
    lines[group.attack + ", " + group.when].push_back(&group);
  }
  return lines;
}

Scale scale_of(const Lines& lines, double budget_share) {
  Scale scale{budget_share, budget_share};
  for (const auto& [name, line] : lines) {
    for (const Group* group : line) {
      scale.low = std::min(scale.low, group->share);
      scale.high = std::max(scale.high, group->share);
    }
  }
  return {scale.low / 1.3, std::min(1.0, scale.high * 1.3)};
}

// 1, 2 and 5 times powers of ten within the scale.
std::vector<double> ticks_of(const Scale& scale) {
  std::vector<double> ticks;
  for (int power = -8; power <= 0; ++power) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double tick = factor * std::pow(10.0, power);
      if (tick >= scale.low && tick <= scale.high) ticks.push_back(tick);
    }
  }
  return ticks;
}

void append_budget(std::string& out, const Scale& scale, const SweepFacts& facts) {
  const double share = facts.budget / static_cast<double>(facts.contributions);
  if (share >= scale.high) return;
  const double x = scale.x(std::max(share, scale.low));
  fmt::format_to(std::back_inserter(out),
                 R"(<rect class="certified" x="{0:.1f}" y="{1}" width="{2:.1f}" height="{3}"/>)"
                 R"(<text x="{4:.1f}" y="{5}" text-anchor="end">)"
                 R"(from the budget on: escapes with at most {6:.3g}</text>)"
                 "\n",
                 x,
                 kTop,
                 kWidth - kRight - x,
                 kHeight - kTop - kBottom,
                 kWidth - kRight,
                 kTop - 8,
                 1.0 - facts.probability);
}

void append_axes(std::string& out, const Scale& scale, const SweepFacts& facts) {
  auto to = std::back_inserter(out);
  for (int percent = 0; percent <= 100; percent += 20) {
    const double y = Scale::y(percent / 100.0);
    fmt::format_to(to,
                   R"(<line class="grid" x1="{0}" y1="{1:.1f}" x2="{2}" y2="{1:.1f}"/>)"
                   R"(<text x="{3}" y="{4:.1f}" text-anchor="end">{5} %</text>)"
                   "\n",
                   kLeft,
                   y,
                   kWidth - kRight,
                   kLeft - 8,
                   y + 4,
                   percent);
  }
  const double bottom = kHeight - kBottom;
  for (const double share : ticks_of(scale)) {
    fmt::format_to(to,
                   R"(<line class="axis" x1="{0:.1f}" y1="{1}" x2="{0:.1f}" y2="{2}"/>)"
                   R"(<text x="{0:.1f}" y="{3}" text-anchor="middle">{4:.4g} %</text>)"
                   R"(<text x="{0:.1f}" y="{5}" text-anchor="middle">{6:.4g}</text>)"
                   "\n",
                   scale.x(share),
                   bottom,
                   bottom + 5,
                   bottom + 20,
                   100.0 * share,
                   bottom + 36,
                   share * static_cast<double>(facts.contributions));
  }
  fmt::format_to(
      to,
      R"(<path class="axis" d="M{0} {1}V{2}H{3}"/>)"
      R"(<text x="{4}" y="{5}" text-anchor="middle">share of the {6} contributions )"
      R"(tampered with, and their number</text>)"
      R"svg(<text x="16" y="{7}" text-anchor="middle" transform="rotate(-90 16 {7})">)svg"
      "attack success</text>\n",
      kLeft,
      kTop,
      bottom,
      kWidth - kRight,
      (kLeft + kWidth - kRight) / 2,
      kHeight - 14,
      facts.contributions,
      (kTop + bottom) / 2);
}

void append_line(std::string& out,
                 const Scale& scale,
                 const std::vector<const Group*>& line,
                 const char* colour) {
  auto to = std::back_inserter(out);
  fmt::format_to(to, R"(<g stroke="{0}" fill="{0}"><path fill="none" d=")", colour);
  char command = 'M';
  for (const Group* group : line) {
    fmt::format_to(to, "{}{:.1f} {:.1f}", command, scale.x(group->share), Scale::y(group->success));
    command = 'L';
  }
  out += "\"/>";
  for (const Group* group : line) {
    fmt::format_to(
        to,
        R"(<circle cx="{0:.1f}" cy="{1:.1f}" r="3.5"/><path d="M{0:.1f} {2:.1f}V{3:.1f}"/>)",
        scale.x(group->share),
        Scale::y(group->success),
        Scale::y(group->lowest),
        Scale::y(group->highest));
  }
  out += "</g>\n";
}

void append_legend(std::string& out, const Lines& lines) {
  auto to = std::back_inserter(out);
  size_t index = 0;
  for (const auto& [name, line] : lines) {
    const double y = kTop + 18 + 18.0 * static_cast<double>(index);
    fmt::format_to(to,
                   R"(<circle cx="{}" cy="{}" r="4" fill="{}"/><text x="{}" y="{}">{}</text>)"
                   "\n",
                   kLeft + 16,
                   y - 4,
                   kColours[index % std::size(kColours)],
                   kLeft + 26,
                   y,
                   exporting::escape_html(name));
    ++index;
  }
}

}  // namespace

std::string success_chart(const std::vector<Group>& groups, const SweepFacts& facts) {
  const Lines lines = lines_of(groups);
  if (lines.empty()) return "";
  const Scale scale = scale_of(lines, facts.budget / static_cast<double>(facts.contributions));
  std::string out = fmt::format(
      R"(<svg xmlns="http://www.w3.org/2000/svg" class="success" viewBox="0 0 {0} {1}" role="img" )"
      R"(aria-label="Attack success by tampered share">)"
      "\n<style>.success text{{font:12px system-ui,sans-serif;fill:#5b6675}}"
      ".success .grid{{stroke:#dde2e8}}.success .axis{{stroke:#5b6675;fill:none}}"
      ".success .certified{{fill:#e6f4ea}}.success g path{{stroke-width:2}}</style>\n"
      R"(<rect width="{0}" height="{1}" fill="#ffffff"/>)"
      "\n",
      kWidth,
      kHeight);
  append_budget(out, scale, facts);
  append_axes(out, scale, facts);
  size_t index = 0;
  for (const auto& [name, line] : lines) {
    append_line(out, scale, line, kColours[index++ % std::size(kColours)]);
  }
  append_legend(out, lines);
  return out + "</svg>\n";
}

}  // namespace ginn::attack
