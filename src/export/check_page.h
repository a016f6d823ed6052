#pragma once

#include <string>

#include "certificate/check/run_check.h"

namespace ginn::exporting {

struct CheckPageInput {
  certificate::Outcome outcome;
  std::string run;      // what was checked: a folder's or a bundle's name
  std::string against;  // what the relying party brought, in words
  std::string at;       // time for which evidence was judged
  std::string version;  // of ginn
};

// One page of a relying party's check that stands alone: no scripts, nothing loaded from elsewhere,
// every text escaped.
std::string check_html(const CheckPageInput& input);

}  // namespace ginn::exporting
