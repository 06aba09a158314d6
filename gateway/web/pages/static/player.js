// A player with its transcript running along: the line that is spoken is marked and kept in sight.
"use strict";

document.querySelectorAll("[data-player]").forEach((figure) => {
  const media = figure.querySelector("[data-media]");
  const lines = Array.from(figure.querySelectorAll("[data-start]"));
  if (!media || lines.length === 0) return;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let shown = null;

  const follow = () => {
    const at = media.currentTime;
    const line = lines.filter((item) => Number(item.dataset.start) <= at).pop() || null;
    if (line === shown) return;
    if (shown) shown.removeAttribute("aria-current");
    shown = line;
    if (!line) return;
    line.setAttribute("aria-current", "true");
    const list = line.parentElement;
    const top = line.offsetTop - list.offsetTop - list.clientHeight / 3;
    list.scrollTo({ top, behavior: still ? "auto" : "smooth" });
  };

  media.addEventListener("timeupdate", follow);
  media.addEventListener("seeked", follow);
  figure.querySelectorAll("[data-seek]").forEach((button) => {
    button.addEventListener("click", () => {
      media.currentTime = Number(button.dataset.seek);
      media.play();
    });
  });
});
