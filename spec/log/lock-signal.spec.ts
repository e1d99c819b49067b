// lock-signal.spec.ts: while somebody else holds a lock of the log, a signal ends each call that waits for it, with its
// reason and nothing lost; and who waits for more than a second hears who holds it.

import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { nodeDisk } from '../../lib/disk/node.ts'
import { AsyncQueue } from '../../lib/index.ts'
import { fate, turns } from '../queue/place.ts'
import { type Holding, PUTTING, stops, TAKING } from '../queue/waiting-calls.ts'

const scratch = await mkdtemp(join(tmpdir(), 'spoolq-lock-signal-'))
after(() => rm(scratch, { recursive: true, force: true }))

/** A queue of 1, 2, 3, of which another handle holds a lock. */
async function holding(name: string, lock: string, options = {}): Promise<Holding> {
  const location = join(scratch, name)
  const queue = await AsyncQueue.open<number>(location, options)
  await queue.putMany([1, 2, 3])
  const file = nodeDisk.open(join(location, lock), 'write')
  assert.ok(file.tryLock())
  return { queue, letGo: () => file.close() }
}

describe('log: a signal', () => {
  it('ends what waits for the lock of the cursor to take', async () => {
    const stopped = TAKING.map(async (call) => stops(await holding(`take ${call[0]}`, 'cursor.lock'), call))
    await Promise.all(stopped)
  })

  it('ends what waits for the lock to put', async () => {
    for (const call of PUTTING) {
      await stops(await holding(`put ${call[0]}`, 'append.lock'), call)
      await stops(await holding(`bounded ${call[0]}`, 'cursor.lock', { maxSize: 9 }), call)
    }
  })

  it('ends an attempt of a consumer, which resolves', async () => {
    const { queue, letGo } = await holding('consume', 'cursor.lock')
    const stop = new AbortController()
    const consumed = queue.consume(() => assert.fail('nothing was handed out'), { signal: stop.signal })
    assert.equal(await fate(consumed), 'pending')
    stop.abort()
    assert.equal((await consumed).delivered, 0)
    letGo()
    assert.deepEqual(await queue.pop(9), [1, 2, 3])
    await queue.close()
  })

  it('ends an opening, which leaves nothing behind', async () => {
    for (const lock of ['append.lock', 'cursor.lock']) {
      const { queue, letGo } = await holding(`open ${lock}`, lock)
      const stop = new AbortController()
      const reason = new Error('enough of opening')
      const opening = AsyncQueue.open(join(scratch, `open ${lock}`), { signal: stop.signal })
      assert.equal(await fate(opening), 'pending')
      stop.abort(reason)
      await assert.rejects(opening, (error) => error === reason)
      letGo()
      assert.deepEqual(await queue.pop(9), [1, 2, 3])
      await queue.close()
      const left = nodeDisk.list(join(scratch, `open ${lock}`, 'owners')).filter((name) => /^\d+$/.test(name))
      assert.deepEqual(left, [])
    }
  })

  it('takes out of a frame that others share what it ends, and nothing else', async () => {
    const { queue, letGo } = await holding('shared', 'append.lock')
    const stop = new AbortController()
    const ended = [4, 6, 8].map((item) => queue.put(item, { signal: stop.signal }).catch(() => 'ended'))
    const put = [5, 7].map((item) => queue.put(item))
    await turns(2)
    stop.abort()
    assert.deepEqual(await Promise.all(ended), ['ended', 'ended', 'ended'])
    letGo()
    await Promise.all(put)
    assert.deepEqual(await queue.pop(9), [1, 2, 3, 5, 7])
    await queue.close()
  })
})

describe('log: a lock that is waited for', () => {
  it('for longer than a second is told on a channel, with who holds it', async () => {
    const { queue, letGo } = await holding('told', 'cursor.lock')
    const told = new Promise((resolve) => {
      const listen = (message: unknown): void => {
        unsubscribe('spoolq:waiting', listen)
        resolve(message)
      }
      subscribe('spoolq:waiting', listen)
    })
    const popping = queue.pop(9)
    const { location, file, waited, holder } = (await told) as Record<string, unknown>
    letGo()
    assert.deepEqual(await popping, [1, 2, 3])
    assert.equal(location, join(scratch, 'told'))
    assert.match(String(file), /cursor\.lock$/)
    assert.ok(Number(waited) >= 1000, `${waited} ms`)
    // Where the kernel names who holds a lock (Linux), it is this process.
    if (process.platform === 'linux') assert.equal((holder as { pid: number }).pid, process.pid)
    await queue.close()
  })
})
