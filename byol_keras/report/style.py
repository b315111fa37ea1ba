"""The page's style sheet: one column, one accent, light and dark, from a phone's width up."""

__all__ = ["STYLE"]

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #ffffff; --panel: #f6f7f9; --ink: #15181e; --muted: #5c6470; --line: #e2e5ea; --accent: #2f5bd0;
  --good: #0a7352; --unsure: #9a5700; --bad: #b3261e;
  --same: #0a9a6e; --other: #d2553a;
  --tint: 7%;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #111419; --panel: #191d24; --ink: #e8eaee; --muted: #9aa3b0; --line: #2b313b; --accent: #86a8ff;
    --good: #4fd0a2; --unsure: #f0b252; --bad: #ff8a7d;
    --same: #3ecb98; --other: #ff7f63;
    --tint: 11%;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; max-width: 68rem; padding: clamp(1.25rem, 4vw, 3.5rem) clamp(1rem, 4vw, 2.5rem);
  background: var(--paper); color: var(--ink); overflow-wrap: anywhere;
  font: 1rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", sans-serif;
  font-variant-numeric: tabular-nums;
}
h1, h2, h3, p, figure, dl, dd, ol, ul { margin: 0; padding: 0; }
h1 { font-size: clamp(1.6rem, 1.2rem + 2vw, 2.3rem); line-height: 1.2; letter-spacing: -0.02em; font-weight: 680; }
h2 { font-size: 1.3rem; line-height: 1.3; letter-spacing: -0.012em; font-weight: 650; }
h3 { font-size: 0.9rem; font-weight: 600; }
code { font: 0.875em/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; }
.command {
  display: block; width: fit-content; max-width: 100%; overflow-x: auto; margin-top: 0.4rem; padding: 0.45em 0.8em;
  border-radius: 0.4em; background: color-mix(in srgb, var(--ink) 7%, transparent); color: var(--ink);
  text-indent: 0; user-select: all;
}
.command span { white-space: nowrap; }
svg, img { display: block; width: 100%; }
svg { height: auto; font-family: inherit; }
header p { margin-top: 0.4rem; color: var(--muted); }
.kind { margin: 0 0 0.5rem; color: var(--accent); font-size: 0.85rem; font-weight: 600; }
section { margin-top: clamp(2.75rem, 6vw, 4.25rem); }
section > p { max-width: 44rem; margin-top: 0.35rem; color: var(--muted); }
section > :not(h2, p) { margin-top: 1.35rem; }

.verdict {
  --state: var(--muted);
  display: grid; grid-template-columns: minmax(0, 1fr); gap: 1.75rem clamp(2rem, 5vw, 4rem);
  margin-top: clamp(1.5rem, 4vw, 2.25rem);
  padding: clamp(1.25rem, 4vw, 2.25rem); border-radius: 0.9rem;
  --back: color-mix(in srgb, var(--state) var(--tint), var(--paper));
  background: var(--back);
}
.good { --state: var(--good); } .unsure { --state: var(--unsure); } .bad { --state: var(--bad); }
.verdict h2 {
  display: flex; gap: 0.65rem; align-items: center; color: var(--state);
  font-size: clamp(1.35rem, 1.1rem + 1.2vw, 1.75rem);
}
.verdict h2 span {
  flex: none; width: 1.15em; height: 1.15em; border-radius: 50%; background: var(--state); color: var(--paper);
  font-size: 0.9em; line-height: 1.15em; text-align: center; font-weight: 750;
}
.verdict p { margin-top: 0.8rem; }
.verdict p + p { color: var(--muted); font-size: 0.95rem; }
.verdict ul { margin-top: 1rem; list-style: none; }
.verdict li { padding: 0.3rem 0 0.3rem 1.4rem; text-indent: -1.4rem; }
.verdict li::before { content: "\\2192"; display: inline-block; width: 1.4rem; text-indent: 0; color: var(--state); }
@media (min-width: 56rem) { .verdict.compared { grid-template-columns: minmax(0, 1.5fr) minmax(0, 1fr); } }
.bars { align-self: center; }
.bars h3 { color: var(--muted); font-weight: 500; }
.bars dt { display: flex; justify-content: space-between; gap: 1rem; margin-top: 0.9rem; font-size: 0.95rem; }
.bars .first { font-weight: 650; }
.bars .range { height: 0.6rem; margin-top: 0.3rem; }

