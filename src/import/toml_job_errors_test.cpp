#include "import/toml_job_cases.h"

namespace ginn::import::cases {
namespace {

TEST(TomlJobErrors, SyntaxNamesTheLine) {
  EXPECT_TRUE(parse_message("[model]\nname = \n").starts_with("job.toml:2: TOML: "));
  EXPECT_TRUE(parse_message("[model]\nname = 1\nname = 2\n").starts_with("job.toml:3: TOML: "));
  EXPECT_TRUE(parse_message("a = \"\xff\"\n").starts_with("job.toml:1: TOML: "));
  EXPECT_NE(parse_message(std::string(2'000'000, '\n')).find("at most 1048576"), std::string::npos);
  EXPECT_NE(parse_message("a = " + std::string(5000, '[')).find("TOML: "), std::string::npos);
}

TEST(TomlJobErrors, MissingKeysAreAllNamed) {
  EXPECT_EQ(parse_message(""),
            "job.toml: model.name: missing; add it under [model]\n"
            "job.toml: data.train: missing; add it under [data]\n"
            "job.toml: train.epochs: missing; add it under [train]\n"
            "job.toml: train.lr.peak: missing; add it under [train.lr]");
}

TEST(TomlJobErrors, UnknownKeysAndWhatWasMeant) {
  EXPECT_EQ(key_message("train", "bacth = 128"),
            "job.toml:2: train.bacth: unknown key; did you mean train.batch?");
  EXPECT_EQ(key_message("train", "peak = 0.1"),
            "job.toml:2: train.peak: unknown key; did you mean train.lr.peak?");
  EXPECT_EQ(key_message("optimiser", "x = 1"),
            "job.toml:1: optimiser: unknown key; remove it (docs/job.md lists the known ones)");
  EXPECT_EQ(key_message("integrety", "x = 1"),
            "job.toml:1: integrety: unknown key; did you mean integrity?");
  EXPECT_EQ(key_message("train", "colour = \"red\""),
            "job.toml:2: train.colour: unknown key; remove it (docs/job.md lists the known ones)");
  EXPECT_EQ(key_message("augment", "\"f\\u0007lip\" = true"),
            "job.toml:2: augment.f\\x07lip: unknown key; did you mean augment.flip?");
}

TEST(TomlJobErrors, WrongTypesAndRanges) {
  EXPECT_EQ(key_message("model", "name = 8"),
            "job.toml:2: model.name: found an integer; expected a string");
  EXPECT_EQ(key_message("train", "epochs = 4.0"),
            "job.toml:2: train.epochs: found a number with a fraction; expected an integer");
  EXPECT_EQ(key_message("train", "epochs = \"4\""),
            "job.toml:2: train.epochs: found a string; expected an integer");
  EXPECT_EQ(key_message("train", "epochs = -4"),
            "job.toml:2: train.epochs: found -4; allowed: an integer from 0 to 4294967295");
  EXPECT_EQ(key_message("train", "batch = 4294967296"),
            "job.toml:2: train.batch: found 4294967296; allowed: an integer from 0 to 4294967295");
  EXPECT_EQ(key_message("train", "seed = -1"),
            "job.toml:2: train.seed: found -1; allowed: an integer from 0 to 9223372036854775807");
  EXPECT_EQ(key_message("train", "momentum = nan"),
            "job.toml:2: train.momentum: found nan; expected a finite number");
  EXPECT_EQ(key_message("train.lr", "peak = inf"),
            "job.toml:2: train.lr.peak: found inf; expected a finite number");
  EXPECT_EQ(key_message("train", "momentum = true"),
            "job.toml:2: train.momentum: found true or false; expected a number");
  EXPECT_EQ(key_message("augment", "flip = 1"),
            "job.toml:2: augment.flip: found an integer; expected true or false");
  EXPECT_EQ(key_message("data", "mean = 0.5"),
            "job.toml:2: data.mean: found a number with a fraction; expected an array of numbers");
  EXPECT_EQ(key_message("data", "mean = [0.5, \"a\"]"),
            "job.toml:2: data.mean: found a string in it; expected numbers");
  EXPECT_EQ(key_message("data", "std = [-inf]"),
            "job.toml:2: data.std: found -inf; expected a finite number");
  EXPECT_EQ(key_message("data", "train = \"\""),
            "job.toml:2: data.train: found \"\"; expected a path");
  EXPECT_EQ(key_message("data", "test = \"a\\u0000b\""),
            "job.toml:2: data.test: found \"a\\x00b\"; expected a path");
  EXPECT_EQ(key_message("integrity", "budget = -3"),
            "job.toml:2: integrity.budget: found -3; allowed: an integer from 0 to "
            "9223372036854775807");
  EXPECT_EQ(key_message("integrity", "budget = nan"),
            "job.toml:2: integrity.budget: found nan; expected a finite number");
  EXPECT_EQ(key_message("integrity", "budget = 1979-05-27"),
            "job.toml:2: integrity.budget: found a date or time; expected a number");
  EXPECT_NE(
      key_message("data", "root = \"sha256:xyz\"").find("job.toml:2: data.root: found \"sha256"),
      std::string::npos);
  std::string many = "milestones = [0";
  for (int i = 0; i < 100; ++i) many += ", 0";
  EXPECT_EQ(key_message("train.lr", many + "]"),
            "job.toml:2: train.lr.milestones: found 101 values; allowed: at most 100");
}

TEST(TomlJobErrors, WordsListWhatIsAllowed) {
  EXPECT_EQ(key_message("train", "last_batch = \"keep\""),
            "job.toml:2: train.last_batch: found \"keep\"; allowed: \"drop\", \"carry\"");
  EXPECT_EQ(key_message("train.lr", "schedule = \"linear\""),
            "job.toml:2: train.lr.schedule: found \"linear\"; allowed: \"constant\", \"step\", "
            "\"cosine\"");
  EXPECT_EQ(key_message("integrity", "verify = \"none\""),
            "job.toml:2: integrity.verify: found \"none\"; allowed: \"sample\", \"all\"");
  EXPECT_EQ(key_message("integrity", "verify = 1"),
            "job.toml:2: integrity.verify: found an integer; expected a string");
  EXPECT_EQ(key_message("train", "optimizer = \"adam\""),
            "job.toml:2: train.optimizer: found \"adam\"; allowed: \"sgd\"");
}

TEST(TomlJobErrors, TablesMustBeTables) {
  EXPECT_EQ(parse_message(
                "[model]\nname = \"mlp\"\n[data]\ntrain = \"a\"\n[train]\nepochs = 1\nlr = 1\n"),
            "job.toml: train.lr.peak: missing; add it under [train.lr]\n"
            "job.toml:7: train.lr: expected a table: write [train.lr]");
  EXPECT_EQ(parse_message(std::string(kSmallest) + "[[augment]]\ncrop = 1\n"),
            "job.toml:9: augment: expected a table: write [augment]");
}

TEST(TomlJobErrors, AllProblemsInTheOrderOfTheFile) {
  EXPECT_EQ(parse_message("train = 3\n[integrity]\nbudgte = 1\nlives = -1\n[model]\nname = 1\n"),
            "job.toml: data.train: missing; add it under [data]\n"
            "job.toml: train.epochs: missing; add it under [train]\n"
            "job.toml: train.lr.peak: missing; add it under [train.lr]\n"
            "job.toml:1: train: expected a table: write [train]\n"
            "job.toml:3: integrity.budgte: unknown key; did you mean integrity.budget?\n"
            "job.toml:4: integrity.lives: found -1; allowed: an integer from 0 to 4294967295\n"
            "job.toml:6: model.name: found an integer; expected a string");
}

TEST(TomlJobErrors, ManyProblemsAreCountedNotPrinted) {
  std::string text(kSmallest);
  for (int i = 0; i < 1000; ++i) text += "unknown_" + std::to_string(i) + " = 1\n";
  const std::string message = parse_message(text);
  EXPECT_LT(message.size(), 10'000u);
  EXPECT_TRUE(message.ends_with("job.toml: and 950 problems more")) << message;
}

TEST(TomlJobErrors, ConstraintsNameTheirLines) {
  std::string text(kSmallest);
  text.insert(text.find("epochs"), "momentum = 1\nbatch = 100\n");
  text += "[integrity]\nlives = 65\n";
  EXPECT_EQ(resolve_message(text),
            "job.toml: train.microbatch: found 32; it must divide train.batch, 100\n"
            "job.toml:6: train.momentum: found 1; allowed: 0 to below 1\n"
            "job.toml:12: integrity.lives: found 65; allowed: 1 to 64");
}

TEST(TomlJobErrors, RootMustBeTheDatas) {
  data::DatasetFacts other = fashion();
  other.tree[0] ^= 1;
  std::string text(kSmallest);
  text.insert(text.find("train ="), "root = \"" + crypto::tagged(other.root()) + "\"\n");
  const auto job = resolve(text);
  ASSERT_FALSE(job.ok());
  EXPECT_STREQ(job.error().code, "dataset_root");
  EXPECT_TRUE(job.error().message.starts_with("job.toml:4: data.root: found " +
                                              crypto::tagged(other.root())));
  EXPECT_NE(job.error().message.find("has " + crypto::tagged(fashion().root())), std::string::npos);
  EXPECT_TRUE(resolve(text, other)->has_root);
}

}  // namespace
}  // namespace ginn::import::cases
