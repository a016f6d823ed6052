#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "base/text.h"
#include "cli/verb_options.h"

// The kinds of options that verbs have, so that all look alike in their help.
namespace ginn::cli {

template <typename Options>
CLI::App* add_verb(CLI::App& app,
                   VerbOptions& line,
                   const char* name,
                   const char* description,
                   const Options& options,
                   Result<int> (*run)(const Options&)) {
  CLI::App* verb = app.add_subcommand(name, description)->group("Verbs");
  verb->callback(
      [&line, &options, run] { line.command = [&options, run] { return run(options); }; });
  return verb;
}

template <typename Value>
CLI::Option* add_option(CLI::App* verb,
                        const char* name,
                        Value& value,
                        const char* type,
                        const std::string& description) {
  return verb->add_option(name, value, description)->type_name(type);
}

template <typename Value>
CLI::Option* add_argument(CLI::App* verb,
                          const char* name,
                          Value& value,
                          const std::string& description) {
  return verb->add_option(name, value, description)->type_name(" ");
}

inline void add_json(CLI::App* verb, bool& json) {
  verb->add_flag("--json", json, "One JSON document on standard output, and nothing else");
}

inline void add_count(CLI::App* verb,
                      const char* name,
                      uint32_t& value,
                      uint32_t most,
                      const std::string& description) {
  CLI::Range range(uint32_t{1}, most);
  range.description("");  // CLI11's own goes into the type's column
  add_option(verb, name, value, "N", concat(description, "; 1 to ", most))->check(range);
}

inline void add_threads(CLI::App* verb, uint32_t& threads) {
  add_count(verb, "--threads", threads, 256, "Threads to compute with (all cores)");
}

inline void add_verifier_threads(CLI::App* verb, uint32_t& threads) {
  add_count(verb, "--verifier-threads", threads, 256, "Threads that replay (1)");
}

inline void add_quiet(CLI::App* verb, bool& quiet) {
  verb->add_flag("--quiet", quiet, "No progress, no summary; the exit code is the answer");
}

inline void add_log(CLI::App* verb, LogOptions& log) {
  add_option(verb,
             "--log-level",
             log.level,
             "LEVEL",
             "Log lines on standard error: debug, info, warning, error, off (off)");
  add_option(verb, "--log-format", log.format, "FORMAT", "Of these lines: text or json (text)");
}

inline void add_job(CLI::App* verb, std::string& job) {
  add_argument(verb, "JOB", job, "Job file (TOML)")->required();
}

inline void add_out(CLI::App* verb, std::string& out) {
  add_option(verb, "--out", out, "DIR", "Folder for the run's files: new, or empty")->required();
}

template <typename Names>
std::string list(const Names& names) {
  std::string text;
  for (const auto& name : names) text += concat(text.empty() ? "" : ", ", name);
  return text;
}

}  // namespace ginn::cli
