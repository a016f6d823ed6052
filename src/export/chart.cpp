#include "export/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "export/html.h"

namespace ginn::exporting {
namespace {

constexpr double kWidth = 760, kHeight = 320;
constexpr double kLeft = 64, kRight = 16, kTop = 14, kBottom = 52;
constexpr size_t kBuckets = 240;
constexpr size_t kReach = 4;  // buckets to each side that the line averages over

// Neighbouring points, as one point of the curve and one slice of the band.
struct Bucket {
  double x = 0, low = 0, high = 0, mean = 0, smooth = 0;
};

std::vector<Point> finite_points(std::span<const Point> points) {
  std::vector<Point> out;
  for (const Point& p : points) {
    // Beyond 1e30 nothing useful is shown and differences might overflow.
    if (std::abs(p.x) < 1e30 && std::abs(p.y) < 1e30) out.push_back(p);
  }
  return out;
}

// The mean over up to kReach buckets on each side, as many on the one as on the other: no lag.
void smooth(std::vector<Bucket>& curve) {
  for (size_t b = 0; b < curve.size(); ++b) {
    const size_t reach = std::min({kReach, b, curve.size() - 1 - b});
    double sum = 0;
    for (size_t i = b - reach; i <= b + reach; ++i) sum += curve[i].mean;
    curve[b].smooth = sum / static_cast<double>(2 * reach + 1);
  }
}

std::vector<Bucket> buckets(const std::vector<Point>& points) {
  const size_t count = std::min(points.size(), kBuckets);
  std::vector<Bucket> out(count);
  for (size_t b = 0; b < count; ++b) {
    const size_t begin = b * points.size() / count;
    const size_t end = (b + 1) * points.size() / count;  // > begin
    Bucket& bucket = out[b];
    bucket.low = bucket.high = points[begin].y;
    for (size_t i = begin; i < end; ++i) {
      bucket.low = std::min(bucket.low, points[i].y);
      bucket.high = std::max(bucket.high, points[i].y);
      bucket.x += points[i].x / static_cast<double>(end - begin);
      bucket.mean += points[i].y / static_cast<double>(end - begin);
    }
  }
  smooth(out);
  return out;
}

// Shows the curve and most of the band: single outliers may leave the frame at its top.
double top_of(const std::vector<Bucket>& curve) {
  std::vector<double> highs;
  double top = curve[0].smooth;
  for (const Bucket& b : curve) {
    highs.push_back(b.high);
    top = std::max(top, b.smooth);
  }
  std::sort(highs.begin(), highs.end());
  return std::max(top, highs[(highs.size() - 1) * 98 / 100]);
}

struct Axis {
  std::vector<double> ticks;
  double low, high, from, to;  // values, then pixels
  double at(double value) const {
    return from + (std::clamp(value, low, high) - low) / (high - low) * (to - from);
  }
};

Axis axis(double low, double high, int ticks, double from, double to) {
  Axis out{nice_ticks(low, high, ticks), low, high, from, to};
  out.low = std::min(low, out.ticks.front());
  out.high = std::max(high, out.ticks.back());
  return out;
}

// Steps: whole numbers, and the frame ends where the run does.
Axis step_axis(double low, double high) {
  Axis out = axis(low, high, 7, kLeft, kWidth - kRight);
  std::erase_if(out.ticks, [&](double t) { return t < low || t > high || t != std::floor(t); });
  out.low = low;
  out.high = high;
  return out;
}

void append_axes(std::string& out, const Axis& x, const Axis& y) {
  auto to = std::back_inserter(out);
  for (const double tick : y.ticks) {
    fmt::format_to(to,
                   R"(<line class="grid" x1="{0}" y1="{1:.1f}" x2="{2}" y2="{1:.1f}"/>)"
                   R"(<text x="{3}" y="{4:.1f}" text-anchor="end">{5:.6g}</text>)"
                   "\n",
                   kLeft,
                   y.at(tick),
                   kWidth - kRight,
                   kLeft - 8,
                   y.at(tick) + 4,
                   tick);
  }
  const double bottom = kHeight - kBottom;
  for (const double tick : x.ticks) {
    fmt::format_to(to,
                   R"(<line class="axis" x1="{0:.1f}" y1="{1}" x2="{0:.1f}" y2="{2}"/>)"
                   R"(<text x="{0:.1f}" y="{3}" text-anchor="middle">{4:.12g}</text>)"
                   "\n",
                   x.at(tick),
                   bottom,
                   bottom + 5,
                   bottom + 20,
                   tick);
  }
  fmt::format_to(to,
                 R"(<path class="axis" d="M{0} {1}V{2}H{3}"/>)"
                 "\n",
                 kLeft,
                 kTop,
                 bottom,
                 kWidth - kRight);
}

void append_curve(std::string& out,
                  const std::vector<Bucket>& curve,
                  const Axis& x,
                  const Axis& y) {
  auto to = std::back_inserter(out);
  out += R"(<path class="band" d=")";
  char command = 'M';
  for (const Bucket& b : curve) {
    fmt::format_to(to, "{}{:.1f} {:.1f}", command, x.at(b.x), y.at(b.high));
    command = 'L';
  }
  for (size_t i = curve.size(); i-- > 0;) {
    fmt::format_to(to, "L{:.1f} {:.1f}", x.at(curve[i].x), y.at(curve[i].low));
  }
  out += "Z\"/>\n<path class=\"curve\" d=\"";
  command = 'M';
  for (const Bucket& b : curve) {
    fmt::format_to(to, "{}{:.1f} {:.1f}", command, x.at(b.x), y.at(b.smooth));
    command = 'L';
  }
  out += "\"/>\n";
}

}  // namespace

