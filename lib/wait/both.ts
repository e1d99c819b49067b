// both.ts: a promise for all that is under way, of which more and more begins.

/** Resolves when both have, and to nothing: `Promise.all` would hand on what it got from the one before, for ever. */
export async function both(before: Promise<unknown>, now: Promise<unknown>): Promise<void> {
  await Promise.all([before, now])
}
