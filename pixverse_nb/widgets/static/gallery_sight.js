// Which tiles a person sees, and which stand so near that they will be seen soon.

const NEAR = "240px";
const SEEN_SHARE = 0.4;

// `onSeen()` and `onNear()` tell that the keys in `seen` and in `near` are others now.
export function makeSight({ onSeen, onNear }) {
  const seen = new Set();
  const near = new Set();

  function watcher(keys, onChange, options) {
    const sort = (entries) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) keys.add(target.dataset.key);
        else keys.delete(target.dataset.key);
      }
      onChange();
    };
    return new IntersectionObserver(sort, options);
  }

  const observers = [
    watcher(seen, onSeen, { threshold: SEEN_SHARE }),
    watcher(near, onNear, { rootMargin: NEAR, scrollMargin: NEAR }),
  ];
  return {
    seen,
    near,
    watch(element) {
      for (const observer of observers) observer.observe(element);
    },
    forget(element) {
      for (const observer of observers) observer.unobserve(element);
      for (const keys of [seen, near]) keys.delete(element.dataset.key);
    },
    dispose() {
      for (const observer of observers) observer.disconnect();
    },
  };
}
