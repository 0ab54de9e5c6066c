// The API, of which this page is one of the clients.

const ours = { "X-Backout-Page": "1", Accept: "application/json" };

/** A request that did not succeed; its message says what to do. `status` is 0 without a response, -1 if cancelled. */
export class Problem extends Error {
  /**
   * @param {number} status
   * @param {{detail?: string, message?: string}} document
   */
  constructor(status, document) {
    super(document.detail || document.message || `the server answered ${status}`);
    this.status = status;
    this.document = document;
  }
}

const LOST = "The server can’t be reached. Check that it is running and that this computer is online. Nothing was lost: try again later.";

/**
 * The JSON document that the server answers.
 * @template T
 * @param {string} path
 * @param {{method?: string, json?: unknown, body?: Blob, signal?: AbortSignal, headers?: Record<string, string>}} [options]
 * @returns {Promise<T>}
 */
export async function ask(path, { method = "GET", json, body, signal, headers = {} } = {}) {
  const sent = { ...ours, ...headers, ...(json === undefined ? {} : { "Content-Type": "application/json" }) };
  const content = json === undefined ? body : JSON.stringify(json);
  // a stop arrives even if the user leaves the page at once
  const keepalive = method !== "GET" && body === undefined;
  let response;
  try {
    response = await fetch(path, { method, headers: sent, body: content, signal, keepalive, cache: "no-store" });
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new Problem(0, { detail: LOST });
  }
  return read(response.status, await response.text());
}

/** @param {unknown} error */
export const isAbort = (error) => error instanceof DOMException && error.name === "AbortError";

/**
 * @param {number} status
 * @param {string} text
 */
function read(status, text) {
  let document;
  try {
    document = JSON.parse(text);
  } catch {
    document = { detail: `The server answered ${status} with a text that this page can’t read.` };
  }
  if (status === 401) location.reload(); // the session has ended: the server asks for a key
  if (status < 200 || status > 299) throw new Problem(status, document);
  return document;
}

/**
 * Upload a file for an import.
 * @param {string} path
 * @param {File} file
 * @param {(sent: number, total: number) => void} onProgress
 * @returns {{done: Promise<Api.Import>, cancel: () => void}}
 */
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
        resolve(read(request.status, request.responseText));
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

// crypto.randomUUID needs TLS or localhost
export function randomText() {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
