// Light or dark as the reader's system is, under the attribute that JupyterLab uses, so that one sheet serves both.
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => document.documentElement.setAttribute("data-jp-theme-light", String(!dark.matches));
  dark.addEventListener("change", follow);
  follow();
})();
