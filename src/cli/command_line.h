#pragma once

#include <functional>
#include <span>
#include <string>

#include "base/result.h"

namespace ginn::cli {

// What a command line asks for, to be called once: gives the exit code.
using Command = std::function<Result<int>()>;

// `arguments` without the program's name. Help and the version are commands, too. Code "usage",
// saying what was probably meant.
Result<Command> parse_command_line(std::span<const std::string> arguments);

}  // namespace ginn::cli
