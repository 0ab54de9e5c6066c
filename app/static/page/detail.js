// One import: progress, stop, retry, rejected rows, timeline.

import { ask } from "./api.js";
import { copyOnClick } from "./copy.js";
import { get, hideProblem, make, showProblem } from "./dom.js";
import { draw, makeBy } from "./draw.js";
import { count, eventText, gone, isFinal, isReturn, isRevert, labels, phrases, rest, rows, shownState, showTime, stateName } from "./formatting.js";
import { speak } from "./frame.js";
import { follow } from "./live.js";
import { drawPlot } from "./plot.js";
import { showRejects } from "./rejects.js";
import { showRevert } from "./revert.js";
import { savesTemplates } from "./templates.js";

const article = get("import");
const path = `/v1/imports/${article.dataset.id}`;
const stop = get("stop", HTMLButtonElement);
const retry = get("again", HTMLButtonElement);
const hold = get("hold", HTMLButtonElement);
const dialog = get("sure", HTMLDialogElement);
const timeline = get("timeline");

/** @type {Api.Import | null} */
let shown = null;
let spokenQuarter = -1;

/** @param {Api.Import & Partial<Api.WatchedImport>} i */
function update(i) {
  if (!draw(article, i)) return;
  for (const event of i.timeline ?? []) addEvent(event, i);
  announce(i, shown);
  shown = i;
  const stoppable = phrases.stoppable.includes(i.state);
  if (!stoppable && document.activeElement === stop) get("main").focus();
  stop.hidden = !stoppable;
  stop.disabled = false;
  hold.hidden = !stoppable || isRevert(i);
  hold.textContent = i.paused ? "Resume" : "Pause";
  retry.hidden = isRevert(i) || !(shownState(i) in phrases.retry);
  retry.textContent = phrases.retry[shownState(i)] ?? retry.textContent;
  get("why-not").textContent = whyNoStop(i);
  get("undone").textContent = count(i.rows_done);
  get("failure").hidden = !i.error;
  document.title = document.title.replace(/, \w+ – /, `, ${shownState(i)} – `);
  get("sum").hidden = !isFinal(i.state);
  get("sum").textContent = summary(i);
  drawPlot(i);
  showRejects(i);
  showRevert(i);
}

/** @param {Api.Import} i */
function whyNoStop(i) {
  const reason = isRevert(i) ? gone(i) : gone(i) || (phrases.why_no_stop[i.state] ?? "");
  return reason && `${reason.charAt(0).toUpperCase()}${reason.slice(1)}.`.replace("{rows}", count(i.rows_done));
}

/**
 * @param {Api.Event} event
 * @param {Api.Import} i
 */
function addEvent(event, i) {
  const last = timeline.lastElementChild;
  if (last instanceof HTMLElement && Number(last.dataset.sequence) >= event.sequence) return;
  const line = make("li");
  const time = make("time");
  line.dataset.sequence = String(event.sequence);
  line.dataset.event = event.event;
  showTime(time, event.at);
  const text = make("span", eventText(event, i));
  if (event.by) text.append(" ", makeBy(event.by));
  line.append(time, text);
  const [name = "", words = ""] = phrases.event_links[event.event] ?? [];
  if (event.detail?.[name]) {
    const link = make("a", words);
    link.href = `/imports/${encodeURIComponent(String(event.detail[name]))}`;
    line.append(link);
  }
  timeline.append(line);
}

/**
 * Say a change of state, and progress at every quarter, to people with a screen reader.
 * @param {Api.Import} i
 * @param {Api.Import | null} before
 */
function announce(i, before) {
  const quarter = Math.floor(i.percent / 25);
  if (before === null) spokenQuarter = quarter;
  else if (shownState(i) !== shownState(before)) {
    speak(`${stateName(shownState(i))}. ${isFinal(i.state) ? summary(i) : ""}`);
  } else if (quarter > spokenQuarter && i.state === "running") speak(`${quarter * 25} % ${isReturn(i) ? "brought back" : isRevert(i) ? "reverted" : "loaded"}`);
  spokenQuarter = Math.max(spokenQuarter, quarter);
}

