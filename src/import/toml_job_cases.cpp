#include "import/toml_job_cases.h"

#include <utility>
#include <vector>

#include "base/text.h"

namespace ginn::import::cases {

data::DatasetFacts fashion() {
  data::DatasetFacts facts{60000, 28, 28, 1, 10, {}};
  facts.tree.fill(0x5a);
  return facts;
}

std::string parse_message(std::string_view text) {
  const auto file = parse_job_file(text, "job.toml");
  EXPECT_FALSE(file.ok()) << text;
  if (file.ok()) return "";
  EXPECT_STREQ(file.error().code, "job_file");
  EXPECT_EQ(file.error().kind, ErrorClass::kInput);
  return file.error().message;
}

std::string key_message(std::string_view table, std::string_view key_and_value) {
  std::string text = concat("[", table, "]\n", key_and_value, "\n");
  for (const auto& [name, required] :
       std::vector<std::pair<std::string, std::string>>{{"model", "name = \"resnet8\""},
                                                        {"data", "train = \"train\""},
                                                        {"train", "epochs = 4"},
                                                        {"train.lr", "peak = 0.2"}}) {
    const bool replaced = name == table && key_and_value.substr(0, key_and_value.find(' ')) ==
                                               required.substr(0, required.find(' '));
    if (!replaced) {
      if (name == table) {
        text.insert(text.find('\n', text.find('\n') + 1) + 1, concat(required, "\n"));
      } else {
        text += concat("[", name, "]\n", required, "\n");
      }
    }
  }
  return parse_message(text);
}

Result<ResolvedJob> resolve(std::string_view text, const data::DatasetFacts& facts) {
  const auto file = parse_job_file(text, "job.toml");
  if (!file.ok()) return file.error();
  return resolve_job(*file, facts);
}

std::string resolve_message(std::string_view text) {
  const auto job = resolve(text);
  EXPECT_FALSE(job.ok()) << text;
  if (job.ok()) return "";
  EXPECT_STREQ(job.error().code, "job_file");
  return job.error().message;
}

}  // namespace ginn::import::cases
