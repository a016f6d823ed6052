#pragma once

#include <string>
#include <string_view>

namespace ginn::exporting {

// Any text as HTML content or attribute value: control and non-ASCII bytes as \xNN, then & < > " '
// as entities; cut at `limit` bytes.
std::string escape_html(std::string_view text, size_t limit = 2000);

}  // namespace ginn::exporting
