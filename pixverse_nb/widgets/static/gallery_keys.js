// What a key does: among the tiles, and in the larger view. Pure: from an event to an act of the gallery.

const PAGE_ROWS = 3;

function keyName(event) {
  return event.key.length === 1 ? event.key.toLowerCase() : event.key;
}

// How many tiles stand in a row of the grid just now.
function columnsOf(grid) {
  const top = grid.children[0]?.offsetTop;
  const count = [...grid.children].findIndex((element) => element.offsetTop !== top);
  return count < 0 ? grid.children.length : count;
}

// The place that a key leads to from `place` among `total` tiles; null where it leads nowhere.
function placeAfter(name, place, total, grid) {
  const rows = { ArrowDown: 1, ArrowUp: -1, PageDown: PAGE_ROWS, PageUp: -PAGE_ROWS }[name];
  const step = rows ? rows * columnsOf(grid) : { ArrowRight: 1, ArrowLeft: -1 }[name];
  if (name === "Home") return 0;
  if (name === "End") return total - 1;
  if (!step) return null;
  const next = place + step;
  const isOutside = next < 0 || next >= total;
  if (isOutside && rows && name.startsWith("Arrow")) return place; // nothing above or below
  return Math.min(Math.max(next, 0), total - 1);
}

// `act` has one function for each thing that can be done to the tile `key`.
export function onTileKey(event, { key, shown, grid, act }) {
  const name = keyName(event);
  const place = placeAfter(name, shown.indexOf(key), shown.length, grid);
  const does = {
    Enter: act.open,
    " ": act.open,
    w: act.winner,
    x: act.rejected,
    n: act.note,
    c: act.compare,
    Escape: act.clear,
  }[name];
  if (place === null && !does) return;
  event.preventDefault();
  if (place === null) does(key);
  else act.focus(shown[place]);
}

export function onLightKey(event, act) {
  const name = keyName(event);
  const isTyping = event.target.tagName === "TEXTAREA" && name !== "Escape";
  const isPressing = event.target.tagName === "BUTTON" && ["Enter", " "].includes(name);
  if (isTyping || isPressing) return;
  const does = {
    Escape: act.back,
    ArrowLeft: act.previous,
    ArrowRight: act.next,
    w: act.winner,
    x: act.rejected,
    n: act.note,
    c: act.compare,
    " ": act.togglePlay,
  }[name];
  if (!does) return;
  event.preventDefault();
  does();
}
