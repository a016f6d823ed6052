#include <fmt/format.h>

#include <filesystem>

#include "base/file.h"
#include "base/text.h"
#include "cli/verbs.h"
#include "import/toml_job.h"

namespace ginn::cli {

Result<int> init_verb(const InitOptions& options) {
  std::error_code ignored;
  // A dangling link counts as there: writing would replace it.
  if (std::filesystem::symlink_status(options.path, ignored).type() !=
      std::filesystem::file_type::not_found) {
    return input_error("file_exists",
                       concat(printable(options.path),
                              " exists and is not overwritten; remove it, or give another name: "
                              "ginn init NAME.toml"));
  }
  const auto folder = std::filesystem::absolute(options.path, ignored).parent_path();
  if (!std::filesystem::is_directory(folder, ignored)) {
    return input_error("not_found",
                       concat(printable(options.path), ": no such folder; make it first"));
  }
  GINN_TRY(write_file_atomic(options.path, as_bytes(import::job_template())));
  fmt::print("Wrote {0}. Edit it, then: ginn plan {0}\n", printable(options.path));
  return 0;
}

}  // namespace ginn::cli
