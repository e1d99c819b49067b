// time.ts: clocks and timers.

import { type Bug, spec } from './bug.ts'

export const time: readonly Bug[] = [
  {
    name: 'leases and delays go by the wall clock',
    file: 'wait/host-time.js',
    from: 'return this.#clock.monotonic() + this.#origin;',
    to: 'return this.#clock.wall();',
    layer: spec('wait/host-time'),
  },
  {
    name: 'each handle has a time of its own',
    file: 'log/opening.js',
    from: 'time.adopt(cursor.state.time);',
    to: ';',
    layer: spec('wait/host-time'),
  },
  {
    name: 'SQLite: each handle has a time of its own',
    file: 'sqlite/opening.js',
    from: "time.adopt((await database.call('host.open', { boot, ...time.fresh() }, { within })).value);",
    to: "await database.call('host.open', { boot, ...time.fresh() }, { within });",
    layer: spec('wait/host-time'),
  },
  {
    name: 'the time of a boot that is over is taken for that of this one',
    file: 'log/recovery.js',
    from: 'return state.time.boot === boot ?',
    to: 'return state.time.boot !== 0 ?',
    layer: spec('wait/host-time'),
  },
  {
    name: 'SQLite: the time of a boot that is over is taken for that of this one',
    file: 'sqlite/time-ops.js',
    from: 'sameBoot(String(boot), args.boot)',
    to: 'true',
    layer: spec('wait/host-time'),
  },
  {
    name: 'that the wall clock was set is forgotten by the next boot',
    file: 'log/cursor-state.js',
    from: 'if (isNew && before !== 0)',
    to: 'if (false)',
    layer: spec('wait/host-time'),
  },
  {
    name: 'delays stand still while the host sleeps',
    file: 'wait/clock.js',
    from: 'return clock.now() + clock.slept();',
    to: 'return clock.now();',
    layer: spec('wait/host-time'),
  },
  {
    name: "a time namespace's offset is left in",
    file: 'wait/host-clock.js',
    from: 'uptimeMs - offsets.boottimeMs - monotonic',
    to: 'uptimeMs - monotonic',
    layer: spec('wait/host-clock'),
  },
  {
    name: 'a timer is looked up when it is used',
    file: 'wait/pause.js',
    from: "import { clearTimeout, setTimeout } from './timers.js';",
    to: '',
    layer: spec('wait/timers'),
  },
  {
    name: 'what waits in the buffers of a stream is not renewed',
    file: 'consume/renewing.js',
    from: 'if (isMoving && unseen.length + out.length > 0)',
    to: 'if (false)',
    layer: spec('consume/renewing'),
  },
  {
    name: 'what a sink works on is renewed too',
    file: 'consume/renewing.js',
    from: "state === 'out').slice(1)",
    to: "state === 'out')",
    layer: spec('consume/renewing'),
  },
  {
    name: 'what went back while it waited in a buffer is handed out all the same',
    file: 'consume/reading.js',
    from: "held?.state === 'settled'",
    to: 'false',
    layer: spec('consume/renewing'),
  },
  {
    name: 'a batch that waits for its retry is not held for so long',
    file: 'consume/consuming.js',
    from: 'await this.#extend(batch, delayMs + leaseTimeoutMs);',
    to: ';',
    layer: spec('consume/renewing'),
  },
  {
    name: 'a stream fails when an acknowledgement came too late',
    file: 'consume/settling.js',
    from: "if (one.outcome === 'ack')\n                    this.#core.publish(error);",
    to: "if (one.outcome === 'ack')\n                    throw error;",
    layer: spec('consume/failing'),
  },
]
