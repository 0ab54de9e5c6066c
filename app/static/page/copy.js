// Copy buttons: each names the element that it copies.

import { get, make } from "./dom.js";
import { speak } from "./frame.js";

export function copyOnClick() {
  for (const button of document.querySelectorAll("button")) {
    const from = button.dataset.copy;
    if (!from) continue;
    button.addEventListener("click", async () => {
      button.textContent = (await copy(get(from).textContent)) ? "Copied" : "Select it and copy";
      speak(button.textContent);
      setTimeout(() => (button.textContent = "Copy"), 2000);
    });
  }
}

/** @param {string} text */
async function copy(text) {
  if ("clipboard" in navigator) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // not allowed here; the older way may be
    }
  }
  const field = make("textarea"); // without TLS a browser has no clipboard
  field.value = text;
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  return done;
}
