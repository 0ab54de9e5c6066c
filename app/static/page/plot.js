// The plot of rows per second, from what this page received while it was open.

import uPlot from "../vendor/uplot/uPlot.esm.js";
import { get } from "./dom.js";

const figure = get("plot");
const HEIGHT = 150;
const SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600]; // between two marks below
/** @param {number} at */
const clock = (at) =>
  new Date(at * 1000).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const MAX_POINTS = 600;
/** @type {number[]} */
const times = [];
/** @type {number[]} */
const rates = [];
/** @type {uPlot | null} */
let plot = null;
/** @type {{now: number, rows: number} | null} */
let last = null;

/** @param {Api.Import} i */
export function drawPlot(i) {
  if (i.state !== "running") return;
  const now = Date.now() / 1000;
  const rows = i.attempt.rows;
  if (last && rows > last.rows && now > last.now) {
    times.push(now);
    rates.push((rows - last.rows) / (now - last.now));
    if (times.length > MAX_POINTS) {
      times.shift();
      rates.shift();
    }
  }
  if (!last || rows !== last.rows) last = { now, rows };
  if (times.length < 2) return;
  figure.hidden = false;
  if (plot) plot.setData([times, rates]);
  else plot = makePlot();
}

function makePlot() {
  const probe = document.createElement("span");
  figure.append(probe);
  const resolved = (/** @type {string} */ name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  /** @type {uPlot.Axis} */
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
      axes: [
        { ...axis, incrs: SECONDS, space: 90, values: (_, ticks) => ticks.map(clock) },
        { ...axis, size: 64, values: (_, ticks) => ticks.map((tick) => tick.toLocaleString("en-US")) },
      ],
      series: [{}, { stroke: () => resolved("--busy"), width: 2 }],
    },
    [times, rates],
    figure,
  );
  new ResizeObserver(() => made.setSize({ width: figure.clientWidth, height: HEIGHT })).observe(figure);
  return made;
}
