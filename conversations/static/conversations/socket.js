// The conversation's live connection: WebSocket first, server-sent events where WebSockets do not get through.
// Both feed the same reducer, and both come back from the last good seq.
import { to } from "../site/api.js";
import { keepOpen } from "../site/live.js";
import { beginCatchUp, initial, markReady, take } from "./reducer.js";

const TRIES_BEFORE_SSE = 3;

/**
 * Keep `store.state` equal to the conversation. `onchange(change)` after each frame, `onreset()` when the state had to
 * begin again from nothing, `onstate(state, code)` as in live.js.
 */
export function follow({ conversationId, store, onchange, onreset, onstate }) {
  let failed = 0;
  let source = null;

  const address = () => {
    beginCatchUp(store.state);
    return to`/ws/conversations/${conversationId}/?after_seq=${store.state.seq}`;
  };

  function onframe(frame) {
    if (frame.ready) {
      failed = 0;
      if (markReady(store.state, frame.seq)) return;
      store.state = initial(0);
      onreset();
      again();
      return;
    }
    const change = take(store.state, frame.events ?? []);
    onchange(change);
    if (change.broken) again();
  }

  function again() {
    if (source) startSse();
    else socket.reconnect();
  }

  const socket = keepOpen({
    address,
    onframe,
    onstate(state, code) {
      if (state === "waiting" && code === 1006) failed += 1;
      if (failed >= TRIES_BEFORE_SSE && typeof EventSource !== "undefined") {
        socket.close();
        startSse();
        return;
      }
      onstate(state, code);
    },
  });

  function startSse() {
    source?.close();
    beginCatchUp(store.state);
    const mine = new EventSource(to`/api/v1/conversations/${conversationId}/events?after_seq=${store.state.seq}`);
    source = mine;
    mine.addEventListener("ready", (event) => {
      onstate("open", 0);
      const data = event.data ? JSON.parse(event.data) : {};
      onframe({ ready: true, seq: data.seq ?? Number(event.lastEventId) });
    });
    mine.onmessage = (event) => { if (mine === source) onframe({ events: [JSON.parse(event.data)] }); };
    mine.onerror = () => {
      onstate("waiting", 0);
      beginCatchUp(store.state);
      // A refused stream is not tried again by the browser.
      if (mine.readyState === EventSource.CLOSED) setTimeout(() => mine === source && startSse(), 5000);
    };
  }

  return { close: () => { socket.close(); source?.close(); } };
}
