#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ginn::exporting {

struct Point {
  double x = 0;
  double y = 0;
};

// About `wanted` round numbers (1, 2 or 5 times a power of ten apart) that cover [low, high]. At
// least two; low <= high, both finite.
std::vector<double> nice_ticks(double low, double high, int wanted);

// An inline SVG: the smoothed curve over the range of the raw values, axes, ticks and labels.
// Points that are not finite are left out; empty when fewer than two are left. The size does not
// depend on the number of points. Labels are escaped.
std::string line_chart(std::span<const Point> points,
                       std::string_view x_label,
                       std::string_view y_label);

}  // namespace ginn::exporting
