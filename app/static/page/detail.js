// One import: progress, stop, try again, rejects, timeline.

import { ask } from "./api.js";
import { copyOnClick } from "./copy.js";
import { draw } from "./draw.js";
import { speak } from "./frame.js";
import { follow } from "./live.js";
import { drawPlot } from "./plot.js";
import { showRejects } from "./rejects.js";
import { EVENTS, FINAL, STATES, count, tellTime } from "./formatting.js";

const article = document.getElementById("import");
const path = `/v1/imports/${article.dataset.id}`;
const stop = document.getElementById("stop");
const again = document.getElementById("again");
const sure = document.getElementById("sure");
const timeline = document.getElementById("timeline");
const problem = document.getElementById("problem");
const WHY_NOT = {
  committing: "It can’t be stopped any more: it has been decided and is committing.",
  committed: "It can’t be stopped any more: all of its rows are committed.",
  stopping: "It was stopped and will never commit; what it had loaded is being undone.",
  stopped: "It was stopped, and nothing of it is left.",
  failing: "There is nothing to stop: it has failed, and what it had loaded is being undone.",
  failed: "There is nothing to stop: it has failed, and nothing of it is left.",
  checking: "There is nothing to stop: the dry run is over, and its rows are being undone.",
  checked: "There is nothing to stop: the dry run is over, and nothing of it was kept.",
};

let shown = null;
let spokenQuarter = -1;

function put(i) {
  const isFirst = shown === null;
  if (!draw(article, i)) return;
  for (const event of i.timeline || []) tellEvent(event);
  speakOf(i, isFirst);
  shown = i;
  const stoppable = ["queued", "running"].includes(i.state);
  if (!stoppable && document.activeElement === stop) document.getElementById("main").focus();
  stop.hidden = !stoppable;
  stop.disabled = false;
  again.hidden = !["stopped", "failed", "checked"].includes(i.state);
  again.textContent = i.state === "checked" ? "Import it now" : "Try again";
  document.getElementById("why-not").textContent = WHY_NOT[i.state] || "";
  document.getElementById("undone").textContent = count(i.rows_done);
  document.getElementById("failure").hidden = !i.error;
  document.title = document.title.replace(/, \w+ – /, `, ${i.state} – `);
  addUp(i);
  drawPlot(i);
  showRejects(i);
}

function tellEvent(event) {
  const last = timeline.lastElementChild;
  if (last && Number(last.dataset.sequence) >= event.sequence) return;
  const line = document.createElement("li");
  const time = document.createElement("time");
  const words = document.createElement("span");
  line.dataset.sequence = event.sequence;
  line.dataset.event = event.event;
  tellTime(time, event.at);
  const reason = event.event === "queued" && event.detail?.reason;
  words.textContent = (EVENTS[event.event] || event.event) + (reason ? `: ${reason}` : "");
  line.append(time, words);
  if (event.event === "tried_again") {
    const link = document.createElement("a");
    link.href = `/imports/${encodeURIComponent(event.detail.import)}`;
    link.textContent = "as a new import";
    line.append(link);
  }
  timeline.append(line);
}

// Politely: a change of state, and progress at every quarter.
function speakOf(i, isFirst) {
  const quarter = Math.floor(i.percent / 25);
  if (isFirst) spokenQuarter = quarter;
  else if (i.state !== shown.state) speak(`${STATES[i.state]}. ${FINAL.includes(i.state) ? sentence(i) : ""}`);
  else if (quarter > spokenQuarter && i.state === "running") speak(`${quarter * 25} % loaded`);
  spokenQuarter = Math.max(spokenQuarter, quarter);
}

function addUp(i) {
  const sum = document.getElementById("sum");
  sum.hidden = !FINAL.includes(i.state);
  sum.textContent = sentence(i);
}

function sentence(i) {
  const imported = i.rows_done + i.rows_updated + i.rows_skipped;
  const parts = [`${count(i.rows_done)} imported`];
  if (i.rows_updated) parts.push(`${count(i.rows_updated)} updated`);
  if (i.rows_skipped) parts.push(`${count(i.rows_skipped)} there already`);
  parts.push(`${count(i.rows_rejected)} rejected`);
  const read = count(imported + i.rows_rejected);
  const blank = i.rows_blank ? `; ${count(i.rows_blank)} blank rows were passed over` : "";
  if (i.state === "committed") return `${read} rows read = ${parts.join(" + ")}${blank}`;
  if (i.state === "checked") return `${read} rows checked: ${count(imported)} in order, ${count(i.rows_rejected)} not${blank}. Nothing was written.`;
  return `Nothing of it is in the table: what had been loaded was undone.`;
}

function complain(error) {
  problem.textContent = error.message;
  problem.hidden = false;
}

stop.addEventListener("click", () => {
  problem.hidden = true;
  sure.returnValue = "";
  sure.showModal();
});

sure.addEventListener("close", async () => {
  if (sure.returnValue !== "stop") return;
  stop.disabled = true;
  try {
    put(await ask(`${path}/stop`, { method: "POST" }));
    document.getElementById("main").focus();
  } catch (error) {
    stop.disabled = false;
    complain(error);
  }
});

again.addEventListener("click", async () => {
  problem.hidden = true;
  again.disabled = true;
  try {
    const made = await ask(`${path}/retry`, { method: "POST" });
    location.assign(made.links.page);
  } catch (error) {
    complain(error);
  } finally {
    again.disabled = false;
  }
});

copyOnClick();
const poll = async () => put(await ask(path));
await poll().catch(complain);
follow({
  url: (last) => `${path}/events?after=${last ?? article.dataset.sequence}`,
  on: { import: put },
  poll,
  indicator: document.getElementById("liveness"),
});
