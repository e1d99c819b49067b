// durable.ts: what is known to be durable, what is told of bytes that don't hold, and what opening does.

import { type Bug, spec, states } from './bug.ts'

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
  {
    name: 'a sync that ended tells nobody',
    file: 'log/synced-log.js',
    from: 'this.ownSynced = { position, nextId };\n        this.onSynced();',
    to: ';',
    layer: spec('log/synced'),
  },
  {
    name: 'a sync counts for what was written before its descriptor was there',
    file: 'log/segment-file.js',
    from: 'this.#file = file;\n        this.heardFrom = Infinity;',
    to: 'this.#file = file;\n        this.heardFrom = 0;',
    layer: spec('log/synced'),
  },
  {
    name: 'a void holds synced-to up for ever',
    file: 'log/synced-log.js',
    from: 'if (each.segment === segment.base && each.from <= end)',
    to: 'if (false)',
    layer: spec('log/synced'),
  },
  {
    name: "with 'os' a sealed segment is never synced",
    file: 'log/synced-records.js',
    from: 'if (state.runs.live(segment.base, segment.nextId - 1) > 0)',
    to: 'if (false)',
    layer: spec('log/synced'),
  },
  {
    name: "with 'os' what is settled already is synced all the same",
    file: 'log/synced-records.js',
    from: 'if (state.runs.live(segment.base, segment.nextId - 1) > 0)',
    to: 'if (true)',
    layer: spec('log/synced'),
  },
  {
    name: 'a handle records what others told it',
    file: 'log/synced-log.js',
    from: 'if (isBefore(this.#syncedTo, position))\n            this.#syncedTo = position;',
    to: 'if (isBefore(this.#syncedTo, position)) {\n            this.#syncedTo = position;\n            this.ownSynced = { position, nextId: 1 };\n            this.onSynced();\n        }',
    layer: spec('log/synced'),
  },
  {
    name: 'what is missing in the boot that wrote it is not told',
    file: 'log/classify.js',
    from: `return wasCut ? 'crash' : 'missing'`,
    to: `return 'crash'`,
    layer: spec('log/classify'),
  },
  {
    name: 'a live lock of another boot is no proof of one kernel',
    file: 'log/recovery.js',
    from: 'if (!living)',
    to: 'if (true)',
    layer: spec('log/synced'),
  },
  {
    name: 'two machines on one network mount open one queue',
    file: 'log/recovery.js',
    from: 'if (!log.world.disk.isShared(log.folder))',
    to: 'if (true)',
    layer: spec('log/synced'),
  },
  {
    name: 'opening trusts what a power cut left',
    file: 'log/recovery.js',
    from: 'const isFlat = !wasCut(state, boot) &&',
    to: 'const isFlat =',
    layer: states('os', 'BBBB BBB'),
  },
  {
    name: 'a last frame that is all there and rotted is taken for half written',
    file: 'log/scan.js',
    from: 'if (last && segment.base + last.relativeId >= segment.nextId)',
    to: 'if (false)',
    layer: spec('log/synced'),
  },
]
