// Sets light or dark from the reader's system, under the attribute that JupyterLab uses, so that one stylesheet serves
// both. It runs before the page is drawn; the widget's own script waits until the videos below it are parsed.
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => document.documentElement.setAttribute("data-jp-theme-light", String(!dark.matches));
  dark.addEventListener("change", apply);
  apply();
})();
