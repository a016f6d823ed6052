#include "cli/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <vector>

#include "base/text.h"
#include "cli/suggest.h"
#include "cli/verb_options.h"
#include "verifier/session.h"

namespace ginn::cli {
namespace {

constexpr const char* kAbout =
    "Verified training of neural networks: an untrusted worker trains, a small trusted verifier\n"
    "replays a secret sample of its gradients bit for bit and signs a certificate.";
constexpr const char* kFooter =
    "Exit codes: 0 good, 1 the answer is no, 2 usage or input error, 3 environment.\n"
    "Every verb's options, defaults in parentheses: ginn help VERB. Start with: ginn init";
constexpr size_t kHelpColumn = 30;

Command print(std::string text, int code) {
  return [text = std::move(text), code]() -> Result<int> {
    fmt::print("{}", text);
    return code;
  };
}

Error usage(std::string message) { return input_error("usage", std::move(message)); }

std::vector<const CLI::App*> verbs(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

// Null when there is no such verb.
const CLI::App* find_verb(const CLI::App& app, const std::string& name) {
  for (const CLI::App* verb : verbs(app)) {
    if (verb->get_name() == name) return verb;
  }
  return nullptr;
}

Error unknown_verb(const CLI::App& app, const std::string& verb) {
  std::vector<std::string> names;
  std::string known;
  for (const CLI::App* one : verbs(app)) {
    names.push_back(one->get_name());
    known += concat(known.empty() ? "" : ", ", one->get_name());
  }
  return usage(concat("there is no verb \"",
                      printable(verb),
                      "\"",
                      did_you_mean(verb, names),
                      "; the verbs are ",
                      known));
}

// "attest check" of a verb below a verb.
std::string full_name(const CLI::App& verb) {
  const CLI::App* above = verb.get_parent();
  if (above == nullptr || above->get_parent() == nullptr) return verb.get_name();
  return concat(above->get_name(), ' ', verb.get_name());
}

Error unknown_option(const CLI::App& verb, const std::string& name) {
  std::vector<std::string> known;
  for (const CLI::Option* option : verb.get_options()) {
    for (const std::string& long_name : option->get_lnames()) known.push_back("--" + long_name);
  }
  return usage(concat("ginn ",
                      full_name(verb),
                      " has no option ",
                      printable(name),
                      did_you_mean(name, known),
                      "; try: ginn help ",
                      full_name(verb)));
}

// `arguments` of the verb. An unknown option is told first: CLI11 names whatever it trips over.
Error unparsed(const CLI::App& verb,
               std::span<const std::string> arguments,
               const CLI::ParseError& error) {
  for (const std::string& argument : arguments) {
    if (argument == "--") break;
    const std::string name = argument.substr(0, argument.find('='));
    const bool option = name.size() > 2 && name.starts_with("--");
    if (option && verb.get_option_no_throw(name) == nullptr) return unknown_option(verb, name);
  }
  return usage(concat(printable(error.what(), 1000), "; try: ginn help ", full_name(verb)));
}

// A verb's own help, or that of the verb below it that is named, or of the only one there is.
std::string help_of(const CLI::App& verb, std::span<const std::string> names) {
  const std::vector<const CLI::App*> below = verbs(verb);
  const CLI::App* named = names.empty() ? nullptr : find_verb(verb, names.front());
  if (named == nullptr && below.size() == 1) named = below.front();
  if (named == nullptr) return verb.help("ginn");
  return named->help("ginn " + verb.get_name());
}

// The verb whose options `arguments` are: "ginn attest check" has one below the first.
const CLI::App* innermost(const CLI::App& verb, std::span<const std::string>& arguments) {
  const CLI::App* below = arguments.empty() ? nullptr : find_verb(verb, arguments.front());
  if (below == nullptr) return &verb;
  arguments = arguments.subspan(1);
  return below;
}

Result<Command> help_command(const CLI::App& app, std::span<const std::string> arguments) {
  if (arguments.size() < 2) return print(app.help(), 0);
  const CLI::App* verb = find_verb(app, arguments[1]);
  if (verb == nullptr) return unknown_verb(app, arguments[1]);
  return print(help_of(*verb, arguments.subspan(2)), 0);
}

}  // namespace

Result<Command> parse_command_line(std::span<const std::string> arguments) {
  const auto line = std::make_shared<VerbOptions>();
  CLI::App app(kAbout, "ginn");
  app.get_formatter()->column_width(kHelpColumn);
  app.get_formatter()->label("SUBCOMMAND", "VERB");
  app.set_version_flag("--version", std::string(verifier::kVersion), "Print the version");
  add_verbs(app, *line);
  app.footer(kFooter);  // after the verbs, which would take it over
  if (arguments.empty()) return print(app.help(), 2);
  const std::string& first = arguments.front();
  if (first == "help" || first == "--help" || first == "-h") return help_command(app, arguments);
  if (first == "--version") return print(concat("ginn ", verifier::kVersion, "\n"), 0);
  if (first.starts_with("-")) {
    return usage(concat("a verb comes first, not ", printable(first), "; try: ginn help"));
  }
  const CLI::App* verb = find_verb(app, first);
  if (verb == nullptr) return unknown_verb(app, first);
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    return print(help_of(*verb, arguments.subspan(1)), 0);
  } catch (const CLI::ParseError& error) {
    std::span<const std::string> rest = arguments.subspan(1);
    const CLI::App* inner = innermost(*verb, rest);
    return unparsed(*inner, rest, error);
  }
  return Command([line] { return line->command(); });
}

}  // namespace ginn::cli
