#include "job/selection.h"

#include <algorithm>

#include "base/text.h"

namespace ginn::job {
namespace {

constexpr size_t kPatternsMax = 100;  // of a job: with the next, its JSON stays within its limit
constexpr double kLrScaleMin = 1e-6;
constexpr double kLrScaleMax = 1000;

class Check {
 public:
  Check(const Job& job, const nn::Graph& graph, std::vector<Problem>& problems)
      : job_(job), graph_(graph), problems_(problems), selected_(select(job, graph)) {}

  void run() {
    if (count_patterns() > kPatternsMax) {
      return add("train.freeze",
                 concat("found ",
                        count_patterns(),
                        " patterns in all of the job; allowed: at most ",
                        kPatternsMax));
    }
    if (job_.weights) check_except();
    check_freeze();
    for (const ParameterGroup& group : job_.groups) check_group(group);
    check_disjoint();
  }

 private:
  void add(std::string_view key, std::string message) {
    problems_.push_back({std::string(key), std::move(message)});
  }

  size_t count_patterns() const {
    size_t count = job_.freeze.size() + (job_.weights ? job_.weights->except.size() : 0);
    for (const ParameterGroup& group : job_.groups) count += group.parameters.size();
    return count;
  }

  void check_patterns(std::string_view key, const std::vector<std::string>& patterns) {
    for (const std::string& pattern : patterns) {
      const bool good =
          !pattern.empty() && pattern.size() <= kPatternBytesMax &&
          std::all_of(pattern.begin(), pattern.end(), [](char c) { return c > 0x20 && c <= 0x7e; });
      const auto& all = graph_.parameters();
      if (!good) {
        add(key,
            concat("found \"",
                   printable(pattern, 80),
                   "\"; a pattern has 1 to ",
                   kPatternBytesMax,
                   " printable ASCII characters without spaces"));
      } else if (std::none_of(all.begin(), all.end(), [&](const nn::Parameter& p) {
                   return matches(pattern, p.name);
                 })) {
        add(key, concat("\"", pattern, "\" matches no parameter of ", job_.model));
      }
    }
  }

  void check_except() {
    constexpr std::string_view kKey = "model.weights_except";
    check_patterns(kKey, job_.weights->except);
    const std::vector<bool>& fresh = selected_.fresh;
    if (std::find(fresh.begin(), fresh.end(), false) == fresh.end()) {
      add(kKey, "it excepts every parameter: remove it, or model.weights");
    }
  }

  void check_freeze() {
    constexpr std::string_view kKey = "train.freeze";
    check_patterns(kKey, job_.freeze);
    const std::vector<bool>& frozen = selected_.frozen;
    if (std::find(frozen.begin(), frozen.end(), false) == frozen.end()) {
      add(kKey, "every parameter is frozen: nothing is left to train");
    }
  }

  void check_group(const ParameterGroup& group) {
    constexpr std::string_view kKey = "train.groups.parameters";
    if (!(group.lr_scale >= kLrScaleMin && group.lr_scale <= kLrScaleMax)) {
      add("train.groups.lr_scale",
          concat("found ", group.lr_scale, "; allowed: ", kLrScaleMin, " to ", kLrScaleMax));
    }
    if (group.parameters.empty()) add(kKey, "found none; expected at least one pattern");
    check_patterns(kKey, group.parameters);
    bool any = false;
    bool moves = false;
    for (size_t p = 0; p < graph_.parameters().size(); ++p) {
      if (!matches_any(group.parameters, graph_.parameters()[p].name)) continue;
      any = true;
      moves = moves || !selected_.frozen[p];
    }
    if (any && !moves) {
      add(kKey,
          concat("all that \"", group.parameters.front(), "\" matches is frozen by train.freeze"));
    }
  }

  void check_disjoint() {
    for (const nn::Parameter& parameter : graph_.parameters()) {
      const auto in =
          std::count_if(job_.groups.begin(), job_.groups.end(), [&](const ParameterGroup& group) {
            return matches_any(group.parameters, parameter.name);
          });
      if (in > 1) {
        add("train.groups.parameters", concat(parameter.name, " is in more than one group"));
      }
    }
  }

  const Job& job_;
  const nn::Graph& graph_;
  std::vector<Problem>& problems_;
  const Selection selected_;
};

}  // namespace

// Goes back to the last "*" only: linear in the product of the lengths, for any pattern.
bool matches(std::string_view pattern, std::string_view name) {
  size_t p = 0;
  size_t n = 0;
  size_t star = std::string_view::npos;
  size_t after = 0;  // of the name, where what the last "*" took ends
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      after = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++after;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool matches_any(const std::vector<std::string>& patterns, std::string_view name) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
    return matches(pattern, name);
  });
}

Selection select(const Job& job, const nn::Graph& graph) {
  Selection selection;
  for (const nn::Parameter& parameter : graph.parameters()) {
    selection.frozen.push_back(matches_any(job.freeze, parameter.name));
    selection.fresh.push_back(!job.weights || matches_any(job.weights->except, parameter.name));
    float scale = 1.0f;
    for (const ParameterGroup& group : job.groups) {
      if (matches_any(group.parameters, parameter.name)) scale = static_cast<float>(group.lr_scale);
    }
    selection.rate_scales.push_back(scale);
  }
  return selection;
}

bool names_parameters(const Job& job) {
  return job.weights.has_value() || !job.freeze.empty() || !job.groups.empty();
}

void check_selection(const Job& job, const nn::Graph& graph, std::vector<Problem>& problems) {
  Check(job, graph, problems).run();
}

}  // namespace ginn::job
