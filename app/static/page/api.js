// The API, of which this page is one of the clients.

const ours = { "X-Backout-Page": "1", Accept: "application/json" };

// What went wrong, in words that say what to do.
export class Problem extends Error {
  constructor(status, document) {
    super(document.detail || document.message || `the server answered ${status}`);
    this.status = status;
    this.document = document;
  }
}

export const LOST = "The server can’t be reached. Is it running, and is this computer online? Nothing was lost: try again when it is back.";

export async function ask(path, { method = "GET", json, body, signal, headers = {} } = {}) {
  const sent = { ...ours, ...headers };
  if (json !== undefined) {
    body = JSON.stringify(json);
    sent["Content-Type"] = "application/json";
  }
  let response;
  try {
    // a stop arrives even if the page is left at once
    const keepalive = method !== "GET" && (body === undefined || typeof body === "string");
    response = await fetch(path, { method, headers: sent, body, signal, keepalive, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { detail: LOST });
  }
  return judge(response.status, await response.text());
}

export function judge(status, text) {
  let document = {};
  try {
    document = JSON.parse(text);
  } catch {
    document = { detail: `the server answered ${status}, in no words that this page knows` };
  }
  if (status === 401) location.reload(); // the session has run out: the server asks for a key
  if (status < 200 || status > 299) throw new Problem(status, document);
  return document;
}

// Sends a file with its own progress; `onProgress(sent, total)`. Returns {done: Promise, cancel()}.
export function send(path, file, onProgress) {
  const request = new XMLHttpRequest();
  const done = new Promise((resolve, reject) => {
    request.open("POST", path);
    for (const [name, value] of Object.entries(ours)) request.setRequestHeader(name, value);
    request.setRequestHeader("Idempotency-Key", `page-${randomText()}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = (event) => onProgress(event.loaded, event.total);
    request.onload = () => {
      try {
        resolve(judge(request.status, request.responseText));
      } catch (problem) {
        reject(problem);
      }
    };
    request.onerror = () => reject(new Problem(0, { detail: LOST }));
    request.onabort = () => reject(new Problem(-1, { detail: "Cancelled: nothing was imported." }));
    request.send(file);
  });
  return { done, cancel: () => request.abort() };
}

// crypto.randomUUID is there in secure contexts only
export function randomText() {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
