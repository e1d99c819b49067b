// random.ts: chance that can be repeated.

/** Numbers from 0 to 1, the same for the same seed everywhere (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** SPOOLQ_SEED, or another one each time. */
export function newSeed(): number {
  return Number(process.env.SPOOLQ_SEED ?? Date.now() % 2 ** 31)
}
