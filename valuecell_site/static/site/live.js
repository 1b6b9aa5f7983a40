// A WebSocket that comes back: waits longer each time, at once when the network or the page returns, never after a final close.
const FINAL = new Set([4400, 4401, 4404, 4429]);
const FIRST_WAIT = 400;
const LONGEST_WAIT = 15000;

/**
 * Keep a socket open. `address()` gives the path to open (asked anew for each attempt, so that it can carry the last seq);
 * `onframe(object)` gets each parsed frame; `onstate("connecting" | "open" | "waiting" | "closed", code)` each change.
 * Returns {reconnect(), close()}.
 */
export function keepOpen({ address, onframe, onstate = () => {} }) {
  let socket = null;
  let wait = FIRST_WAIT;
  let timer = null;
  let over = false;

  function open() {
    clearTimeout(timer);
    timer = null;
    onstate("connecting", 0);
    const mine = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${address()}`);
    socket = mine;
    mine.onmessage = (event) => {
      if (mine !== socket) return;
      const frame = JSON.parse(event.data);
      if (frame.ready) {
        wait = FIRST_WAIT;
        onstate("open", 0);
      }
      onframe(frame);
    };
    mine.onclose = (event) => {
      if (mine !== socket) return;
      socket = null;
      if (over) return;
      if (FINAL.has(event.code)) {
        over = true;
        onstate("closed", event.code);
        return;
      }
      onstate("waiting", event.code);
      timer = setTimeout(open, wait * (0.5 + Math.random() / 2));
      wait = Math.min(wait * 2, LONGEST_WAIT);
    };
  }

  function reconnect() {
    if (over) return;
    const old = socket;
    socket = null;
    old?.close();
    open();
  }

  const wake = () => { if (!over && timer !== null) { wait = FIRST_WAIT; open(); } };
  addEventListener("online", wake);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) wake(); });
  // A page that is left and taken back out of the browser's cache has a dead socket that never said so.
  addEventListener("pageshow", (event) => { if (event.persisted) reconnect(); });
  open();
  return { reconnect, close: () => { over = true; clearTimeout(timer); socket?.close(); } };
}
