"""The stylesheet of everything shown in a notebook, and the functions that build safe HTML.

All HTML is made by `html` and `join`: they redact and escape every value that is not already `Markup`.

Colours come from the notebook's theme (the variables of JupyterLab, VS Code and Colab, else the system's text colour),
so light and dark need no code. There is one accent colour. An untrusted JupyterLab removes the stylesheet but keeps
classes, `width`, `height` and simple inline styles: what must survive there is set inline.
"""

import re
import time
from collections.abc import Iterable
from functools import cache
from typing import Final, LiteralString

from markupsafe import Markup, escape

from pixverse_nb.redaction import redact

STYLE: Final = Markup("""
.pvnb{--pvnb-ink:var(--jp-content-font-color1,var(--vscode-foreground,
var(--colab-primary-text-color,CanvasText)));
--pvnb-quiet:color-mix(in srgb,var(--pvnb-ink) 66%,transparent);
--pvnb-line:color-mix(in srgb,var(--pvnb-ink) 15%,transparent);
--pvnb-wash:color-mix(in srgb,var(--pvnb-ink) 4.5%,transparent);
--pvnb-accent:var(--jp-brand-color1,var(--vscode-focusBorder,#2878d8));
--pvnb-warn:var(--jp-warn-color1,var(--vscode-editorWarning-foreground,#c77700));
--pvnb-bad:var(--jp-error-color1,var(--vscode-errorForeground,#d03b3b));
--pvnb-good:var(--jp-success-color1,var(--vscode-testing-iconPassed,#2e8b57));
--pvnb-sans:var(--jp-ui-font-family,var(--vscode-font-family,system-ui,-apple-system,"Segoe UI",sans-serif));
--pvnb-mono:var(--jp-code-font-family,var(--vscode-editor-font-family,ui-monospace,Menlo,Consolas,monospace));
box-sizing:border-box;max-width:720px;margin:4px 0 6px!important;color:var(--pvnb-ink);
font:13px/1.5 var(--pvnb-sans);text-align:left}
.pvnb *{box-sizing:border-box}
.pvnb .pvnb-video{display:block;border-radius:6px;background:#000;box-shadow:0 0 0 1px var(--pvnb-line)}
.pvnb .pvnb-caption{display:block;margin:10px 0 0;padding:0;text-align:left;opacity:1!important}
.pvnb .pvnb-prompt{margin:0 0 2px;color:var(--pvnb-ink);overflow-wrap:anywhere}
.pvnb .pvnb-facts{margin:0;opacity:1!important;color:var(--pvnb-quiet);font-size:12px;font-variant-numeric:tabular-nums;
overflow-wrap:anywhere}
.pvnb .pvnb-fact{white-space:nowrap}
.pvnb .pvnb-badge{display:inline-block;border-color:var(--pvnb-line)!important;
color:var(--pvnb-quiet);font-size:11px;line-height:16px;white-space:nowrap}
.pvnb .pvnb-note{margin:4px 0 0;color:var(--pvnb-quiet);font-size:12px;overflow-wrap:anywhere}
.pvnb .pvnb-details{margin:1px 0 0;padding:0;border:0;background:none;font-size:12px;color:var(--pvnb-quiet)}
.pvnb .pvnb-summary{display:list-item;width:fit-content;min-height:24px;margin:0;padding:3px 4px 3px 0;
font-weight:400;cursor:pointer;color:var(--pvnb-quiet)}
.pvnb .pvnb-summary:hover{color:var(--pvnb-ink)}
.pvnb .pvnb-summary:focus-visible{outline:2px solid var(--pvnb-accent);outline-offset:2px;border-radius:3px}
.pvnb .pvnb-code{display:block;margin:6px 0 0;padding:8px 10px;border:1px solid var(--pvnb-line);border-radius:6px;
background:var(--pvnb-wash);color:var(--pvnb-ink);font:12px/1.5 var(--pvnb-mono);white-space:pre-wrap;
overflow-wrap:anywhere;user-select:all}
.pvnb .pvnb-mono{font-family:var(--pvnb-mono);font-size:11.5px;overflow-wrap:anywhere}
.pvnb.pvnb-card,.pvnb[class*="pvnb-card-"],.pvnb.pvnb-missing{position:relative;overflow:hidden;padding:14px 16px 15px;
border:1px solid var(--pvnb-line);border-radius:8px}
.pvnb .pvnb-row{display:flex;flex-wrap:wrap;gap:10px 16px;align-items:flex-start}
.pvnb .pvnb-inputs{display:flex;flex:none;gap:4px;margin:1px 0 0}
.pvnb .pvnb-input{display:block;width:72px;height:54px;max-width:none;margin:0;object-fit:cover;border-radius:4px;
box-shadow:0 0 0 1px var(--pvnb-line);background:var(--pvnb-wash)}
.pvnb .pvnb-body{flex:1 1 280px;min-width:0}
.pvnb .pvnb-header{display:flex;flex-wrap:wrap;align-items:baseline;gap:0 10px;margin:0}
.pvnb .pvnb-state{flex:0 1 auto;min-width:0;margin:0;font-size:14px;font-weight:600;line-height:20px}
.pvnb .pvnb-dot{display:inline-block;width:8px;height:8px;margin:0 8px 1px 0;border-radius:50%;flex:none;
background:var(--pvnb-quiet)}
.pvnb .pvnb-clock{flex:none;color:var(--pvnb-quiet);font-variant-numeric:tabular-nums;line-height:20px}
.pvnb .pvnb-line{margin:1px 0 0;color:var(--pvnb-quiet);overflow-wrap:anywhere}
.pvnb .pvnb-error{margin:4px 0 0;color:var(--pvnb-ink);overflow-wrap:anywhere;white-space:pre-line}
.pvnb .pvnb-next{margin:4px 0 0;color:var(--pvnb-ink);overflow-wrap:anywhere}
.pvnb .pvnb-request{margin:8px 0 0}
.pvnb .pvnb-warning{margin:8px 0 0;padding:1px 0 1px 10px;border-left:2px solid var(--pvnb-warn);
color:var(--pvnb-ink);overflow-wrap:anywhere}
.pvnb-run .pvnb-dot,.pvnb-wait .pvnb-dot{background:var(--pvnb-accent)}
.pvnb-warn .pvnb-dot{background:var(--pvnb-warn)}
.pvnb-bad .pvnb-dot{background:var(--pvnb-bad)}
.pvnb-good .pvnb-dot{background:var(--pvnb-good)}
.pvnb-wait .pvnb-dot,.pvnb-off .pvnb-dot{background:none;box-shadow:inset 0 0 0 2px var(--pvnb-quiet)}
.pvnb-wait .pvnb-dot{box-shadow:inset 0 0 0 2px var(--pvnb-accent)}
.pvnb .pvnb-activity{position:absolute;left:0;right:0;bottom:0;height:2px;overflow:hidden;background:var(--pvnb-line)}
.pvnb .pvnb-activity-bar{position:absolute;top:0;bottom:0;left:0;width:30%;transform:translateX(-100%);
background:var(--pvnb-accent);animation:pvnb-activity-bar 2.4s linear 4}
.pvnb .pvnb-activity-share{height:2px;background:var(--pvnb-accent);opacity:.5}
@keyframes pvnb-activity-bar{from{transform:translateX(-100%)}to{transform:translateX(340%)}}
@media (prefers-reduced-motion:reduce){.pvnb .pvnb-activity-bar{animation:none}}
@media (forced-colors:active){.pvnb .pvnb-dot,.pvnb .pvnb-activity,.pvnb .pvnb-progress{forced-color-adjust:none}}
.pvnb .pvnb-updated{animation:pvnb-updated 0s 6s both}
@keyframes pvnb-updated{from{font-size:0}}
.pvnb .pvnb-timeline-svg{display:block;overflow-x:auto}
.pvnb .pvnb-timeline-svg svg{display:block;width:100%;min-width:560px;height:auto}
.pvnb .pvnb-timeline-image{display:none}
.pvnb.pvnb-list{max-width:1080px;container-type:inline-size}
.pvnb .pvnb-table-summary{margin:0 0 2px;font-size:14px;font-weight:600;line-height:20px}
.pvnb .pvnb-table-scroll{overflow-x:auto;margin:8px 0 0}
.pvnb .pvnb-table{width:100%;margin:0;border:0;border-collapse:collapse;table-layout:auto;font-size:12.5px;
line-height:18px;font-variant-numeric:tabular-nums;color:var(--pvnb-ink)}
.pvnb .pvnb-table.pvnb-table-narrow{width:auto;max-width:100%}
.pvnb .pvnb-table tr:nth-child(n){background:none}
.pvnb .pvnb-table tbody tr:nth-child(n):hover{background:var(--pvnb-wash)}
.pvnb .pvnb-table :is(th,td){padding:7px 18px 7px 0;border:0;border-bottom:1px solid var(--pvnb-line);
vertical-align:top;white-space:normal;max-width:none;overflow-wrap:break-word}
.pvnb .pvnb-table :is(th,td):last-child{padding-right:0}
.pvnb .pvnb-table th{font-weight:400}
.pvnb .pvnb-table thead th{color:var(--pvnb-quiet);font-size:12px;vertical-align:bottom}
.pvnb .pvnb-table:not(.pvnb-table-narrow) tbody th{min-width:104px}
.pvnb .pvnb-table tbody tr:last-child :is(th,td){border-bottom:0}
.pvnb .pvnb-table tfoot :is(th,td){border:0;border-top:1px solid var(--pvnb-quiet);font-weight:600}
.pvnb .pvnb-table .pvnb-number{white-space:nowrap}
.pvnb .pvnb-table th.pvnb-number{white-space:normal}
.pvnb .pvnb-table .pvnb-line{min-width:100px;font-size:12px;line-height:17px}
.pvnb .pvnb-table .pvnb-aside{color:var(--pvnb-quiet);font-size:12px;font-weight:400;line-height:17px}
.pvnb .pvnb-table time+.pvnb-aside{white-space:nowrap}
.pvnb .pvnb-table td.pvnb-prose{min-width:120px;overflow-wrap:anywhere}
.pvnb .pvnb-table td.pvnb-ref{min-width:98px}
.pvnb .pvnb-table .pvnb-number .pvnb-aside{white-space:normal}
.pvnb .pvnb-table-picture{display:block;width:56px;height:36px;max-width:none;margin:0;object-fit:cover;
border-radius:4px;box-shadow:0 0 0 1px var(--pvnb-line)}
.pvnb .pvnb-table td.pvnb-picture{width:1%;padding-right:14px}
.pvnb .pvnb-unit{font-size:11px}
.pvnb .pvnb-nowrap{white-space:nowrap}
.pvnb .pvnb-table button{all:unset;box-sizing:border-box;border-radius:3px;cursor:pointer}
.pvnb .pvnb-table button:hover{color:var(--pvnb-ink);text-decoration:underline}
.pvnb .pvnb-table button:focus-visible{outline:2px solid var(--pvnb-accent);outline-offset:2px}
.pvnb .pvnb-table [aria-sort]{color:var(--pvnb-ink)}
.pvnb .pvnb-table [aria-sort] button::after{content:" ↓"}
.pvnb .pvnb-table [aria-sort=ascending] button::after{content:" ↑"}
.pvnb .pvnb-again{color:var(--pvnb-quiet);font-size:12px}
@container (min-width:900px){.pvnb .pvnb-table td.pvnb-ref{white-space:nowrap}}
@container (max-width:760px){.pvnb .pvnb-table :is(th,td){padding-right:12px}}
""").strip()

