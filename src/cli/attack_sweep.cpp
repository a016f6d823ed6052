#include <fmt/format.h>

#include "attack/sweep_page.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/attack_run.h"
#include "cli/run_job.h"

namespace ginn::cli {
namespace {

// A sweep on its way: its laboratory, and the folder that it fills.
class Sweep {
 public:
  static Result<std::unique_ptr<Sweep>> create(const AttackOptions& options) {
    auto sweep = std::unique_ptr<Sweep>(new Sweep(options));
    GINN_ASSIGN(sweep->lab_, Laboratory::create(options));
    const job::Job& job = sweep->lab_->training().job();
    sweep->job_ = to_hex(job::digest(job)).substr(0, 16);
    GINN_ASSIGN(const guarantee::Sampling sampling, job::sampling(job));
    sweep->facts_.title = concat("Attacks on ",
                                 std::filesystem::path(options.job).filename().native(),
                                 ": ",
                                 job.model,
                                 ", ",
                                 job.steps,
                                 " steps",
                                 options.combine == attack::kSum ? "" : ", combined by ",
                                 options.combine == attack::kSum ? "" : options.combine);
    sweep->facts_.contributions = job.contributions();
    sweep->facts_.budget = sampling.budget_contributions();
    sweep->facts_.probability = job.probability;
    return sweep;
  }

  // The combinations of the lists, in their order; the honest run once for each attack's trigger.
  Result<std::vector<attack::AttackPlan>> cells() const {
    GINN_ASSIGN(const std::vector<uint64_t> counts, all_counts());
    std::vector<attack::AttackPlan> cells;
    for (const std::string& attack : options_.attacks) {
      for (const std::string& when : options_.when) {
        for (uint64_t count : counts) {
          for (uint64_t seed : options_.seeds) {
            attack::AttackPlan plan = plan_without(options_);
            plan.attack = attack;
            GINN_ASSIGN(plan.when, attack::parse_when(when));
            plan.count = count;
            plan.options.seed = seed;
            const bool first = seed == options_.seeds[0] && when == options_.when[0];
            if (count > 0 || first) cells.push_back(plan);
          }
        }
      }
    }
    return cells;
  }

  // All that would be refused is refused before the first training, and no file is there yet.
  Status open(const std::vector<attack::AttackPlan>& cells) {
    for (const attack::AttackPlan& plan : cells) {
      GINN_TRY(attack::check_attack(plan, lab_->training()));
    }
    const std::filesystem::path out = options_.out;
    std::error_code error;
    std::filesystem::create_directories(out, error);
    if (error) {
      return environment_error("write_failed", concat(printable(options_.out), ": cannot be made"));
    }
    GINN_ASSIGN(auto results, attack::Results::open(out / "results.csv"));
    results_ = std::make_unique<attack::Results>(std::move(results));
    return write_pictures();
  }

  // Unless it was run before.
  Status run(const attack::AttackPlan& plan) {
    attack::Row row = attack::row_of(job_, plan);
    if (results_->find(row) != nullptr) return ok_status();
    const bool quiet = options_.quiet || options_.json;
    GINN_ASSIGN(row.result, lab_->run(plan, options_.sequences, quiet));
    if (!quiet) print_row(row);
    GINN_TRY(results_->add(std::move(row)));
    return write_pictures();
  }

  Status bisect(const std::string& attack, const std::string& when) {
    while (true) {
      const auto found = attack::bracket(groups(), attack, when);
      const auto next = found ? found->next() : std::nullopt;
      if (!next) return ok_status();
      for (uint64_t seed : options_.seeds) {
        attack::AttackPlan plan = plan_without(options_);
        plan.attack = attack;
        GINN_ASSIGN(plan.when, attack::parse_when(when));
        plan.count = *next;
        plan.options.seed = seed;
        GINN_TRY(run(plan));
      }
    }
  }

  std::vector<attack::Group> groups() const {
    return attack::groups(results_->rows(), job_, options_.combine);
  }
  const attack::SweepFacts& facts() const { return facts_; }

 private:
  explicit Sweep(const AttackOptions& options) : options_(options) {}

  Result<std::vector<uint64_t>> all_counts() const {
    if (!options_.counts.empty()) return options_.counts;
    std::vector<uint64_t> counts;
    for (double share : options_.shares) {
      GINN_ASSIGN(const uint64_t count, count_of_share(share, facts_.contributions, true));
      counts.push_back(count);
    }
    return counts;
  }

  Status write_pictures() const {
    const std::filesystem::path out = options_.out;
    const std::string page = attack::sweep_page(groups(), facts_);
    const std::string chart = attack::success_chart(groups(), facts_);
    if (!chart.empty()) GINN_TRY(write_file_atomic(out / "success.svg", as_bytes(chart)));
    return write_file_atomic(out / "index.html", as_bytes(page));
  }

  static void print_row(const attack::Row& row) {
    fmt::print("{}, {}, {} of {}, seed {}: accuracy {:.1f} %, attack success {:.1f} %{}\n",
               row.attack,
               row.when,
               row.count,
               row.result.contributions,
               row.seed,
               100.0 * row.result.accuracy(),
               100.0 * row.result.success(),
               row.result.finished ? "" : " (the training broke)");
    std::fflush(stdout);
  }

  const AttackOptions& options_;
  std::unique_ptr<Laboratory> lab_;
  std::string job_;
  attack::SweepFacts facts_;
  std::unique_ptr<attack::Results> results_;
};

void print_json(const AttackOptions& options, const std::vector<attack::Group>& groups) {
  crypto::Json::Array cells;
  for (const attack::Group& group : groups) {
    crypto::Json::Object cell;
    cell["attack"] = group.attack;
    cell["when"] = group.when;
    cell["count"] = static_cast<double>(group.count);
    cell["share"] = group.share;
    cell["trainings"] = static_cast<double>(group.trainings);
    cell["broken"] = static_cast<double>(group.broken);
    cell["succeeded"] = static_cast<double>(group.succeeded);
    cell["success"] = group.success;
    cell["accuracy"] = group.accuracy;
    if (group.has_robust) cell["robust_accuracy"] = group.robust;
    cell["escape_exact"] = group.escape;
    cells.push_back(cell);
  }
  crypto::Json::Object json;
  json["out"] = options.out;
  json["cells"] = cells;
  fmt::print("{}\n", crypto::pretty_json(json));
}

}  // namespace

Result<int> sweep_verb(const AttackOptions& options) {
  if (options.out.empty()) return input_error("usage", "--sweep needs --out DIR for its results");
  GINN_ASSIGN(const auto sweep, Sweep::create(options));
  GINN_ASSIGN(const auto cells, sweep->cells());
  GINN_TRY(sweep->open(cells));
  watch_interrupts();
  for (const attack::AttackPlan& plan : cells) GINN_TRY(sweep->run(plan));
  if (options.critical) {
    for (const std::string& attack : options.attacks) {
      for (const std::string& when : options.when) GINN_TRY(sweep->bisect(attack, when));
    }
  }
  if (options.json) {
    print_json(options, sweep->groups());
  } else if (!options.quiet) {
    fmt::print("results.csv, success.svg and index.html in {}\n", options.out);
  }
  return 0;
}

}  // namespace ginn::cli
