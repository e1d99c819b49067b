// settle-ops.ts: settling and mending, as ops.

import type { HeldRange } from '../store.ts'
import type { Connection } from './connection.ts'
import { Holds } from './holds.ts'
import { type Answer, writing } from './op.ts'
import { sceneOf } from './scene.ts'
import { discardAll, held, retryAll, type Settle, settleAll, trim } from './settle.ts'

export interface Failing {
  readonly queue: number
  readonly id: number
  readonly attempt: number
  readonly enqueued: number
  readonly reason: string
  readonly priority: number | null
  readonly key: string | null
}

export interface Extending {
  readonly queue: number
  readonly now: number
  readonly owner: number
  readonly ids: readonly HeldRange[]
  readonly deadline: number | null
}

export interface Trimming {
  readonly queue: number
  /** Acknowledged items to keep. */
  readonly keep: number
}

export const settleOps = {
  'queue.settle': writing((connection: Connection, args: Settle): Answer<null> => {
    const scene = sceneOf(connection, args.queue)
    const holds = new Holds(scene, args.owner)
    settleAll(scene, args, holds)
    holds.write()
    return { value: null }
  }),

  'queue.trim': writing((connection: Connection, { queue, keep }: Trimming): Answer<null> => {
    const scene = sceneOf(connection, queue)
    trim(scene, scene.sums(), keep)
    return { value: null }
  }),

  'queue.extend': writing((connection: Connection, { queue, now, owner, ids, deadline }: Extending): Answer<null> => {
    const scene = sceneOf(connection, queue)
    for (const range of ids) {
      const { count, timed } = held(scene, { owner, now }, range)
      scene.run('UPDATE $flying SET due = ? WHERE id BETWEEN ? AND ?', deadline, range.from, range.to)
      scene.change({ timed: (deadline === null ? 0 : count) - timed })
    }
    return { value: null }
  }),

  /** Sets aside an item that was popped. */
  'queue.fail': writing((connection: Connection, failing: Failing, [payload]) => {
    const { queue, id, attempt, enqueued, reason, priority, key } = failing
    const scene = sceneOf(connection, queue)
    const sql =
      'INSERT INTO $failed (id, attempt, enqueued, priority, key, reason, payload) VALUES (?, ?, ?, ?, ?, ?, ?)'
    scene.run(sql, id, attempt, enqueued, priority, key, reason, payload ?? null)
    scene.change({ failed: 1 })
    return { value: null }
  }),

  'queue.retry': writing((connection: Connection, { queue, ids }: Chosen): Answer<number> => {
    return { value: retryAll(sceneOf(connection, queue), ids) }
  }),

  'queue.discard': writing((connection: Connection, { queue, ids }: Chosen): Answer<number> => {
    return { value: discardAll(sceneOf(connection, queue), ids) }
  }),
}

export interface Chosen {
  readonly queue: number
  readonly ids: readonly number[] | undefined
}
