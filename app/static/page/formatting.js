// Words: numbers, sizes, durations and states as people read them; the same as the server's (app/routes/words.py).

export const STATES = {
  queued: "Queued", running: "Running", committing: "Committing", committed: "Committed", stopping: "Stopping",
  stopped: "Stopped", failing: "Failing", failed: "Failed", checking: "Checking", checked: "Checked",
};
export const FINAL = ["committed", "stopped", "failed", "checked"];
export const EVENTS = {
  queued: "Queued", running: "Taken up by a worker", committing: "Decided: it commits",
  committed: "Committed: every row is there", stopping: "Stopped: what was loaded is being undone",
  stopped: "Nothing of it is left", failing: "Failed: what was loaded is being undone",
  failed: "Failed: nothing of it is left", checking: "Dry run over: its rows are being undone",
  checked: "Dry run over: nothing of it was kept", rows_deleted: "Rows were deleted", tried_again: "Tried again",
  forced: "A branch was finished by a person",
};

export const count = (number) => (number == null ? "–" : Math.round(number).toLocaleString("en-US"));

export function size(bytes) {
  if (bytes == null) return "–";
  let amount = bytes;
  for (const unit of ["B", "kB", "MB", "GB"]) {
    if (amount < 1000) return unit === "B" ? `${Math.round(amount)} B` : `${amount.toFixed(1)} ${unit}`;
    amount /= 1000;
  }
  return `${amount.toFixed(1)} TB`;
}

export function duration(seconds) {
  if (seconds == null) return "–";
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

export const between = (start, end) => (start && end ? duration((new Date(end) - new Date(start)) / 1000) : "–");

export const share = (percent) => `${percent} %`;

export const name = (source) =>
  source.kind === "generated" ? `${count(source.rows)} generated rows` : source.name || "a file without a name";

// A <time> says the instant in this browser's zone, and in UTC when it is pointed at.
export function tellTime(element, instant = element.dateTime) {
  if (!instant) return;
  const at = new Date(instant);
  const now = new Date();
  const today = at.toDateString() === now.toDateString();
  element.dateTime = instant;
  element.title = `${instant.slice(0, 10)} ${instant.slice(11, 19)} UTC`;
  element.textContent = at.toLocaleString(undefined, {
    ...(today ? {} : { year: "numeric", month: "short", day: "numeric" }),
    hour: "2-digit", minute: "2-digit", second: "2-digit",
  });
}
