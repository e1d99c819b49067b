// A process of its own: it listens for warnings.

import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { describe, it } from 'node:test'
import { AsyncQueue } from '../../lib/index.ts'
import { onAbort } from '../../lib/wait/aborts.ts'
import { pause } from '../../lib/wait/pause.ts'

const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length

describe('the queue, while many wait with one signal,', () => {
  it('listens to it once, and not at all when nobody waits any more', async () => {
    const queue = await AsyncQueue.open<number>('memory:')
    const { signal } = new AbortController()
    const gets = Array.from({ length: 20 }, () => queue.get({ signal }))
    assert.equal(listeners(signal), 1)
    await queue.putMany(gets.map((_, i) => i))
    assert.equal((await Promise.all(gets)).length, 20)
    assert.equal(listeners(signal), 0)
    await queue.close()
  })

  it('tells all of them that it aborted, but those who left', () => {
    const controller = new AbortController()
    const told: string[] = []
    onAbort(controller.signal, () => told.push('one'))
    const leave = onAbort(controller.signal, () => told.push('other'))
    onAbort(controller.signal, () => told.push('third'))
    leave()
    leave()
    controller.abort()
    assert.deepEqual(told, ['one', 'third'])
  })

  it('listens no more once a pause is over', async () => {
    const { signal } = new AbortController()
    await pause(0, signal)
    assert.equal(listeners(signal), 0)
  })

  it('hears of no leak where many handlers are at work, or wait to try again', async () => {
    const warnings: Error[] = []
    const warn = (warning: Error): number => warnings.push(warning)
    process.on('warning', warn)
    const queue = await AsyncQueue.open<number>('memory:')
    await queue.putMany(Array.from({ length: 30 }, (_, i) => i))
    let atWork = 0
    let begin = (): void => {}
    const begun = new Promise<void>((resolve) => {
      begin = resolve
    })
    const handler = async (_: number[], { attempt }: { readonly attempt: number }): Promise<void> => {
      if (++atWork === 30) begin()
      await begun
      if (attempt === 1) throw new Error('once more')
    }
    const done = await queue.consume(handler, { concurrency: 30, wait: false, retry: { attempts: 2, minDelay: 1 } })
    assert.deepEqual([done.acked, done.retried], [30, 30])
    await new Promise((resolve) => setImmediate(resolve))
    process.off('warning', warn)
    assert.deepEqual(warnings, [])
    await queue.close()
  })
})