std::vector<double> nice_ticks(double low, double high, int wanted) {
  const double range = high > low ? high - low : std::max(1.0, std::abs(high)) * 0.1;
  const double rough = range / std::max(1, wanted - 1);
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  double step = power * 10;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (rough <= power * factor * 1.0001) {
      step = power * factor;
      break;
    }
  }
  const double first = std::floor(low / step + 1e-9);
  const double last = std::max(first + 1, std::ceil(high / step - 1e-9));
  std::vector<double> ticks;
  // At most 12 ticks for 10 wanted; the limit is for values too close to tell apart.
  for (double i = first; i <= last && ticks.size() < 50; i += 1.0) ticks.push_back(i * step);
  return ticks;
}

std::string line_chart(std::span<const Point> points,
                       std::string_view x_label,
                       std::string_view y_label) {
  const std::vector<Point> finite = finite_points(points);
  if (finite.size() < 2) return "";
  const std::vector<Bucket> curve = buckets(finite);
  double low = curve[0].low;
  for (const Bucket& b : curve) low = std::min(low, b.low);
  const double top = top_of(curve);
  // A curve that nearly reaches zero is shown over zero.
  if (low > 0 && low < 0.5 * top) low = 0;
  const Axis y = axis(low, top, 6, kHeight - kBottom, kTop);
  const double x_low = std::min(finite.front().x, finite.back().x);
  const double x_high = std::max(finite.front().x, finite.back().x);
  const Axis x = step_axis(x_low, std::max(x_high, x_low + 1));

  std::string out =
      fmt::format(R"(<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{} by {}">)"
                  "\n",
                  kWidth,
                  kHeight,
                  escape_html(y_label),
                  escape_html(x_label));
  append_axes(out, x, y);
  append_curve(out, curve, x, y);
  const double middle_x = (kLeft + kWidth - kRight) / 2;
  const double middle_y = (kTop + kHeight - kBottom) / 2;
  fmt::format_to(
      std::back_inserter(out),
      R"(<text x="{0}" y="{1}" text-anchor="middle">{2}</text>)"
      R"svg(<text x="16" y="{3}" text-anchor="middle" transform="rotate(-90 16 {3})">{4}</text>)svg"
      "\n</svg>\n",
      middle_x,
      kHeight - 10,
      escape_html(x_label),
      middle_y,
      escape_html(y_label));
  return out;
}

}  // namespace ginn::exporting