/** @param {Api.Import} i */
function summary(i) {
  if (isRevert(i)) return summaryOfRevert(i);
  const imported = i.rows_done + i.rows_updated + i.rows_skipped;
  const parts = [`${count(i.rows_done)} imported`];
  if (i.rows_updated) parts.push(`${count(i.rows_updated)} updated`);
  if (i.rows_skipped) parts.push(`${count(i.rows_skipped)} skipped`);
  parts.push(`${count(i.rows_rejected)} rejected`);
  const read = count(imported + i.rows_rejected);
  const blank = i.rows_blank ? `; ${count(i.rows_blank)} blank rows ignored` : "";
  const lost = gone(i) && `; ${gone(i)}`;
  if (i.state === "committed") return `${read} rows read = ${parts.join(" + ")}${blank}${lost}`;
  if (i.state === "checked") {
    return `${read} rows checked: ${count(imported)} valid, ${count(i.rows_rejected)} invalid${blank}. Nothing was written.`;
  }
  return "None of its rows is in the table: all that was loaded has been undone.";
}

/** @param {Api.Import} i */
function summaryOfRevert(i) {
  const counts = [`${rows(i.rows_done)} ${labels(i).removed}`, rest(i)].filter(Boolean).join(", ");
  if (i.state === "committed") return counts;
  if (i.state === "checked") return `${counts}. Nothing was changed.`;
  return "Nothing was reverted: the table is as if the revert had never started.";
}

stop.addEventListener("click", () => {
  hideProblem();
  dialog.returnValue = "";
  dialog.showModal();
});

dialog.addEventListener("close", async () => {
  if (dialog.returnValue !== "stop") return;
  stop.disabled = true;
  try {
    update(await ask(`${path}/stop`, { method: "POST" }));
    get("main").focus();
  } catch (error) {
    stop.disabled = false;
    showProblem(error);
  }
});

if (document.getElementById("save-template")) savesTemplates(() => ({ import: article.dataset.id }), "problem");

retry.addEventListener("click", async () => {
  hideProblem();
  retry.disabled = true;
  try {
    /** @type {Api.Import} */
    const started = await ask(`${path}/retry`, { method: "POST" });
    location.assign(started.links.page);
  } catch (error) {
    showProblem(error);
  } finally {
    retry.disabled = false;
  }
});

hold.addEventListener("click", async () => {
  hideProblem();
  hold.disabled = true;
  const act = shown?.paused ? "resume" : "pause";
  try {
    update(await ask(`${path}/${act}`, { method: "POST" }));
    if (act === "resume" && shown?.paused) throw new Error(phrases.still_paused);
  } catch (error) {
    showProblem(error);
  } finally {
    hold.disabled = false;
  }
});

copyOnClick();
const poll = async () => update(await ask(path));
await poll().catch(showProblem);
follow({
  url: (last) => `${path}/events?after=${last ?? article.dataset.sequence}`,
  on: { import: update, end: followReverts },
  poll,
  indicator: get("liveness"),
});

// the rows of a committed import can go, by a revert or otherwise, and those of a revert come back: of that its own
// stream, which has ended, says nothing
function followReverts() {
  if (shown?.state !== "committed" || isReturn(shown)) return;
  /** @param {Api.Import} i */
  const matters = (i) => i.id === shown?.id || (i.source.kind === "revert" && i.source.import === shown?.id);
  const react = async (/** @type {Api.Changed} */ data) => {
    if (!data.imports.some(matters)) return;
    await poll();
    if (shown) showRevert(shown, true);
  };
  follow({
    url: (last) => `/v1/events?after=${encodeURIComponent(last ?? article.dataset.after ?? "")}`,
    on: { imports: react, reset: poll },
    poll,
    indicator: get("liveness"),
  });
}
