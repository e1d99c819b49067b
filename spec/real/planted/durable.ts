// durable.ts: what is known to be durable, what is told of bytes that don't hold, and what opening does.

import { type Bug, spec } from './bug.ts'

export const durable: readonly Bug[] = [
  {
    name: 'a queue that an older version has open is brought to the new format',
    file: 'log/upgrade.js',
    from: 'if (isOld && owners.isAnyAlive())',
    to: 'if (false)',
    layer: spec('log/upgrade'),
  },
  {
    name: 'the cursor of an older format is gone on with',
    file: 'log/journal.js',
    from: 'this.#hasGap || this.version < CURSOR_VERSION',
    to: 'this.#hasGap',
    layer: spec('log/upgrade'),
  },
]
