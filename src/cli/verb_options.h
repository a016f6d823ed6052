#pragma once

#include <CLI/App.hpp>

#include "cli/command_line.h"
#include "cli/verbs.h"

namespace ginn::cli {

// Where the parser puts what it reads. Outlives the parser: `command` refers to the options.
struct VerbOptions {
  InitOptions init;
  DataOptions data;
  PlanOptions plan;
  TrainOptions train;
  WorkOptions work;
  StatusOptions status;
  GrantOptions grant;
  VerifyOptions verify;
  PolicyOptions policy;
  BundleOptions bundle;
  AuditOptions audit;
  SignOptions sign;
  AttestCheckOptions attest_check;
  EvalOptions eval;
  AttackOptions attack;
  InspectOptions inspect;
  SelftestOptions selftest;
  BenchOptions bench;
  Command command;  // of the verb that was given
};

// grant, verify, policy, bundle, audit, sign, attest.
void add_owner_verbs(CLI::App& app, VerbOptions& line);
// Every verb and option there is, with its help.
void add_verbs(CLI::App& app, VerbOptions& line);

}  // namespace ginn::cli
