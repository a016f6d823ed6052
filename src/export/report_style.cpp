#include "export/report.h"

namespace ginn::exporting {

const std::string_view kReportStyle = R"(
:root {
  color-scheme: light dark;
  --page: #ffffff; --text: #1d2530; --soft: #5b6675; --line: #dde2e8; --panel: #f5f7f9;
  --good: #17703c; --good-bg: #e6f4ea; --bad: #b3261e; --bad-bg: #fdecea;
  --warn: #8a5a00; --warn-bg: #fff4d6; --none: #465264; --none-bg: #eceff3; --curve: #1f5fbf;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14181e; --text: #e3e7ec; --soft: #9aa5b3; --line: #2f3741; --panel: #1b2028;
    --good: #79d39a; --good-bg: #153323; --bad: #ff9b92; --bad-bg: #40191a;
    --warn: #f2c462; --warn-bg: #3a2d10; --none: #b6c0cc; --none-bg: #252c35; --curve: #7fb0ff;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2.5rem 1.5rem 3rem; max-width: 54rem;
  background: var(--page); color: var(--text);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
header p { margin: 0; color: var(--soft); }
h1 { margin: 0 0 1.4rem; font-size: 1.7rem; line-height: 1.25; font-weight: 650; }
h2 { margin: 2.4rem 0 .7rem; font-size: 1.1rem; font-weight: 650; }
p { margin: .5rem 0; }
.note { color: var(--soft); font-size: .9rem; }
.banner {
  margin: 0 0 1rem; padding: .7rem 1rem; border: 2px dashed var(--warn); border-radius: 6px;
  background: var(--warn-bg); color: var(--warn); font-weight: 600;
}
.verdict { padding: 1rem 1.2rem; border-left: 6px solid; border-radius: 6px; }
.verdict p { color: var(--text); }
.verdict .word { margin: 0; font-size: 1.35rem; font-weight: 700; letter-spacing: .02em; }
.accepted { background: var(--good-bg); border-color: var(--good); }
.rejected { background: var(--bad-bg); border-color: var(--bad); }
.consistent { background: var(--warn-bg); border-color: var(--warn); }
.none { background: var(--none-bg); border-color: var(--none); }
.accepted .word, td.yes { color: var(--good); }
.rejected .word, td.no { color: var(--bad); }
.consistent .word { color: var(--warn); }
.none .word { color: var(--none); }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .8rem;
  margin: 1.2rem 0 0; }
.facts div { padding: .6rem .8rem; background: var(--panel); border-radius: 6px; }
.facts dt { color: var(--soft); font-size: .82rem; }
.facts dd { margin: 0; font-size: 1.1rem; font-weight: 600; font-variant-numeric: tabular-nums; }
table { width: 100%; border-collapse: collapse; font-size: .92rem; }
th, td { padding: .38rem .7rem .38rem 0; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; overflow-wrap: anywhere; }
th { color: var(--soft); font-weight: 600; }
td.key { width: 13rem; color: var(--soft); }
td.yes, td.no { font-weight: 600; }
.checks td:nth-child(1) { width: 11.5rem; }
.checks td:nth-child(2) { width: 5rem; }
code { font: .88em ui-monospace, "SFMono-Regular", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.chart { display: block; width: 100%; height: auto; }
.chart text { fill: var(--soft); font-size: 12px; }
.chart .grid { stroke: var(--line); }
.chart .axis { stroke: var(--soft); fill: none; }
.chart .band { fill: var(--curve); opacity: .18; }
.chart .curve { fill: none; stroke: var(--curve); stroke-width: 2; stroke-linejoin: round; }
footer { margin-top: 2.6rem; padding-top: .8rem; border-top: 1px solid var(--line);
  color: var(--soft); font-size: .88rem; }
@media print {
  body { max-width: none; padding: 0; font-size: 10.5pt; }
  h2 { break-after: avoid; }
  tr, svg, .verdict, .banner, .facts { break-inside: avoid; }
  .verdict, .banner, .facts div { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
)";

}  // namespace ginn::exporting
