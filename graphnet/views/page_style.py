"""The style sheet of the page: plain, readable in light and dark."""

STYLE = """
:root { color-scheme: light dark; --text: #1d1f21; --quiet: #62676d; --ground: #fcfcfb; --panel: #f1f1ee;
  --rule: #d5d5d0; --gone: #fbd9d3; --new: #d3efd8; --link: #0b5cad; --flow: #33373b; --peak: #c0392b; }
@media (prefers-color-scheme: dark) { :root { --text: #e4e4e1; --quiet: #a3a7ab; --ground: #17191b; --panel: #212427;
  --rule: #3d4144; --gone: #5a2a25; --new: #1f4a2b; --link: #7db7f0; --flow: #c9ccd0; --peak: #ff7b6b; } }
body { margin: 0; background: var(--ground); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
header, main { max-width: 1480px; margin: 0 auto; padding: 0 24px; }
h1 { margin: 28px 0 4px; font-size: 26px; } h2 { margin: 44px 0 8px; font-size: 20px; }
header p { margin: 0 0 10px; color: var(--quiet); }
nav a { margin-right: 16px; } a { color: var(--link); }
.quiet { color: var(--quiet); font-weight: normal; } .idle { margin: 4px 0 4px 18px; color: var(--quiet); }
.purpose { display: block; margin-left: 18px; color: var(--text); font-weight: normal; } .idle .purpose {
  margin-left: 0; color: var(--quiet); }
.beside { display: flex; gap: 16px; align-items: flex-start; } figure { margin: 0; min-width: 0; flex: 1 1 auto; }
figure:first-child { flex: 0 0 auto; max-width: 45%; } figcaption { color: var(--quiet); font-weight: 600; }
@media (max-width: 800px) { .beside { display: block; } figure:first-child { max-width: 100%; } }
details { margin: 6px 0; } summary { cursor: pointer; }
.scroll { overflow-x: auto; background: var(--panel); border: 1px solid var(--rule); border-radius: 6px; margin: 6px 0;
  padding: 10px; max-height: 85vh; }
pre { overflow-x: auto; background: var(--panel); border: 1px solid var(--rule); border-radius: 6px; padding: 10px;
  font: 12px/1.45 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; max-height: 85vh; }
code { font: 12px/1.45 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre-wrap;
  overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; color: var(--quiet); font-weight: 600; }
.diff { table-layout: fixed; } .diff td { vertical-align: top; padding: 0 6px; border-left: 2px solid var(--rule); }
.gone { background: var(--gone); } .new { background: var(--new); }
.fold td { color: var(--quiet); text-align: center; font-size: 12px; padding: 4px; }
.pairs td, .pairs th { padding: 3px 8px; border-bottom: 1px solid var(--rule); vertical-align: top; font-size: 13px; }
.pairs .yes { background: var(--new); }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 16px; padding: 0; font-size: 13px; }
.legend i { display: inline-block; width: 11px; height: 11px; margin-right: 6px; border: 1px solid;
  border-radius: 2px; }
svg { display: block; margin: 0 auto; max-width: none; } svg.wide { width: 100%; height: auto; }
svg text { font: 9px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; text-anchor: middle; fill: #111; }
svg .op { font-weight: 700; } svg .layer { font-size: 8px; fill: #222; } svg .inside { font-size: 10px; }
svg .key { font-size: 8px; text-anchor: start; fill: var(--text); }
svg .note { font: 11px system-ui, sans-serif; fill: var(--quiet); text-anchor: start; }
svg .note.end { text-anchor: end; } svg .note.peak { fill: var(--peak); stroke: none; font-weight: 600; }
path.flow, path.gradient, path.kept { fill: none; stroke: var(--flow); stroke-width: 0.9; }
path.gradient { stroke: var(--quiet); } path.kept { stroke: var(--quiet); stroke-dasharray: 4 3;
  opacity: 0.65; }
.head { fill: var(--flow); } .head.gradient, .head.kept { fill: var(--quiet); }
.rule { stroke: var(--rule); } .peak { fill: none; stroke: var(--peak); stroke-width: 1.6;
  pointer-events: none; }
.hatch { stroke: #555; stroke-width: 1.2; } .through { pointer-events: none; }
"""
