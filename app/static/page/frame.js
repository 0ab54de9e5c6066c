// What every page has: local times, and a banner when a part that imports need does not work.

import { get, make } from "./dom.js";
import { showTime } from "./formatting.js";

const CHECK_MILLISECONDS = 4000;
/** @type {Record<string, string>} */
const OUTAGES = {
  database: "The database does not answer. Imports can’t be started or stopped until it is back.",
  broker: "The broker does not answer. Imports are accepted, but they wait or start late.",
  worker: "No worker is running. Imports are accepted and wait until a worker starts.",
  sweeper: "No sweeper has been heard of for a minute. Imports that a crash has broken off wait until one works.",
  spool: "The server can’t store files at the moment, so you can’t upload any.",
};
/** What the server says of a part that answers, and can't do all of its work. */
const HALF_OUTAGES = ["may only be read", "no answer from"];
const banner = get("banner");

for (const element of document.querySelectorAll("time")) showTime(element);

/**
 * Say something to people with a screen reader.
 * @param {string} text
 */
export function speak(text) {
  get("spoken").textContent = text;
}

async function check() {
  const sentences = [];
  try {
    const response = await fetch("/readyz", { headers: { Accept: "application/json" }, cache: "no-store" });
    /** @type {{parts?: Record<string, string>}} */
    const { parts = {} } = await response.json();
    for (const [part, status] of Object.entries(parts)) {
      if (status === "ok" || status === "not known") continue; // another part says why it is not known
      const outage = HALF_OUTAGES.some((words) => status.includes(words)) ? undefined : OUTAGES[part];
      sentences.push(outage ?? `${part}: ${status}`);
    }
  } catch {
    sentences.push("The server does not answer. This page may be out of date.");
  }
  show(sentences);
}

/** @param {string[]} sentences */
function show(sentences) {
  const text = sentences.join("\n");
  if (banner.dataset.text === text) return; // an alert speaks when it changes
  banner.dataset.text = text;
  banner.replaceChildren(...sentences.map((sentence) => make("p", sentence)));
  banner.hidden = !sentences.length;
}

check();
setInterval(check, CHECK_MILLISECONDS);
