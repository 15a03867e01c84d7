"""The stylesheet of everything shown, as one string, and the few lines that put it around a block of HTML.

Colours come from the host (JupyterLab's, VS Code's and Colab's variables, else the system colour of text), so light
and dark follow by themselves. There is one accent. An untrusted JupyterLab drops the sheet and keeps classes, `width`,
`height` and plain inline styles: what must hold there stands inline in the HTML.
"""

import re
import time
from typing import Final

STYLE: Final = """
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
.pvnb .pvnb-more{margin:4px 0 0;padding:0;border:0;background:none;font-size:12px;color:var(--pvnb-quiet)}
.pvnb .pvnb-summary{display:list-item;width:fit-content;margin:0;padding:0;font-weight:400;cursor:pointer;
color:var(--pvnb-quiet)}
.pvnb .pvnb-summary:hover{color:var(--pvnb-ink)}
.pvnb .pvnb-summary:focus-visible{outline:2px solid var(--pvnb-accent);outline-offset:2px;border-radius:3px}
.pvnb .pvnb-code{display:block;margin:6px 0 0;padding:8px 10px;border:1px solid var(--pvnb-line);border-radius:6px;
background:var(--pvnb-wash);color:var(--pvnb-ink);font:12px/1.5 var(--pvnb-mono);white-space:pre-wrap;
overflow-wrap:anywhere;user-select:all}
.pvnb .pvnb-mono{font-family:var(--pvnb-mono);font-size:11.5px;overflow-wrap:anywhere}
.pvnb.pvnb-card,.pvnb.pvnb-missing{position:relative;overflow:hidden;padding:14px 16px 15px;
border:1px solid var(--pvnb-line);border-radius:8px}
.pvnb .pvnb-row{display:flex;flex-wrap:wrap;gap:10px 16px;align-items:flex-start}
.pvnb .pvnb-pictures{display:flex;flex:none;gap:4px;margin:1px 0 0}
.pvnb .pvnb-picture{display:block;width:72px;height:54px;max-width:none;margin:0;object-fit:cover;border-radius:4px;
box-shadow:0 0 0 1px var(--pvnb-line);background:var(--pvnb-wash)}
.pvnb .pvnb-body{flex:1 1 280px;min-width:0}
.pvnb .pvnb-head{display:flex;flex-wrap:wrap;align-items:baseline;gap:0 8px;margin:0}
.pvnb .pvnb-state{flex:1 1 auto;min-width:0;margin:0;font-size:14px;font-weight:600;line-height:20px}
.pvnb .pvnb-mark{display:inline-block;width:8px;height:8px;margin:0 8px 1px 0;border-radius:50%;flex:none;
background:var(--pvnb-quiet)}
.pvnb .pvnb-clock{flex:none;color:var(--pvnb-quiet);font-variant-numeric:tabular-nums;line-height:20px}
.pvnb .pvnb-line{margin:1px 0 0;color:var(--pvnb-quiet);overflow-wrap:anywhere}
.pvnb .pvnb-error{margin:4px 0 0;color:var(--pvnb-ink);overflow-wrap:anywhere;white-space:pre-line}
.pvnb .pvnb-next{margin:4px 0 0;color:var(--pvnb-ink);overflow-wrap:anywhere}
.pvnb .pvnb-about{margin:8px 0 0}
.pvnb .pvnb-trouble{margin:8px 0 0;padding:1px 0 1px 10px;border-left:2px solid var(--pvnb-warn);
color:var(--pvnb-ink);overflow-wrap:anywhere}
.pvnb-run .pvnb-mark,.pvnb-wait .pvnb-mark{background:var(--pvnb-accent)}
.pvnb-warn .pvnb-mark{background:var(--pvnb-warn)}
.pvnb-bad .pvnb-mark{background:var(--pvnb-bad)}
.pvnb-good .pvnb-mark{background:var(--pvnb-good)}
.pvnb-wait .pvnb-mark,.pvnb-off .pvnb-mark{background:none;box-shadow:inset 0 0 0 2px var(--pvnb-quiet)}
.pvnb-wait .pvnb-mark{box-shadow:inset 0 0 0 2px var(--pvnb-accent)}
.pvnb .pvnb-sweep{position:absolute;left:0;right:0;bottom:0;height:2px;overflow:hidden;background:var(--pvnb-line)}
.pvnb .pvnb-runner{position:absolute;top:0;bottom:0;left:0;width:30%;transform:translateX(-100%);
background:var(--pvnb-accent);animation:pvnb-drift 2.4s linear 4}
@keyframes pvnb-drift{from{transform:translateX(-100%)}to{transform:translateX(340%)}}
@media (prefers-reduced-motion:reduce){.pvnb .pvnb-runner{animation:none}}
.pvnb .pvnb-as-of{animation:pvnb-late 0s 6s both}
@keyframes pvnb-late{from{font-size:0}}
.pvnb.pvnb-list{max-width:1080px;overflow-x:auto;container-type:inline-size}
.pvnb .pvnb-table{width:100%;margin:0;border:0;border-collapse:collapse;table-layout:auto;font-size:12.5px;
font-variant-numeric:tabular-nums;color:var(--pvnb-ink)}
.pvnb .pvnb-table tr:nth-child(n){background:none}
.pvnb .pvnb-table tbody tr:nth-child(n):hover{background:var(--pvnb-wash)}
.pvnb .pvnb-table th,.pvnb .pvnb-table td{padding:6px 14px 6px 0;border:0;border-bottom:1px solid var(--pvnb-line);
text-align:left;vertical-align:baseline;white-space:nowrap;max-width:none}
.pvnb .pvnb-table th{color:var(--pvnb-quiet);font-size:12px;font-weight:400}
.pvnb .pvnb-table th:last-child,.pvnb .pvnb-table td:last-child{padding-right:0}
.pvnb .pvnb-table td.pvnb-wide{width:99%;min-width:130px}
.pvnb .pvnb-table td.pvnb-wide .pvnb-line{min-width:180px;white-space:normal}
.pvnb.pvnb-plan .pvnb-table{width:auto;max-width:100%}
.pvnb.pvnb-plan .pvnb-table td.pvnb-flow{min-width:110px;padding-right:20px;white-space:normal;overflow-wrap:anywhere}
.pvnb.pvnb-measured .pvnb-table{width:auto;max-width:100%}
.pvnb.pvnb-measured .pvnb-table th{vertical-align:bottom;line-height:1.35;white-space:normal}
.pvnb.pvnb-measured .pvnb-table thead th.pvnb-number{max-width:104px}
.pvnb.pvnb-measured .pvnb-table tbody th{color:var(--pvnb-ink);font-size:12.5px}
.pvnb .pvnb-unit{font-size:11px;opacity:.8}
.pvnb .pvnb-clip{width:0;min-width:100%;overflow:hidden;text-overflow:ellipsis}
.pvnb .pvnb-drawn{display:block;overflow-x:auto}
.pvnb .pvnb-drawn svg{display:block;width:100%;min-width:560px;height:auto}
.pvnb .pvnb-plain{display:none}
.pvnb .pvnb-table td.pvnb-told{width:99%;white-space:normal;overflow-wrap:anywhere}
@container (max-width:980px){.pvnb .pvnb-table td.pvnb-parameters{min-width:106px;white-space:normal}}
@container (max-width:900px){.pvnb .pvnb-table th,.pvnb .pvnb-table td{padding-right:10px}
.pvnb .pvnb-table th{white-space:normal}
.pvnb .pvnb-table td.pvnb-ref{min-width:108px;white-space:normal}
.pvnb .pvnb-table td.pvnb-charge{white-space:normal}}
@container (max-width:720px){.pvnb .pvnb-table th,.pvnb .pvnb-table td{padding-right:8px}
.pvnb .pvnb-table td.pvnb-at{min-width:70px;white-space:normal}
.pvnb .pvnb-table td.pvnb-parameters{min-width:84px}
.pvnb .pvnb-table td.pvnb-ref{min-width:92px}
.pvnb .pvnb-table td.pvnb-wide,.pvnb .pvnb-table td.pvnb-wide .pvnb-line{min-width:96px}}
.pvnb .pvnb-table th.pvnb-number,.pvnb .pvnb-table td.pvnb-number{text-align:right}
""".strip()


_CELL: Final = re.compile(r"<(?P<tag>t[hd])(?P<told>(?: [^>]*)?)>")


def aligned(table: str) -> str:
    """Return a table whose cells say inline on which side they stand.

    Without the sheet JupyterLab would set all of them right. Numbers, which have the class `pvnb-number`, stand right,
    all else left. The text of `table` is escaped already.
    """

    def sided(cell: re.Match[str]) -> str:
        side = "right" if "pvnb-number" in cell["told"] else "left"
        return f'<{cell["tag"]}{cell["told"]} style="text-align:{side}">'

    return _CELL.sub(sided, table)


def styled(html: str) -> str:
    """Return `html` with the stylesheet in front, so that it stands alone in an output."""
    return f"<style>{STYLE}</style>{html}"


def as_of_html(now: float) -> str:
    """Return the local time of what is drawn anew each second; it is seen only where that has ended.

    The stylesheet keeps it back for six seconds, and a live card is replaced before. So it stands on a card whose
    kernel is gone, and in an untrusted notebook, which has neither the stylesheet nor a kernel.
    """
    return f'<span class="pvnb-as-of"> · as of {time.strftime("%H:%M:%S", time.localtime(now))}</span>'
