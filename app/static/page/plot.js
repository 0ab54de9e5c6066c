// The plot of rows a second, from what this page was told while it was open.

import uPlot from "../vendor/uplot/uPlot.esm.js";

const figure = document.getElementById("plot");
const HEIGHT = 150;
const SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600]; // between two marks below
const clock = (at) =>
  new Date(at * 1000).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const MOST = 600;
const times = [];
const rates = [];
let plot = null;
let last = null;

export function drawPlot(i) {
  if (i.state !== "running") return;
  const now = Date.now() / 1000;
  const rows = i.attempt.rows;
  if (last && rows > last.rows && now > last.now) {
    times.push(now);
    rates.push((rows - last.rows) / (now - last.now));
    if (times.length > MOST) times.shift() && rates.shift();
  }
  if (!last || rows !== last.rows) last = { now, rows };
  if (times.length < 2) return;
  figure.hidden = false;
  if (plot) plot.setData([times, rates]);
  else plot = make();
}

function make() {
  const probe = document.createElement("span");
  figure.append(probe);
  const resolved = (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const axis = {
    stroke: () => resolved("--soft"),
    grid: { stroke: () => resolved("--line"), width: 1 },
    ticks: { show: false },
  };
  const made = new uPlot(
    {
      width: figure.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      scales: { y: { range: (_, low, high) => [0, Math.max(high * 1.1, 1)] } },
      axes: [{ ...axis, incrs: SECONDS, space: 90, values: (_, ticks) => ticks.map(clock) }, { ...axis, size: 64, values: (_, ticks) => ticks.map((tick) => tick.toLocaleString("en-US")) }],
      series: [{}, { stroke: () => resolved("--busy"), width: 2 }],
    },
    [times, rates],
    figure,
  );
  new ResizeObserver(() => made.setSize({ width: figure.clientWidth, height: HEIGHT })).observe(figure);
  return made;
}
