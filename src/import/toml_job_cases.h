#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "import/toml_job.h"

// The smallest job file, and what a test asks of one, for the tests of job files.
namespace ginn::import::cases {

inline constexpr std::string_view kSmallest = R"([model]
name = "resnet8"
[data]
train = "train"
[train]
epochs = 4
[train.lr]
peak = 0.2
)";

data::DatasetFacts fashion();
// The message of the error that `text` gives; fails when it gives none.
std::string parse_message(std::string_view text);
// parse_message of a file in which `key_and_value` alone stands in `table`, at line 2.
std::string key_message(std::string_view table, std::string_view key_and_value);
Result<ResolvedJob> resolve(std::string_view text, const data::DatasetFacts& facts = fashion());
std::string resolve_message(std::string_view text);

}  // namespace ginn::import::cases
