// consuming.ts: consume(handler, options).

import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { it } from 'node:test'
import { type AsyncQueue, type Delivery, QueueClosedError, type Retried } from '../../lib/index.ts'
import { fate, fresh, type MakePlace, numbers, turns, until } from './place.ts'

export function consuming(place: MakePlace): void {
  it('hands its items to a handler one by one, acknowledges them, and tells what it did', async () => {
    const queue = await fresh<number>(place)
    await queue.putMany(numbers(1, 5))
    const seen: unknown[] = []
    const { durationMs, ...summary } = await queue.consume(
      (items, { ids, attempt, signal }) => {
        assert.ok(!signal.aborted)
        seen.push([items, ids, attempt])
      },
      { wait: false },
    )
    assert.deepEqual(
      seen,
      numbers(1, 5).map((n) => [[n], [n], 1]),
    )
    assert.deepEqual(summary, { delivered: 5, acked: 5, retried: 0, failed: 0, batches: 5 })
    assert.ok(durationMs >= 0)
    assert.deepEqual(await queue.counts(), { ready: 0, delayed: 0, inFlight: 0, failed: 0, acked: 0 })
    assert.equal((await queue.stats()).taken, 5)
  })

  it('fills batches as far as it can, and waits for one to fill as long as it was told to', async () => {
    const queue = await fresh<number>(place)
    await queue.putMany(numbers(1, 5))
    const seen: number[][] = []
    await queue.consume((items) => seen.push(items), { batch: 2, wait: false })
    assert.deepEqual(seen.splice(0), [[1, 2], [3, 4], [5]])
    const stop = new AbortController()
    const consumed = queue.consume((items) => seen.push(items), { batch: 2, maxWait: 60_000, signal: stop.signal })
    await queue.put(6)
    await turns()
    assert.deepEqual(seen, [])
    await queue.put(7)
    await until(() => seen.length === 1)
    assert.deepEqual(seen, [[6, 7]])
    await queue.put(8)
    await until(async () => (await queue.counts()).inFlight === 1)
    stop.abort()
    assert.equal((await consumed).batches, 1)
    // Nobody has seen it.
    assert.deepEqual(
      (await queue.list()).map(({ id, attempt }) => [id, attempt]),
      [[8, 0]],
    )
  })

  it('runs as many handlers at once as it was told to, and no more', async () => {
    const queue = await fresh<number>(place)
    await queue.putMany(numbers(1, 9))
    const gates: (() => void)[] = []
    const handler = (): Promise<void> => new Promise((resolve) => gates.push(resolve))
    const consumed = queue.consume(handler, { concurrency: 3, wait: false })
    for (let done = 0; done < 9; done += 1) {
      await until(() => gates.length === Math.min(9, done + 3))
      await turns()
      assert.equal(gates.length, Math.min(9, done + 3))
      await until(async () => (await queue.counts()).inFlight === Math.min(3, 9 - done))
      gates[done]?.()
    }
    assert.equal((await consumed).acked, 9)
  })

  it('tries again what its handler throws at or rejects, the whole batch, decoded afresh', async () => {
    const queue = await fresh<{ n: number }>(place)
    await queue.putMany([{ n: 1 }, { n: 2 }, { n: 3 }])
    const seen: unknown[] = []
    const handler = (items: { n: number }[], { ids, attempt }: { ids: number[]; attempt: number }): unknown => {
      seen.push([items.map(({ n }) => n), [...ids], attempt])
      for (const item of items) item.n = 0
      ids.length = 0
      if (attempt === 1) throw new Error('at once')
      return attempt === 2 ? Promise.reject(new Error('later')) : undefined
    }
    const { durationMs, ...summary } = await queue.consume(handler, { batch: 2, wait: false, retry: { minDelay: 1 } })
    const both = [
      [1, 2],
      [1, 2],
    ]
    const one = [[3], [3]]
    assert.deepEqual(seen, [
      [...both, 1],
      [...both, 2],
      [...both, 3],
      [...one, 1],
      [...one, 2],
      [...one, 3],
    ])
    assert.deepEqual(summary, { delivered: 9, acked: 3, retried: 6, failed: 0, batches: 6 })
    assert.ok(durationMs > 0)
  })

  it('keeps a batch in flight that waits for its retry', async () => {
    const queue = await fresh<number>(place)
    await queue.put(1)
    const stop = new AbortController()
    const handler = (): never => {
      throw new Error('no')
    }
    const retry = { minDelay: 60_000, maxDelay: 60_000 }
    const consumed = queue.consume(handler, { retry, wait: false, signal: stop.signal })
    await until(async () => (await queue.counts()).inFlight === 1)
    assert.equal(await fate(consumed), 'pending')
    assert.equal((await queue.counts()).inFlight, 1)
    stop.abort()
    const { durationMs, ...summary } = await consumed
    assert.deepEqual(summary, { delivered: 1, acked: 0, retried: 0, failed: 0, batches: 1 })
    // The signal does not wait out the back-off.
    assert.ok(durationMs < 20_000)
    const [again] = await queue.list()
    assert.deepEqual([again?.id, again?.attempt], [1, 1])
  })

  it('sets a batch aside when its attempts are spent, by whichever limit is lower', async () => {
    for (const [attempts, maxAttempts] of [
      [2, undefined],
      [undefined, 2],
      [2, 5],
      [5, 2],
    ]) {
      const queue = await fresh<number>(place, { maxAttempts })
      await queue.putMany([1, 2, 3])
      const handler = (items: number[]): void => {
        if (items.includes(1)) throw new Error('poison')
      }
      const options = { batch: 2, wait: false, retry: { attempts, minDelay: 1 } }
      const { durationMs, ...summary } = await queue.consume(handler, options)
      assert.deepEqual(summary, { delivered: 5, acked: 1, retried: 2, failed: 2, batches: 3 })
      const failed = await queue.list({ status: 'failed' })
      assert.deepEqual(
        failed.map(({ id, attempt, reason }) => [id, attempt, reason]),
        [
          [1, 2, 'all 2 attempts spent: poison'],
          [2, 2, 'all 2 attempts spent: poison'],
        ],
      )
    }
  })

  it('gives up on a handler that takes too long, and tells it', async () => {
    const queue = await fresh<number>(place)
    await queue.put(1)
    const reasons: unknown[] = []
    const finish: (() => void)[] = []
    const handler = (_: number[], { signal }: { signal: AbortSignal }): Promise<void> => {
      signal.addEventListener('abort', () => reasons.push(signal.reason))
      return new Promise((resolve) => finish.push(resolve))
    }
    const retry = { attempts: 2, minDelay: 1 }
    const { durationMs, ...summary } = await queue.consume(handler, { timeout: 5, retry, wait: false })
    assert.deepEqual(summary, { delivered: 2, acked: 0, retried: 1, failed: 1, batches: 2 })
    assert.deepEqual(
      reasons.map((reason) => reason instanceof DOMException && reason.name),
      ['TimeoutError', 'TimeoutError'],
    )
    // What comes late changes nothing.
    for (const resolve of finish) resolve()
    await turns()
    const [failed] = await queue.list({ status: 'failed' })
    assert.match(failed?.reason ?? '', /2 attempts.* 5 ms/)
  })

  it('stops gracefully: handlers at work finish and are acknowledged, nothing new is handed out', async () => {
    const queue = await fresh<number>(place)
    await queue.putMany(numbers(1, 5))
    const stop = new AbortController()
    const gates: (() => void)[] = []
    const handler = (_: number[], { signal }: { signal: AbortSignal }): Promise<boolean> => {
      return new Promise((resolve) => gates.push(() => resolve(signal.aborted)))
    }
    const consumed = queue.consume(handler, { concurrency: 2, signal: stop.signal })
    await until(() => gates.length === 2)
    stop.abort(new Error('enough'))
    assert.equal(await fate(consumed), 'pending')
    for (const open of gates) open()
    const { durationMs, ...summary } = await consumed
    assert.deepEqual(summary, { delivered: 2, acked: 2, retried: 0, failed: 0, batches: 2 })
    assert.deepEqual(
      (await queue.list()).map(({ id, attempt }) => [id, attempt]),
      [
        [3, 0],
        [4, 0],
        [5, 0],
      ],
    )
  })

  it('gives back what fails after the stop, and sets aside what was at its last attempt', async () => {
    const queue = await fresh<number>(place)
    await queue.put(1)
    for (const [attempts, expected] of [
      [5, { ready: 1, failed: 0 }],
      [2, { ready: 0, failed: 1 }],
    ] as const) {
      const stop = new AbortController()
      const handler = (): Promise<never> => {
        stop.abort()
        return turns().then(() => Promise.reject(new Error('late')))
      }
      await queue.consume(handler, { signal: stop.signal, retry: { attempts } })
      const { ready, failed } = await queue.counts()
      assert.deepEqual({ ready, failed }, expected)
    }
  })

  it('hands out nothing where the signal has aborted before', async () => {
    const queue = await fresh<number>(place)
    await queue.put(1)
    const { durationMs, ...summary } = await queue.consume(() => assert.fail(), { signal: AbortSignal.abort() })
    assert.deepEqual(summary, { delivered: 0, acked: 0, retried: 0, failed: 0, batches: 0 })
    assert.equal((await queue.list())[0]?.attempt, 0)
  })

  it('ends when it closes: it gives back what is unsettled, and tells the handlers at work', async () => {
    const where = await place()
    const [queue, other] = [await where.open<number>(), await where.open<number>()]
    await queue.putMany([1, 2])
    const reasons: unknown[] = []
    let started = 0
    const handler = (_: number[], { signal }: { signal: AbortSignal }): Promise<void> => {
      started += 1
      return new Promise(() => signal.addEventListener('abort', () => reasons.push(signal.reason)))
    }
    const consumed = queue.consume(handler)
    await until(() => started === 1)
    await turns()
    await queue.close({ grace: 0 })
    assert.equal((await consumed).acked, 0)
    assert.ok(reasons[0] instanceof QueueClosedError)
    assert.deepEqual(
      (await other.list()).map(({ id, attempt }) => [id, attempt]),
      [
        [1, 0],
        [2, 0],
      ],
    )
  })

  it('looks once more for items when its handlers have finished, before it ends', async () => {
    const queue = await fresh<number>(place)
    await queue.put(1)
    const seen: number[] = []
    const handler = async (items: number[]): Promise<void> => {
      seen.push(...items)
      await turns()
      if (seen.length < 4) await queue.put(seen.length + 1)
    }
    await queue.consume(handler, { wait: false, concurrency: 3 })
    assert.deepEqual(seen, [1, 2, 3, 4])
  })

  it('ends once the writing side has ended and nothing is ready', async () => {
    const queue = await fresh<number>(place)
    await queue.putMany([1, 2])
    const seen: number[] = []
    const consumed = queue.consume((items) => seen.push(...items))
    await until(() => seen.length === 2)
    queue.end()
    assert.equal((await consumed).acked, 2)
  })

  it('does not mix what comes again with what was put since', async () => {
    const where = await place()
    const [one, other] = [await where.open<number>(), await where.open<number>()]
    await one.putMany([1, 2, 3])
    for (const delivery of await one.lease(3)) await delivery.nack()
    await other.putMany([4, 5])
    const seen: unknown[] = []
    await other.consume((_, { ids, attempt }) => seen.push([ids, attempt]), { batch: 5, wait: false })
    assert.deepEqual(seen, [
      [[1, 2, 3], 2],
      [[4, 5], 1],
    ])
  })

  it('leaves a batch to others whose lease was over before its handler', async () => {
    const where = await place()
    const [queue, other] = [await where.open<number>({ leaseTimeout: 200 }), await where.open<number>()]
    await queue.put(1)
    let again: Delivery<number> | undefined
    const stop = new AbortController()
    const handler = async ([item]: number[]): Promise<void> => {
      if (item !== 1) return stop.abort()
      await until(async () => {
        again = await other.lease()
        return again !== undefined
      })
      await other.put(2)
    }
    const { durationMs, acked, ...summary } = await queue.consume(handler, { signal: stop.signal })
    assert.deepEqual(summary, { delivered: 2, retried: 0, failed: 0, batches: 2 })
    // On a slow machine the lease of the second may be over too.
    assert.ok(acked <= 1)
    assert.deepEqual([again?.item, again?.attempt], [1, 2])
    await again?.ack()
  })

  telling(place)

  it('refuses wrong options of a consume', async () => {
    const queue = await fresh<number>(place)
    const wrong = (options: object): Promise<unknown> => queue.consume(() => {}, options)
    await assert.rejects(queue.consume('handler' as never), TypeError)
    for (const options of [{ size: 1 }, { retry: 3 }, { retry: { times: 1 } }, { signal: {} }, { wait: 1 }]) {
      await assert.rejects(wrong(options), TypeError)
    }
    const outside = [{ batch: 0 }, { batch: 1.5 }, { concurrency: 0 }, { maxWait: -1 }, { timeout: 0 }, { timeout: -1 }]
    const retries = [{ attempts: 0 }, { minDelay: -1 }, { factor: 0.5 }, { maxDelay: -1 }].map((retry) => ({ retry }))
    for (const options of [...outside, ...retries]) await assert.rejects(wrong(options), RangeError)
  })
}

