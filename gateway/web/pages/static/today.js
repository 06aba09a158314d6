// The chart of the day, drawn from the table beside it; and the figures, anew each minute.
"use strict";

(() => {
  const DARK = window.matchMedia("(prefers-color-scheme: dark)");
  const EACH = 60_000;
  let plot = null;

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const number = (text) => (text === "" ? null : Number(text));

  function draw() {
    const place = document.querySelector("[data-chart]");
    const table = document.querySelector("[data-table]");
    if (!place || !window.uPlot) return;
    if (plot) plot.destroy();
    const rows = [...table.querySelectorAll("tr[data-hour]")];
    const data = ["hour", "accepted", "normal"].map((name) => rows.map((row) => number(row.dataset[name])));
    const ink = colour("--pico-color");
    const axis = { stroke: ink, grid: { stroke: colour("--edge"), width: 1 }, ticks: { stroke: colour("--edge") } };
    plot = new window.uPlot(
      {
        width: place.clientWidth,
        height: 260,
        scales: { x: { time: false, range: [-0.5, 23.5] }, y: { range: (u, least, most) => [0, Math.max(1, most * 1.1)] } },
        axes: [
          { ...axis, values: (u, hours) => hours.map((hour) => `${hour}${place.dataset.textHour}`) },
          { ...axis, values: (u, counts) => counts.map((count) => (Number.isInteger(count) ? `${count}` : "")) },
        ],
        series: [
          { value: (u, hour) => (hour === null ? "" : `${hour}${place.dataset.textHour}`), label: place.dataset.textDay },
          {
            label: place.dataset.textAccepted,
            stroke: colour("--pico-primary"),
            fill: colour("--pico-primary-focus"),
            paths: window.uPlot.paths.bars({ size: [0.7, 40] }),
            points: { show: false },
          },
          { label: place.dataset.textNormal, stroke: colour("--warn"), width: 2, dash: [6, 4], points: { show: false } },
        ],
      },
      data,
      place,
    );
    place.dataset.drawn = "1";
  }

  async function refresh() {
    const old = document.getElementById("figures");
    if (document.hidden || !old || old.dataset.refresh !== "1" || old.contains(document.activeElement)) return;
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok || answer.redirected) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("figures");
    if (!fresh || old.contains(document.activeElement)) return;
    const open = old.querySelector("[data-table]").open;
    old.replaceWith(fresh);
    fresh.querySelector("[data-table]").open = open;
    draw();
  }

  const details = document.querySelector("[data-table]");
  if (!details) return;
  // The chart says it at a glance; the table is there for who opens it.
  details.open = false;
  draw();
  DARK.addEventListener("change", draw);
  let waiting = 0;
  window.addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(draw, 100);
  });
  setInterval(() => refresh().catch(() => {}), EACH);
})();
