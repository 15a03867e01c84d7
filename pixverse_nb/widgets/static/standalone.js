// A page without a kernel: the widget's own render() on a model that only keeps what was written into the page.

function standInModel(state) {
  const heard = new Map();
  const model = {
    isStandalone: true,
    get: (name) => state[name],
    set(name, value) {
      if (state[name] === value) return;
      state[name] = value;
      for (const act of heard.get(`change:${name}`) ?? []) act();
    },
    save_changes() {},
    send() {}, // nobody is at the other end
    on: (name, act) => heard.set(name, [...(heard.get(name) ?? []), act]),
    off: (name, act) => heard.set(name, (heard.get(name) ?? []).filter((other) => other !== act)),
  };
  return model;
}

export function showAlone({ render }) {
  const state = JSON.parse(document.querySelector("script[data-state]").textContent);
  render({ model: standInModel(state), el: document.querySelector("[data-page]") });
}