.range {
  position: relative; display: block; height: 0.4rem; border-radius: 1rem;
  background: color-mix(in srgb, var(--ink) 9%, transparent);
}
.range i { position: absolute; inset: 0 auto 0 0; border-radius: 1rem; background: var(--muted); opacity: 0.6; }
.range u { position: absolute; top: 50%; height: 2px; margin-top: -1px; background: var(--ink); }
.range u { border-radius: 1px; box-shadow: 0 0 0 1.5px var(--back, var(--paper)); }
.first .range i, .first + dd .range i { background: var(--accent); opacity: 1; }

.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: 1.25rem 1rem; }
.facts dt { color: var(--muted); font-size: 0.85rem; }
.facts dd { font-size: 1.45rem; line-height: 1.3; letter-spacing: -0.015em; font-weight: 600; overflow-wrap: normal; }

.scroll { overflow-x: auto; overscroll-behavior-x: contain; }
table { width: 100%; border-collapse: collapse; font-size: 0.95rem; overflow-wrap: normal; }
th, td { padding: 0.7rem 1.75rem 0.7rem 0; border-bottom: 1px solid var(--line); text-align: left; }
th, td { vertical-align: top; }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--muted); font-size: 0.85rem; font-weight: 500; vertical-align: bottom; }
tbody th { font-weight: 500; }
.accuracies td { min-width: 8.5rem; }
.accuracies tbody th { min-width: 7rem; overflow-wrap: anywhere; }
.accuracies th:first-child { position: sticky; left: 0; z-index: 1; background: var(--paper); }
.accuracies td span { color: var(--muted); font-size: 0.85rem; white-space: nowrap; }
.accuracies td b { margin-right: 0.5rem; font-weight: 500; }
.accuracies .range { max-width: 18rem; margin-top: 0.45rem; }
.accuracies .first th, .accuracies .best b { font-weight: 700; }
.settings th, .settings td { padding-top: 0.4rem; padding-bottom: 0.4rem; overflow-wrap: anywhere; }
.settings tbody th { width: 38%; color: var(--muted); font-weight: 400; }
.settings td { font: 0.875rem/1.6 ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; }
.skips th { width: 50%; font-weight: 400; overflow-wrap: anywhere; }
.skips td { color: var(--muted); }

.curves { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 18.5rem), 1fr)); gap: 2.25rem 2rem; }
.curves figcaption { margin-bottom: 0.5rem; }
.curves figcaption div { display: flex; justify-content: space-between; align-items: baseline; gap: 1rem; }
.curves figcaption b { font-size: 1.15rem; font-weight: 600; }
.curves figcaption p { color: var(--muted); font-size: 0.85rem; line-height: 1.45; }
.curves figure { display: flex; flex-direction: column; justify-content: space-between; }

img { border-radius: 0.25rem; image-rendering: auto; background: var(--panel); }
.pairs { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(46%, 9.5rem), 1fr)); gap: 1.1rem; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 3px; }
.pair img, .neighbours img { aspect-ratio: 1; object-fit: contain; }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 26rem), 1fr)); gap: 2rem 2.5rem; }
.gallery figcaption { display: flex; justify-content: space-between; gap: 1rem; }
.gallery figcaption { margin-top: 0.55rem; font-size: 0.9rem; }
.gallery figcaption b { font-weight: 600; }
.gallery figcaption span { color: var(--muted); flex: none; }
.neighbours { display: grid; grid-template-columns: repeat(6, minmax(0, 1fr)); gap: 0.4rem; }
.neighbours .query { grid-area: 1 / 1 / 3 / 3; }
.neighbours .same { outline: 2.5px solid var(--same); outline-offset: -1px; }
.neighbours .other { outline: 2.5px dashed var(--other); outline-offset: -1px; }
.key { display: flex; flex-wrap: wrap; gap: 0.4rem 1.4rem; color: var(--muted); font-size: 0.9rem; list-style: none; }
.key li { display: flex; align-items: center; gap: 0.5rem; }
.swatch { flex: none; width: 0.95rem; height: 0.95rem; border-radius: 0.2rem; }
.swatch.same { border: 2.5px solid var(--same); } .swatch.other { border: 2.5px dashed var(--other); }
.key svg { width: 0.85rem; flex: none; }
.map { max-width: 52rem; }
.atlas { display: grid; gap: 1rem 2.5rem; align-items: center; }
@media (min-width: 52rem) {
  .atlas { grid-template-columns: minmax(0, 1fr) auto; }
  .atlas .key { flex-direction: column; max-width: 14rem; }
}
footer { margin-top: 4rem; padding-top: 1.25rem; border-top: 1px solid var(--line); }
footer { color: var(--muted); font-size: 0.85rem; }
@media print { body { max-width: none; padding: 0; } section { break-inside: avoid; } }
"""
