// The films of a gallery: few are loaded at a time, in all galleries of the page together.
//
// `want` says which films shall play now, best first. They are loaded while there is room; a film that nobody wants
// any more stays, paused, until its place is needed: the one that was used longest ago goes first.

import { make } from "./elements.js";

const FILMS_MOST = 12;
const PAGE = Symbol.for("pixverse-nb.films"); // every view brings its own copy of this script: the page is what they share

function filmsOfPage() {
  return (window[PAGE] ??= { loaded: new Set(), views: new Set(), uses: 0 });
}

// `placeOf(key)` is the element that a film belongs into now; `onChange(key, state)` is told "playing", "gone", or an
// Error with a sentence.
export function makeFilms({ supply, placeOf, onChange }) {
  const page = filmsOfPage();
  const own = new Map(); // key -> film
  let wanted = []; // keys, best first
  let isHungry = false; // some wanted film has found no room
  const view = { feed: () => isHungry && settle() };
  page.views.add(view);

  function want(keys) {
    wanted = keys.slice(0, FILMS_MOST);
    settle();
    tellOthers();
  }

  // Films that rest now may make room in another gallery. What that one does then is told to nobody: two hungry
  // galleries would go on telling each other for ever.
  function tellOthers() {
    for (const other of page.views) if (other !== view) queueMicrotask(other.feed);
  }

  function settle() {
    const asked = new Set(wanted);
    for (const film of own.values()) if (film.isWanted && !asked.has(film.key)) rest(film);
    isHungry = false;
    wanted.forEach((key, rank) => {
      const film = own.get(key) ?? (makeRoom(rank === 0) ? load(key) : null);
      if (film) play(film);
      else isHungry = true;
    });
  }

  // The best wish of a view, which is where the person is, may take the place of a film that plays elsewhere.
  function makeRoom(isFirst) {
    if (page.loaded.size < FILMS_MOST) return true;
    const byAge = [...page.loaded].sort((a, b) => a.usedAt - b.usedAt);
    const oldest = byAge.find((film) => !film.isWanted) ?? (isFirst ? byAge.find((film) => film.rank > 0) : null);
    oldest?.drop();
    return Boolean(oldest);
  }

  function load(key) {
    const film = { key, isWanted: true, usedAt: 0, rank: 0, video: null, drop: () => drop(film) };
    page.loaded.add(film);
    own.set(key, film);
    supply.load(key).then(
      (url) => arrive(film, url),
      (error) => {
        if (own.get(key) !== film) return;
        forget(film);
        onChange(key, error);
      },
    );
    return film;
  }

  function arrive(film, url) {
    if (own.get(film.key) !== film) return; // dropped while it was on its way
    const video = make("video", "pvnb-gallery-film", { muted: true, loop: true, playsInline: true, tabIndex: -1 });
    video.disablePictureInPicture = true;
    video.onplaying = () => onChange(film.key, "playing");
    video.onerror = () => video.hasAttribute("src") && onChange(film.key, new Error("The browser cannot play this film."));
    video.src = url;
    film.video = video;
    if (film.isWanted) play(film);
  }

  function play(film) {
    film.isWanted = true;
    film.rank = wanted.indexOf(film.key);
    film.usedAt = page.uses += 1;
    const { video } = film;
    const place = placeOf(film.key);
    if (!video || !place) return;
    if (video.parentNode !== place.element) place.element.append(video);
    video.controls = place.hasControls;
    if (!place.isHeld) video.play().catch(() => {}); // refused or interrupted: the still stays
  }

  function rest(film) {
    film.isWanted = false;
    film.video?.pause();
  }

  function forget(film) {
    page.loaded.delete(film);
    own.delete(film.key);
  }

  function drop(film) {
    forget(film);
    supply.release(film.key);
    const { video } = film;
    if (!video) return;
    video.pause();
    video.onplaying = video.onerror = null;
    video.removeAttribute("src");
    video.load(); // gives the decoder back at once
    video.remove();
    onChange(film.key, "gone");
  }

  return {
    want,
    togglePlay(key) {
      const video = own.get(key)?.video;
      if (video?.paused) video.play().catch(() => {});
      else video?.pause();
    },
    dispose() {
      page.views.delete(view);
      for (const film of [...own.values()]) drop(film);
      tellOthers();
    },
  };
}
