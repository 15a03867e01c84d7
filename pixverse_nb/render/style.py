"""The stylesheet of everything shown in a notebook, and the functions that build safe HTML.

All HTML is made by `html` and `join`: they redact and escape every value that is not already `Markup`.

Colours come from the notebook's theme (the variables of JupyterLab, VS Code and Colab, else the system's text colour),
so light and dark need no code. There is one accent colour. An untrusted JupyterLab removes the stylesheet but keeps
classes, `width`, `height` and simple inline styles: what must survive there is set inline.
"""

import time
from collections.abc import Iterable
from typing import Final, Literal, LiteralString

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
.pvnb .pvnb-details{margin:4px 0 0;padding:0;border:0;background:none;font-size:12px;color:var(--pvnb-quiet)}
.pvnb .pvnb-summary{display:list-item;width:fit-content;margin:0;padding:0;font-weight:400;cursor:pointer;
color:var(--pvnb-quiet)}
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
.pvnb .pvnb-header{display:flex;flex-wrap:wrap;align-items:baseline;gap:0 8px;margin:0}
.pvnb .pvnb-state{flex:1 1 auto;min-width:0;margin:0;font-size:14px;font-weight:600;line-height:20px}
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
background:var(--pvnb-accent);animation:pvnb-slide 2.4s linear 4}
.pvnb .pvnb-activity-share{height:2px;background:var(--pvnb-accent);opacity:.5}
@keyframes pvnb-slide{from{transform:translateX(-100%)}to{transform:translateX(340%)}}
@media (prefers-reduced-motion:reduce){.pvnb .pvnb-activity-bar{animation:none}}
.pvnb .pvnb-updated{animation:pvnb-appear 0s 6s both}
@keyframes pvnb-appear{from{font-size:0}}
.pvnb.pvnb-list{max-width:1080px;overflow-x:auto;container-type:inline-size}
.pvnb .pvnb-table{width:100%;margin:0;border:0;border-collapse:collapse;table-layout:auto;font-size:12.5px;
font-variant-numeric:tabular-nums;color:var(--pvnb-ink)}
.pvnb .pvnb-table tr:nth-child(n){background:none}
.pvnb .pvnb-table tbody tr:nth-child(n):hover{background:var(--pvnb-wash)}
.pvnb .pvnb-table th,.pvnb .pvnb-table td{padding:6px 14px 6px 0;border:0;border-bottom:1px solid var(--pvnb-line);
text-align:left;vertical-align:baseline;white-space:nowrap;max-width:none}
.pvnb .pvnb-table th{color:var(--pvnb-quiet);font-size:12px;font-weight:400}
.pvnb .pvnb-table th:last-child,.pvnb .pvnb-table td:last-child{padding-right:0}
.pvnb .pvnb-table td.pvnb-wrap-cell{min-width:140px;white-space:normal}
.pvnb.pvnb-models .pvnb-table td.pvnb-wrap-cell{min-width:92px}
.pvnb.pvnb-models .pvnb-table tbody th{color:var(--pvnb-ink);white-space:nowrap}
.pvnb .pvnb-table td.pvnb-prompt-cell{width:99%;min-width:130px}
.pvnb .pvnb-table td.pvnb-prompt-cell .pvnb-line{min-width:180px;white-space:normal}
.pvnb.pvnb-plan .pvnb-table{width:auto;max-width:100%}
.pvnb.pvnb-plan .pvnb-table td.pvnb-wrap{min-width:110px;padding-right:20px;white-space:normal;overflow-wrap:anywhere}
.pvnb.pvnb-metrics .pvnb-table{width:auto;max-width:100%}
.pvnb.pvnb-metrics .pvnb-table th{vertical-align:bottom;line-height:1.35;white-space:normal}
.pvnb.pvnb-metrics .pvnb-table thead th.pvnb-number{max-width:104px}
.pvnb.pvnb-metrics .pvnb-table tbody th{color:var(--pvnb-ink);font-size:12.5px}
.pvnb .pvnb-unit{font-size:11px;opacity:.8}
.pvnb .pvnb-ellipsis{width:0;min-width:100%;overflow:hidden;text-overflow:ellipsis}
.pvnb .pvnb-timeline-svg{display:block;overflow-x:auto}
.pvnb .pvnb-timeline-svg svg{display:block;width:100%;min-width:560px;height:auto}
.pvnb .pvnb-timeline-image{display:none}
.pvnb .pvnb-table td.pvnb-text{width:99%;white-space:normal;overflow-wrap:anywhere}
@container (max-width:980px){.pvnb .pvnb-table td.pvnb-parameters-cell{min-width:106px;white-space:normal}}
@container (max-width:900px){.pvnb .pvnb-table th,.pvnb .pvnb-table td{padding-right:10px}
.pvnb .pvnb-table th{white-space:normal}
.pvnb .pvnb-table td.pvnb-ref-cell{min-width:108px;white-space:normal}
.pvnb .pvnb-table td.pvnb-charge-cell{white-space:normal}}
@container (max-width:720px){.pvnb .pvnb-table th,.pvnb .pvnb-table td{padding-right:8px}
.pvnb .pvnb-table td.pvnb-state-cell{min-width:70px;white-space:normal}
.pvnb .pvnb-table td.pvnb-parameters-cell{min-width:84px}
.pvnb .pvnb-table td.pvnb-ref-cell{min-width:92px}
.pvnb .pvnb-table td.pvnb-prompt-cell,.pvnb .pvnb-table td.pvnb-prompt-cell .pvnb-line{min-width:96px}}
.pvnb .pvnb-table th.pvnb-number,.pvnb .pvnb-table td.pvnb-number{text-align:right}
""").strip()


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


def table_cell(content: object, css_class: str = "", *, title: str = "") -> Markup:
    """Return a <td>; a cell with the class `pvnb-number` is right-aligned."""
    return _cell("td", content, css_class, title=title)


def header_cell(
    content: object, css_class: str = "", *, title: str = "", scope: Literal["col", "row"] = "col"
) -> Markup:
    """Return a <th>; a cell with the class `pvnb-number` is right-aligned."""
    return _cell("th", content, css_class, title=title, scope=scope)


def with_stylesheet(block: Markup) -> Markup:
    """Return `block` with the stylesheet in front, so that it is a complete output."""
    return html("<style>{}</style>{}", STYLE, block)


def updated_html(now: float) -> Markup:
    """Return "as of 12:30:01" in local time, for something that is redrawn every second.

    The stylesheet hides it for six seconds, and a live output is redrawn before that. So it appears only on an output
    whose kernel has stopped, and in an untrusted notebook.
    """
    return html('<span class="pvnb-updated"> · as of {}</span>', time.strftime("%H:%M:%S", time.localtime(now)))


def _safe(value: object) -> Markup | int | float:
    """Return a value that can be inserted in HTML; numbers stay numbers, so that they can be formatted."""
    if isinstance(value, Markup | int | float):
        return value
    return escape(redact(str(value)))


def _cell(tag: Literal["td", "th"], content: object, css_class: str, **attributes: str) -> Markup:
    # JupyterLab right-aligns table cells; without our stylesheet only an inline style overrides that.
    side = "right" if "pvnb-number" in css_class.split() else "left"
    given = {"class": css_class, **attributes, "style": f"text-align:{side}"}
    text = join(html(' {}="{}"', name, value) for name, value in given.items() if value)
    return html("<{tag}{attributes}>{content}</{tag}>", tag=tag, attributes=text, content=content)
