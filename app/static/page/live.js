// Live: follows a stream of server-sent events; where there is none it asks every 2 s, and says so.

const ASK_MILLISECONDS = 2000;
const TRY_AGAIN_MILLISECONDS = 30000;

// `url(last)` is where the stream goes on after an event's id, `on` its events by name, `poll()` asks once.
export function follow({ url, on, poll, indicator }) {
  let source = null;
  let timer = null;
  let retry = null;
  let over = false;
  let last = null;

  function show(kind, text) {
    if (indicator.dataset.live === kind) return;
    indicator.dataset.live = kind;
    indicator.textContent = text;
  }

  function listen() {
    if (over) return;
    if (!window.EventSource) return askAgain("This browser has no live updates: asking every 2 s");
    source?.close();
    source = new EventSource(url(last));
    source.onopen = () => {
      clearInterval(timer);
      timer = null;
      show("live", "Live");
    };
    source.onerror = () => {
      // an end after a minute is usual: the browser connects again within a second, and misses nothing
      if (source.readyState === EventSource.CLOSED) refused();
      else setTimeout(() => source.readyState === EventSource.CONNECTING && askAgain(), 3000);
    };
    for (const [name, tell] of Object.entries(on)) {
      source.addEventListener(name, (event) => {
        last = event.lastEventId || last;
        tell(JSON.parse(event.data));
      });
    }
    source.addEventListener("end", stop);
  }

  function refused() {
    askAgain();
    clearTimeout(retry);
    retry = setTimeout(listen, TRY_AGAIN_MILLISECONDS);
  }

  function askAgain(text = "No live updates at the moment: asking every 2 s") {
    if (over || timer) return;
    const once = async () => {
      try {
        await poll();
        if (timer) show("polling", text);
      } catch {
        show("lost", "Not reached: what is shown may be old");
      }
    };
    timer = setInterval(once, ASK_MILLISECONDS);
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
  addEventListener("pageshow", (event) => event.persisted && listen());
  listen();
  return stop;
}
