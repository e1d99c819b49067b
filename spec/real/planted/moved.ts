// moved.ts: items that get new ids, at the back or when they are retried.

import { type Bug, spec, states } from './bug.ts'

export const moved: readonly Bug[] = [
  {
    name: 'what goes to the back is settled before it is durable there',
    file: 'log/appender.js',
    from: 'await this.#makeDurable(written);\n        try',
    to: 'try',
    layer: states('wide', '3T'),
  },
  {
    name: "with 'os' what is retried is settled before it is durable",
    file: 'log/appender.js',
    from: 'await this.#makeDurable(written);\n        try',
    to: `if (this.#parts.durability === 'disk') await this.#makeDurable(written);\n        try`,
    layer: states('wide-os', '3oFR'),
  },
  {
    name: 'whoever meets what was sent to the back settles the old one at once',
    file: 'log/unrecorded.js',
    from: '!isOwn && log.isDurable(segment, frame.next) &&',
    to: '!isOwn &&',
    layer: spec('log/moved'),
  },
  {
    name: 'what was sent to the back and refused replaces the old one all the same',
    file: 'log/unrecorded.js',
    from: ' && !isWithdrawn(frame, state)',
    to: '',
    layer: spec('log/moved'),
  },
  {
    name: 'what another process has made durable is refused',
    file: 'log/appender.js',
    from: 'records: isKept ? [] :',
    to: 'records:',
    layer: spec('log/moved'),
  },
  {
    name: 'what is on its way to the back may be settled once more',
    file: 'log/settler.js',
    from: 'this.#isReplaced(state, id, Math.min(run.to, to)) ||',
    to: '',
    layer: spec('log/moved'),
  },
  {
    name: 'opening leaves what was on its way to the back',
    file: 'log/opening.js',
    from: 'if (log.unrecorded.length > 0)',
    to: 'if (false)',
    layer: spec('log/moved'),
  },
  {
    name: 'a power cut that took the word of a failure leaves the item beside its retry',
    file: 'log/unrecorded.js',
    from: 'if (live.length > 0)',
    to: 'if (live.length > 0 && !retried)',
    layer: states('wide-os', '3oFR'),
  },
]