_CLASS: Final = re.compile(r"pvnb[\w-]*")
_RULE: Final = re.compile(r"[^{}]+\{(?:[^{}]|\{[^{}]*\})*\}")
_HEAD: Final = re.compile(r"[^{}]+(?=\{)")
_COMMA: Final = re.compile(r",(?![^(]*\))")  # not inside :is()


def html(template: LiteralString, /, *values: object, **named: object) -> Markup:
    """Return `template` with its `{}` fields filled in, as `str.format` does it.

    A string that is not `Markup` is redacted (e-mail addresses, tokens) and escaped. Pass large data as `Markup`.

    >>> html('<td title="{}">{}</td>', "5 > 3", Markup("<b>yes</b>"))
    Markup('<td title="5 &gt; 3"><b>yes</b></td>')
    """
    # `Markup.format` does the same but takes ten times as long, which a table of many jobs would notice.
    safe_named = {name: _safe(value) for name, value in named.items()}
    return Markup(template.format(*map(_safe, values), **safe_named))  # noqa: S704  a literal and safe values


def join(parts: Iterable[str], separator: LiteralString = "") -> Markup:
    """Return `parts` as one piece of HTML, with `separator` between them; plain strings are redacted and escaped."""
    return Markup(separator).join(part if isinstance(part, Markup) else redact(part) for part in parts)  # noqa: S704  the separator is a literal


