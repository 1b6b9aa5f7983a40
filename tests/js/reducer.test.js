import { beginCatchUp, codePoints, initial, markReady, take, takeHistory } from "/static/conversations/reducer.js";
import { equal, ok, run, test } from "./check.js";

export { run };

const data = (id, position, payload) => ({ item_id: id, position, role: "agent", agent_name: "A", thread_id: "t", task_id: "k", run_id: "r", payload, metadata: {}, created_at: "2026-11-25T00:00:00Z" });
const whole = (seq, id, position, content, event = "message_chunk") => ({ seq, event, data: data(id, position, { content }) });
const delta = (seq, id, position, text, offset) => ({ seq, event: "message_chunk", data: data(id, position, { delta: text, offset }) });
const passing = (event) => ({ seq: null, event, data: { item_id: null, task_id: "k", payload: null, metadata: {} } });
const texts = (state) => state.order.map((item) => item.payload.content);
const live = (seq = 0) => {
  const state = initial(seq);
  beginCatchUp(state);
  markReady(state, seq);
  return state;
};

test("items stand by their position, whatever order they come in", () => {
  const state = live();
  take(state, [whole(1, "b", 20, "two"), whole(2, "a", 10, "one"), whole(3, "c", 30, "three")]);
  equal(texts(state), ["one", "two", "three"]);
});

test("a delta is appended at its offset and reported as growth only", () => {
  const state = live();
  take(state, [whole(1, "a", 1, "one")]);
  const change = take(state, [delta(2, "a", 1, " two", 3), delta(3, "a", 1, " three", 7)]);
  equal(texts(state), ["one two three"]);
  equal([...change.grown], [["a", " two three"]]);
  equal([change.added.size, change.replaced.size, change.broken], [0, 0, false]);
});

test("an offset counts code points, so that an emoji is one", () => {
  equal(codePoints("a😀b"), 3);
  equal(codePoints("\ud83d"), 1, "half a pair is one");
  const state = live();
  take(state, [whole(1, "a", 1, "😀😀")]);
  const change = take(state, [delta(2, "a", 1, "!", 2)]);
  equal([change.broken, texts(state)], [false, ["😀😀!"]]);
});

test("a delta at a wrong offset breaks, and nothing of it is kept", () => {
  const state = live();
  take(state, [whole(1, "a", 1, "one")]);
  const change = take(state, [delta(2, "a", 1, "x", 5), whole(3, "b", 2, "later")]);
  equal([change.broken, state.seq, texts(state)], [true, 1, ["one"]]);
});

test("a missing seq breaks: what came before it is kept, the rest is asked for again", () => {
  const state = live();
  const change = take(state, [whole(1, "a", 1, "one"), whole(3, "c", 3, "three")]);
  equal([change.broken, state.seq, texts(state)], [true, 1, ["one"]]);
});

test("while catching up, seqs may have holes", () => {
  const state = initial(4);
  beginCatchUp(state);
  const change = take(state, [whole(7, "a", 1, "one"), whole(12, "b", 2, "two")]);
  equal([change.broken, state.seq], [false, 12]);
  ok(markReady(state, 15), "the server may stand further");
  equal(take(state, [whole(16, "c", 3, "three")]).broken, false);
});

test("what was seen already changes nothing", () => {
  const state = live();
  take(state, [whole(1, "a", 1, "one"), delta(2, "a", 1, "!", 3)]);
  const change = take(state, [whole(1, "a", 1, "one"), delta(2, "a", 1, "!", 3)]);
  equal([texts(state), change.added.size, change.replaced.size, change.grown.size], [["one!"], 0, 0, 0]);
});

test("a whole envelope takes the item's place and may grow on", () => {
  const state = live();
  take(state, [whole(1, "a", 1, "one")]);
  const change = take(state, [whole(2, "a", 1, "other", "reasoning_completed"), delta(3, "a", 1, "!", 5)]);
  equal([texts(state), state.items.get("a").event, [...change.replaced]], [["other!"], "message_chunk", ["a"]]);
});

test("history never overwrites what is newer, and moves no seq", () => {
  const state = live(9);
  take(state, [whole(10, "a", 5, "new")]);
  takeHistory(state, [whole(3, "a", 5, "old"), whole(2, "z", 1, "first")]);
  equal([texts(state), state.seq], [["first", "new"], 10]);
});

test("passing envelopes are handed on and never stored", () => {
  const state = live();
  const change = take(state, [passing("task_started"), whole(1, "a", 1, "x"), passing("done")]);
  equal([change.passing.map((one) => one.event), state.order.length], [["task_started", "done"], 1]);
});

test("a server that stands before us says that its data was put back", () => {
  const state = initial(30);
  equal(markReady(state, 12), false);
});

test("200 seeded trials with drops, reconnects and history pages end equal to the server", () => {
  for (let seed = 1; seed <= 200; seed += 1) trial(seed);
});

/** A server that adds, grows and replaces items, and a viewer on a connection that loses frames. */
function trial(seed) {
  let random = seed;
  const next = (n) => {
    random = (random * 1103515245 + 12345) % 2147483648;
    return Math.floor((random / 2147483648) * n);
  };
  const server = { seq: 0, items: [] };
  const text = () => ["word ", "😀", "ümlaut ", "\n\n", "中文"][next(5)];
  const step = () => {
    server.seq += 1;
    const kind = server.items.length ? next(10) : 0;
    if (kind < 2) {
      const item = { id: `i${server.items.length}`, position: server.seq, content: text(), seq: server.seq };
      server.items.push(item);
      return whole(server.seq, item.id, item.position, item.content);
    }
    const item = server.items[next(server.items.length)];
    item.seq = server.seq;
    if (kind < 3) {
      item.content = text() + text();
      return whole(server.seq, item.id, item.position, item.content);
    }
    const piece = text();
    const offset = codePoints(item.content);
    item.content += piece;
    return delta(server.seq, item.id, item.position, piece, offset);
  };
  const state = initial(0);
  const connect = () => {
    beginCatchUp(state);
    const changed = server.items.filter((item) => item.seq > state.seq).sort((a, b) => a.seq - b.seq);
    take(state, changed.map((item) => whole(item.seq, item.id, item.position, item.content)));
    ok(markReady(state, server.seq), "ready");
  };
  connect();
  for (let frame = 0; frame < 60; frame += 1) {
    const envelopes = Array.from({ length: 1 + next(4) }, step);
    if (next(8) === 0) continue; // lost
    if (next(6) === 0) takeHistory(state, server.items.slice(0, 5).map((item) => whole(item.seq, item.id, item.position, item.content)));
    if (take(state, envelopes).broken) connect();
  }
  connect();
  const wanted = [...server.items].sort((a, b) => a.position - b.position).map((item) => item.content);
  equal(texts(state), wanted, `seed ${seed}:`);
}
