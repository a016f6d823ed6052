#pragma once

#include <string>

#include "attack/advice.h"
#include "crypto/json.h"

namespace ginn::cli {

// What attackers were measured to achieve, and what that says of a job: for `ginn plan`.
std::string advice_text(const attack::Advice& advice, const job::Job& job);
crypto::Json::Object advice_json(const attack::Advice& advice);
// For `ginn train`: one line, without its end, when the job is weaker than the measurements
// support; empty otherwise.
std::string weakness(const attack::Advice& advice, const job::Job& job);

}  // namespace ginn::cli
