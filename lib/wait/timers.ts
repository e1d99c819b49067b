// timers.ts: the timers and clocks of the process as they were when this module was loaded. A test runner puts its own in
// their place (and forgets some): what a queue waits for would never come, or a callback be lost for ever. So nothing in
// the library takes them from anywhere else (spec/wait/timers.spec.ts looks).

export const { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, clearImmediate, queueMicrotask } =
  globalThis
export const nextTick: typeof process.nextTick = process.nextTick.bind(process)

/** Milliseconds since 1970, by a clock that anybody may set. */
export const wall: () => number = Date.now.bind(Date)

/** Milliseconds from any start, never going back. */
export const elapsed: () => number = performance.now.bind(performance)
