// rest.spec.ts: who waits over MySQL asks at most four statements a second. They are counted on the wire, not timed.

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { WAYS } from '../../bench/rester.ts'
import { AsyncQueue } from '../../lib/index.ts'
import { CHECK } from '../layers.ts'
import { cut } from '../queue/place.ts'
import { Net } from './net.ts'
import { sharedPort, urlOf, withServer } from './server.ts'

const SECONDS = CHECK ? 10 : 2
/** Connections that were idle for ten seconds are asked whether they live; at first those that opening took, too. */
const PINGS = CHECK ? 11 : 3
/** A second at first it is asked more often. */
const SETTLE_MS = 1500

await withServer(() => {
  describe('the queue in a MySQL database that somebody waits on', () => {
    const undo: (() => unknown)[] = []
    after(async () => {
      for (const one of undo.reverse()) await one()
    })

    it('asks at most four statements a second, whatever is waited for', async () => {
      const counts = Object.entries(WAYS).map(async ([way, [wait, options]]) => {
        const net = await Net.start(await sharedPort())
        undo.push(() => net.stop())
        const queue = await AsyncQueue.open<number>(urlOf(net.port, `${way} ${randomUUID()}`), options)
        undo.push(() => cut(queue))
        Promise.resolve(wait(queue)).catch(() => {})
        await pause(SETTLE_MS)
        net.statements
        await pause(SECONDS * 1000)
        return { way, statements: net.statements }
      })
      for (const { way, statements } of await Promise.all(counts)) {
        assert.ok(statements.length > 0, `${way}: nobody asked`)
        assert.ok(
          statements.length <= 4 * SECONDS + PINGS,
          `${way}: ${statements.length} statements: ${statements.slice(0, 4)}`,
        )
      }
    })
  })
})
