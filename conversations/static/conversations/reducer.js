// Envelopes in, transcript out: the one place that decides what a viewer sees, for WebSocket, SSE and history alike.
// It touches no page, no network and no clock: the same envelopes always make the same state (docs: contract, "Events").

/**
 * @typedef {object} Item one item of the transcript
 * @property {string} id
 * @property {number} position its fixed place
 * @property {number} seq the conversation's counter at its latest change that was seen
 * @property {string} event
 * @property {string|null} role
 * @property {string|null} agent_name
 * @property {string|null} thread_id
 * @property {string|null} task_id
 * @property {string|null} run_id
 * @property {object} payload whole: `content` has grown by every delta
 * @property {object} metadata
 * @property {string} created_at
 * @property {number} length code points of payload.content
 *
 * @typedef {object} State
 * @property {Map<string, Item>} items
 * @property {Item[]} order by position
 * @property {number} seq everything up to here is in `items`
 * @property {boolean} ready the catch-up is over, so the next stored envelope must be `seq + 1`
 */

/** @returns {State} the empty transcript, known up to `seq` */
export function initial(seq = 0) {
  return { items: new Map(), order: [], seq, ready: false };
}

/** Say that a new connection begins: items come whole, in seq order but with holes, until `markReady`. */
export function beginCatchUp(state) {
  state.ready = false;
}

/**
 * The server has sent all that changed since we asked: it stands at `seq`.
 * @returns {boolean} false when we know more than the server has (its data was put back): start again from nothing
 */
export function markReady(state, seq) {
  if (seq < state.seq) return false;
  state.seq = seq;
  state.ready = true;
  return true;
}

/** Take in a page of history: items whole, in any order; never moves `state.seq`. @returns {Change} */
export function takeHistory(state, envelopes) {
  const change = nothing();
  for (const envelope of envelopes) if (isStored(envelope)) put(state, envelope, change);
  return change;
}

/**
 * @typedef {object} Change what a frame did
 * @property {Set<string>} added ids of new items
 * @property {Set<string>} replaced ids of items that are another whole now
 * @property {Map<string, string>} grown id -> the text that was appended
 * @property {object[]} passing envelopes that are not stored
 * @property {boolean} broken something is missing: reconnect from `state.seq`; the rest of the frame was not applied
 */

/** Take in a live frame's envelopes, in order. @returns {Change} */
export function take(state, envelopes) {
  const change = nothing();
  for (const envelope of envelopes) {
    if (!isStored(envelope)) {
      change.passing.push(envelope);
      continue;
    }
    if (envelope.seq <= state.seq) {
      // Seen already, or older than what history gave us; a whole item may still be one that we have not.
      if (envelope.data.payload?.delta === undefined) put(state, envelope, change);
      continue;
    }
    if (state.ready && envelope.seq !== state.seq + 1) {
      change.broken = true;
      return change;
    }
    const fits = envelope.data.payload?.delta === undefined ? put(state, envelope, change) : grow(state, envelope, change);
    if (!fits) {
      change.broken = true;
      return change;
    }
    state.seq = envelope.seq;
  }
  return change;
}

function nothing() {
  return { added: new Set(), replaced: new Set(), grown: new Map(), passing: [], broken: false };
}

const isStored = (envelope) => envelope.seq !== null && envelope.seq !== undefined && Boolean(envelope.data?.item_id);

/** Code points, as `payload.offset` counts them: a character outside the basic plane is one, not two. */
export function codePoints(text) {
  let length = text.length;
  for (let i = 0; i < text.length - 1; i += 1) {
    const unit = text.charCodeAt(i);
    if (unit >= 0xd800 && unit <= 0xdbff) {
      const next = text.charCodeAt(i + 1);
      if (next >= 0xdc00 && next <= 0xdfff) {
        length -= 1;
        i += 1;
      }
    }
  }
  return length;
}

function put(state, { seq, event, data }, change) {
  const known = state.items.get(data.item_id);
  if (known && known.seq >= seq) return true;
  const payload = data.payload ?? {};
  const item = {
    id: data.item_id,
    position: data.position,
    seq,
    event,
    role: data.role ?? null,
    agent_name: data.agent_name ?? null,
    thread_id: data.thread_id ?? null,
    task_id: data.task_id ?? null,
    run_id: data.run_id ?? null,
    payload,
    metadata: data.metadata ?? {},
    created_at: data.created_at,
    length: typeof payload.content === "string" ? codePoints(payload.content) : 0,
  };
  state.items.set(item.id, item);
  if (known) {
    state.order[indexOf(state, known.position)] = item;
    change.grown.delete(item.id);
    if (!change.added.has(item.id)) change.replaced.add(item.id);
  } else {
    state.order.splice(indexOf(state, item.position), 0, item);
    change.added.add(item.id);
  }
  return true;
}

function grow(state, { seq, event, data }, change) {
  const item = state.items.get(data.item_id);
  const { delta, offset, ...rest } = data.payload;
  if (!item) {
    // The first envelope of an item carries the whole; a delta that begins at nothing is one too.
    if (offset !== 0) return false;
    return put(state, { seq, event, data: { ...data, payload: { ...rest, content: delta } } }, change);
  }
  if (offset !== item.length) return false;
  item.payload.content = (item.payload.content ?? "") + delta;
  item.length += codePoints(delta);
  item.seq = seq;
  item.event = event;
  if (!change.added.has(item.id) && !change.replaced.has(item.id)) {
    change.grown.set(item.id, (change.grown.get(item.id) ?? "") + delta);
  }
  return true;
}

/** Where `position` stands, or would stand, in `state.order`. */
export function indexOf(state, position) {
  const { order } = state;
  let low = 0;
  let high = order.length;
  if (high && order[high - 1].position < position) return high;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (order[middle].position < position) low = middle + 1;
    else high = middle;
  }
  return low;
}
