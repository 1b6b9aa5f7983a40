// The little that the tests of modules need: named tests, and equality that says what differs.
export const tests = new Map();

/** Declare a test; its name is a sentence. */
export function test(name, body) {
  if (tests.has(name)) throw new Error(`two tests are called “${name}”`);
  tests.set(name, body);
}

export function equal(found, wanted, about = "") {
  const a = JSON.stringify(found);
  const b = JSON.stringify(wanted);
  if (a !== b) throw new Error(`${about} found ${a}, wanted ${b}`);
}

export function ok(condition, about) {
  if (!condition) throw new Error(about);
}

/** Run all; resolves to {name: error or null}. */
export async function run() {
  const results = {};
  for (const [name, body] of tests) {
    try {
      await body();
      results[name] = null;
    } catch (error) {
      results[name] = String(error.stack ?? error);
    }
  }
  return results;
}