const retry = { minDelay: 1, maxDelay: 1 }

/** Consumes all there is in batches of two; each batch fails so many times. */
async function failing(queue: AsyncQueue<number>, times: number): Promise<unknown> {
  const handler = (_items: number[], context: { ids: number[]; attempt: number }): void => {
    context.ids.length = 0
    if (context.attempt <= times) throw new Error(`failed ${context.attempt}`)
  }
  const { durationMs, ...summary } = await queue.consume(handler, { batch: 2, wait: false, retry })
  return summary
}

/** Runs with the warnings of the process of failed batches. */
async function told(run: (warnings: readonly Error[]) => Promise<void>): Promise<void> {
  const warnings: Error[] = []
  const warn = (warning: Error & { code?: string }): void => {
    if (warning.code === 'SPOOLQ_RETRY') warnings.push(warning)
  }
  process.on('warning', warn)
  try {
    await run(warnings)
  } finally {
    process.off('warning', warn)
  }
}

export function telling(place: MakePlace): void {
  it("emits 'retry' for each failed try of a batch, and publishes it on spoolq:retry", async () => {
    const queue = await fresh<number>(place)
    const [events, channel]: [Retried[], unknown[]] = [[], []]
    const hear = (report: unknown): void => {
      channel.push(report)
    }
    queue.on('retry', (report: Retried) => events.push(report))
    subscribe('spoolq:retry', hear)
    await queue.putMany([1, 2, 3])
    assert.deepEqual(await failing(queue, 2), { delivered: 9, acked: 3, retried: 6, failed: 0, batches: 6 })
    await turns()
    unsubscribe('spoolq:retry', hear)
    const expected = [
      [[1, 2], 1, 'failed 1'],
      [[1, 2], 2, 'failed 2'],
      [[3], 1, 'failed 1'],
      [[3], 2, 'failed 2'],
    ]
    const shown = events.map(({ ids, attempt, error }) => [ids, attempt, error instanceof Error && error.message])
    assert.deepEqual(shown, expected)
    for (const { delayMs } of events) assert.ok(delayMs >= 0 && delayMs <= 1)
    const [{ location }] = channel as [{ location: string }]
    assert.equal(typeof location, 'string')
    assert.deepEqual(
      channel,
      events.map((event) => ({ location, ...event })),
    )
  })

  it("keeps consuming when a listener of 'retry' throws", async () => {
    const queue = await fresh<number>(place)
    const thrown: unknown[] = []
    process.setUncaughtExceptionCaptureCallback((error) => thrown.push(error))
    try {
      queue.on('retry', () => {
        throw 'from the listener'
      })
      await queue.putMany([1, 2])
      assert.deepEqual(await failing(queue, 3), { delivered: 8, acked: 2, retried: 6, failed: 0, batches: 4 })
      await turns()
    } finally {
      process.setUncaughtExceptionCaptureCallback(null)
    }
    assert.deepEqual(thrown, ['from the listener', 'from the listener', 'from the listener'])
  })

  it("warns once for a handle of a batch that failed three times while nobody listens to 'retry'", async () => {
    await told(async (warnings) => {
      const where = await place()
      const queue = await where.open<number>()
      await queue.putMany([1, 2, 3, 4])
      await failing(queue, 2)
      await turns()
      assert.deepEqual(warnings, [])
      await queue.putMany([1, 2, 3, 4])
      await failing(queue, 4)
      await queue.put(5)
      await failing(queue, 4)
      await turns()
      assert.equal(warnings.length, 1)
      assert.match(String(warnings[0]), /failed 3 times.*failed 3.*'retry'.*attempts/)
      const other = await where.open<number>()
      await other.put(6)
      await failing(other, 3)
      await turns()
      assert.equal(warnings.length, 2)
    })
  })

  it("warns of no failed batch where somebody listens to 'retry' or spoolq:retry", async () => {
    await told(async (warnings) => {
      const hear = (): void => {}
      const queue = await fresh<number>(place)
      queue.on('retry', hear)
      await queue.put(1)
      await failing(queue, 4)
      queue.off('retry', hear)
      subscribe('spoolq:retry', hear)
      await queue.put(2)
      await failing(queue, 4)
      unsubscribe('spoolq:retry', hear)
      await turns()
      assert.deepEqual(warnings, [])
    })
  })
}
