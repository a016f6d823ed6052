#include "certificate/check/bundle.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/verbs.h"

namespace ginn::cli {
namespace {

namespace fs = std::filesystem;

std::string default_name(const std::string& dir) {
  fs::path path = fs::absolute(dir).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  return path.native() + ".bundle.json";
}

}  // namespace

Result<int> bundle_verb(const BundleOptions& options) {
  GINN_ASSIGN(const std::string text, certificate::make_bundle(options.dir));
  const std::string out = options.out.empty() ? default_name(options.dir) : options.out;
  std::error_code ignored;
  if (fs::symlink_status(out, ignored).type() != fs::file_type::not_found) {
    return input_error("file_exists",
                       concat(printable(out, 400),
                              " exists and is not overwritten; remove it, or give another name: "
                              "--out FILE"));
  }
  GINN_TRY(write_file_atomic(out, as_bytes(text)));
  fmt::print("Wrote {0}, {1} bytes, unchecked. With the model's file beside it: ginn verify {0}\n",
             printable(out, 400),
             text.size());
  return 0;
}

}  // namespace ginn::cli
