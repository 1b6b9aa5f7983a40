// Tells the server up to where the person has seen a conversation: soon after something came, while the page is looked at.
import { onActivity } from "../site/activity.js";
import { to } from "../site/api.js";

const SOON = 1200; // milliseconds for which what came is looked at before it counts as seen
const WHILE_BUSY = 6000; // while an agent writes: its next words are news again, so not after each

/** `seq()` is up to where the page shows it, `busy()` whether an agent is at work, `unread` whether something is new now. */
export function keepSeen({ id, unread, seq, busy }) {
  let news = unread;
  let timer = 0;

  function send() {
    clearTimeout(timer);
    timer = 0;
    if (!news || document.hidden) return;
    news = false;
    // Also while the page is left; and not worth a word when it fails: the mark stays, and the next visit tells again.
    fetch(to`/api/v1/conversations/${id}/seen`, {
      method: "POST",
      keepalive: true,
      headers: { "Content-Type": "application/json", "X-CSRFToken": document.querySelector('meta[name="csrf-token"]').content },
      body: JSON.stringify({ seq: seq() }),
    }).then((response) => { if (!response.ok) news = true; }, () => { news = true; });
  }

  function soon() {
    if (news && !timer && !document.hidden) timer = setTimeout(send, busy() ? WHILE_BUSY : SOON);
  }

  onActivity("conversation_changed", (fresh) => {
    if (fresh.id !== id) return;
    news = fresh.unread;
    soon();
  });
  document.addEventListener("visibilitychange", soon);
  addEventListener("pagehide", () => { if (timer) send(); });
  soon();
}