def text_div(css_class: str, text: str | None) -> Markup:
    """Return a <div> with `text`, or nothing if there is no text."""
    return html('<div class="{}">{}</div>', css_class, text) if text else Markup()


def prompt_div(css_class: str, prompt: str) -> Markup:
    """Return a <div> with a person's own text, in the writing direction of its letters; nothing if there is none."""
    return html('<div class="{}" dir="auto">{}</div>', css_class, prompt) if prompt else Markup()


def with_stylesheet(block: Markup, *, extra: str = "") -> Markup:
    """Return `block` with the rules that it needs in front, so that it is a complete output.

    They are on one line and inside a comment, which a stylesheet ignores: a notebook that is exported to Markdown keeps
    the element, and a code host shows its content as text. `extra` are more rules.
    """
    classes = frozenset(_CLASS.findall(block))
    rules = [rule for rule, needed in _rules(f"{STYLE}{extra}") if any(names <= classes for names in needed)]
    return html("<style><!--{}--></style>{}", Markup("".join(rules)), block)  # noqa: S704  our own rules


def updated_html(now: float) -> Markup:
    """Return "as of 12:30:01" in local time, for something that is redrawn every second.

    The stylesheet hides it for six seconds, and a live output is redrawn before that. So it appears only on an output
    whose kernel has stopped, and in an untrusted notebook.
    """
    return html('<span class="pvnb-updated"> · as of {}</span>', time.strftime("%H:%M:%S", time.localtime(now)))


@cache
def _rules(style: str) -> tuple[tuple[str, tuple[frozenset[str], ...]], ...]:
    """Return the rules of a stylesheet, each with the classes that need it; an animation is named after a class.

    Only the last part of a selector counts: `.pvnb .pvnb-row` is needed by `pvnb-row`. So an output has all rules about
    a class or none: this matters because the rules of one output apply to every output of the page.
    """
    found = []
    for rule in _RULE.findall(style.replace("\n", "")):
        selectors = [one for head in _HEAD.findall(rule) for one in _COMMA.split(head)]
        compounds = [[names for part in one.split() if (names := _CLASS.findall(part))] for one in selectors]
        found.append((rule, tuple(frozenset(parts[-1]) for parts in compounds if parts)))
    return tuple(found)


def _safe(value: object) -> Markup | int | float:
    """Return a value that can be inserted in HTML; numbers stay numbers, so that they can be formatted."""
    if isinstance(value, Markup | int | float):
        return value
    return escape(redact(str(value)))
