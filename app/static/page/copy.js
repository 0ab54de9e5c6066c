// Copies what a button names, and says so.

import { speak } from "./frame.js";

export function copyOnClick() {
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", async () => {
      const text = document.getElementById(button.dataset.copy).textContent;
      const done = await copy(text);
      button.textContent = done ? "Copied" : "Select it and copy";
      speak(button.textContent);
      setTimeout(() => (button.textContent = "Copy"), 2000);
    });
  }
}

async function copy(text) {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // not allowed here; the older way may be
    }
  }
  const field = document.createElement("textarea"); // without TLS a browser gives no clipboard
  field.value = text;
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  return done;
}
