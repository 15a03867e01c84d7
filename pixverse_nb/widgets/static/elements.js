// What every page of ours builds its elements with.

export function make(tag, className = "", properties = {}) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  return Object.assign(element, properties);
}
