// What every page has: local times, and a banner when a part that imports need does not work.

import { tellTime } from "./formatting.js";

const ASK_MILLISECONDS = 4000;
const WORDS = {
  database: "The database does not answer: nothing can be imported or stopped until it is back.",
  broker: "The broker does not answer: imports are accepted and wait, or begin late.",
  worker: "No worker is running: imports are accepted and wait until one is started.",
  spool: "Files can’t be kept at the moment, so none can be sent.",
};
const banner = document.getElementById("banner");

for (const element of document.querySelectorAll("time[datetime]")) tellTime(element);

export function speak(text) {
  document.getElementById("spoken").textContent = text;
}

async function look() {
  const sentences = [];
  try {
    const response = await fetch("/readyz", { headers: { Accept: "application/json" }, cache: "no-store" });
    const { parts = {} } = await response.json();
    for (const [part, says] of Object.entries(parts)) {
      if (says === "ok" || says === "not known") continue; // another part says why it is not known
      sentences.push(WORDS[part] || `${part}: ${says}`);
    }
  } catch {
    sentences.push("The server does not answer: what is shown may be old.");
  }
  show(sentences);
}

function show(sentences) {
  const text = sentences.join("\n");
  if (banner.dataset.text === text) return; // an alert speaks when it changes
  banner.dataset.text = text;
  banner.replaceChildren(
    ...sentences.map((sentence) => {
      const line = document.createElement("p");
      line.textContent = sentence;
      return line;
    }),
  );
  banner.hidden = !sentences.length;
}

look();
setInterval(look, ASK_MILLISECONDS);
