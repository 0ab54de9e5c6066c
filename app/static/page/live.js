// Live: follows a stream of server-sent events. Without one it asks the server every 2 s, and says so.

const POLL_MILLISECONDS = 2000;
const RECONNECT_MILLISECONDS = 30000;

/**
 * Follow a stream until its `end` event; returns a function that stops.
 * @param {object} options
 * @param {(last: string | null) => string} options.url where the stream continues after the event with this id
 * @param {Record<string, (data: any) => unknown>} options.on what to do with events, by name
 * @param {() => Promise<unknown>} options.poll asks once
 * @param {HTMLElement} options.indicator shows whether updates are live
 */
export function follow({ url, on, poll, indicator }) {
  /** @type {EventSource | null} */
  let source = null;
  /** @type {number | undefined} */
  let timer;
  /** @type {number | undefined} */
  let retry;
  let over = false;
  /** @type {string | null} */
  let last = null;

  /**
   * @param {string} kind
   * @param {string} text
   */
  function show(kind, text) {
    if (indicator.dataset.live === kind) return;
    indicator.dataset.live = kind;
    indicator.textContent = text;
  }

  function connect() {
    if (over) return;
    if (!("EventSource" in window)) {
      startPolling("This browser has no live updates: refreshing every 2 s");
      return;
    }
    source?.close();
    const stream = new EventSource(url(last));
    source = stream;
    stream.onopen = () => {
      clearInterval(timer);
      timer = undefined;
      show("live", "Live");
    };
    stream.onerror = () => {
      // a stream ends after a minute: the browser connects again within a second, and misses nothing
      if (stream.readyState === EventSource.CLOSED) refused();
      else setTimeout(() => stream.readyState === EventSource.CONNECTING && startPolling(), 3000);
    };
    for (const [name, react] of Object.entries(on)) {
      stream.addEventListener(name, (event) => {
        last = event.lastEventId || last;
        react(JSON.parse(event.data));
      });
    }
    stream.addEventListener("end", stop);
  }

  function refused() {
    startPolling();
    clearTimeout(retry);
    retry = setTimeout(connect, RECONNECT_MILLISECONDS);
  }

  function startPolling(text = "No live updates at the moment: refreshing every 2 s") {
    if (over || timer) return;
    const once = async () => {
      try {
        await poll();
        if (timer) show("polling", text);
      } catch {
        show("lost", "Server not reached: this page may be out of date");
      }
    };
    timer = setInterval(once, POLL_MILLISECONDS);
    show("polling", text);
    once();
  }

  function stop() {
    over = true;
    source?.close();
    clearInterval(timer);
    clearTimeout(retry);
    delete indicator.dataset.live;
    indicator.textContent = "";
  }

  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", (event) => event.persisted && connect());
  connect();
  return stop;
}
