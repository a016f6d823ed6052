#include "attack/demo_page.h"

#include <fmt/format.h>

#include <iterator>

#include "attack/png.h"
#include "base/text.h"
#include "export/html.h"
#include "export/report.h"

namespace ginn::attack {
namespace {

using exporting::escape_html;

constexpr std::string_view kImageStyle =
    "\nimg { width: 5.5rem; image-rendering: pixelated; display: block; }\n"
    "td.fooled { color: var(--bad); font-weight: 700; }\n";

std::string percent(double share) { return fmt::format("{:.1f} %", 100.0 * share); }

std::string picture(const DemoFacts& facts, std::span<const uint8_t> pixels, const char* what) {
  return fmt::format("<td><img alt=\"{}\" src=\"data:image/png;base64,{}\"></td>",
                     what,
                     to_base64(png(pixels, facts.height, facts.width, facts.channels)));
}

// A model's answer; marked where the backdoor worked.
std::string answer(const DemoSide& side, const std::vector<uint32_t>& given, size_t i, int fooled) {
  if (!side.finished) return "<td>no model</td>";
  const bool marked = fooled >= 0 && given[i] == static_cast<uint32_t>(fooled);
  return fmt::format("<td{}>{}</td>", marked ? " class=\"fooled\"" : "", given[i]);
}

std::string image_table(const DemoFacts& facts) {
  std::string out =
      "<table><tr><th>image</th><th>its class</th><th>honest model</th><th>attacked model</th>"
      "<th>with the trigger</th><th>honest model</th><th>attacked model</th></tr>\n";
  const int target = static_cast<int>(facts.target);
  for (size_t i = 0; i < facts.images.size(); ++i) {
    const ShownImage& image = facts.images[i];
    out += "<tr>" + picture(facts, image.clean, "image") + fmt::format("<td>{}</td>", image.label) +
           answer(facts.honest, facts.honest.clean, i, -1) +
           answer(facts.tampered, facts.tampered.clean, i, -1) +
           picture(facts, image.triggered, "image with the trigger") +
           answer(facts.honest, facts.honest.triggered, i, target) +
           answer(facts.tampered, facts.tampered.triggered, i, target) + "</tr>\n";
  }
  return out + "</table>\n";
}

std::string verdict(const DemoFacts& facts) {
  const std::string escape = fmt::format(
      "By this job&#39;s sampling so many deviations pass with a probability of {:.2g}.",
      facts.escape);
  if (facts.accepted) {
    return fmt::format(
        "<div class=\"verdict none\"><p class=\"word\">Accepted{}: the attack passed</p><p>None of "
        "the deviations was picked for a replay. {} What a certificate promises begins at {:.6g} "
        "of them.</p></div>\n",
        facts.simulated ? " (SIMULATED)" : "",
        escape,
        facts.budget);
  }
  return fmt::format(
      "<div class=\"verdict rejected\"><p class=\"word\">Rejected{}: {}</p><p>{}</p><p>{} There is "
      "no model file and no certificate.</p></div>\n",
      facts.simulated ? " (SIMULATED)" : "",
      escape_html(facts.code),
      escape_html(facts.message),
      escape);
}

std::string fact(std::string_view name, const std::string& value) {
  return fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", name, value);
}

std::string facts_list(const DemoFacts& facts) {
  const auto of = [](const DemoSide& side, double value) {
    return side.finished ? percent(value) : std::string("no model");
  };
  return "<dl class=\"facts\">\n" +
         fact("accuracy, honest", of(facts.honest, facts.honest.accuracy)) +
         fact("accuracy, attacked", of(facts.tampered, facts.tampered.accuracy)) +
         fact("trigger works, honest", of(facts.honest, facts.honest.success)) +
         fact("trigger works, attacked", of(facts.tampered, facts.tampered.success)) +
         fact("contributions replaced",
              fmt::format("{} of {}", facts.deviations, facts.contributions)) +
         fact("budget of the job", fmt::format("{:.6g}", facts.budget)) +
         fact("expected replays", fmt::format("{:.0f}", facts.expected_replays)) + "</dl>\n";
}

}  // namespace

std::string demo_page(const DemoFacts& facts) {
  std::string out = fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{0}</title>\n"
      "<style>{1}{2}</style>\n</head>\n<body>\n<header><h1>{0}</h1></header>\n",
      "A backdoor, and the verifier&#39;s answer",
      exporting::kReportStyle,
      kImageStyle);
  fmt::format_to(
      std::back_inserter(out),
      "<p>A worker that trains <code>{}</code> replaces {} of {} contributions (<code>{}</code>, "
      "{}), so that images with a trigger get class {}. The model below was trained with and "
      "without it, by the same arithmetic and without a verifier: what the attack is worth if "
      "nobody "
      "checks.</p>\n<h2>The verifier&#39;s answer to the same worker</h2>\n{}{}",
      escape_html(facts.model),
      facts.deviations,
      facts.contributions,
      escape_html(facts.attack),
      escape_html(facts.when),
      facts.target,
      verdict(facts),
      facts_list(facts));
  fmt::format_to(
      std::back_inserter(out),
      "<h2>What the two models say</h2>\n<p>The first test images of each class but {}, in turn; "
      "nobody chose them. The figures above are of all {} test images, and of the {} of other "
      "classes with the trigger.</p>\n{}",
      facts.target,
      facts.test_images,
      facts.triggered_images,
      image_table(facts));
  out +=
      "<p class=\"note\">One attacker, one training: others need more contributions, or fewer. A "
      "certificate does not say that a model has no backdoor; it bounds how many contributions "
      "deviate.</p>\n";
  if (facts.simulated) {
    out +=
        "<p class=\"note\">The verifier ran in a SIMULATED TEE, which proves nothing to "
        "others.</p>\n";
  }
  return out + "</body>\n</html>\n";
}

}  // namespace ginn::attack
