import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Line } from '../../lib/wait/line.ts'
import { Parked } from '../../lib/wait/parked.ts'
import { fate, turns } from '../queue/place.ts'
import { ManualClock } from './manual-clock.ts'

const unattended = { arrived() {}, unserved() {}, departed() {} }

/** A line at a counter that has some things to give. */
class Counter {
  readonly clock = new ManualClock()
  readonly tried: string[] = []
  things: string[] = []
  waiting = 0
  readonly line = new Line({
    arrived: () => {
      this.waiting += 1
    },
    unserved() {},
    departed: () => {
      this.waiting -= 1
    },
  })

  park(name: string, limits: { signal?: AbortSignal; timeout?: number } = {}): Parked<string> {
    const attempt = async (): Promise<string | undefined> => {
      this.tried.push(name)
      return this.things.shift()
    }
    return new Parked(this.line, attempt, { clock: this.clock, expired: () => new Error('too late'), ...limits })
  }

  give(...things: string[]): void {
    this.things.push(...things)
    this.line.wake()
  }
}

describe('the queue, while callers wait,', () => {
  it('serves them in the order in which they came', async () => {
    const counter = new Counter()
    const parked = ['a', 'b', 'c'].map((name) => counter.park(name))
    counter.give('1', '2')
    assert.deepEqual(await Promise.all(parked.slice(0, 2).map(({ promise }) => promise)), ['1', '2'])
    assert.equal(await fate(Promise.resolve(parked[2]?.promise)), 'pending')
    counter.give('3')
    assert.equal(await parked[2]?.promise, '3')
    assert.equal(counter.waiting, 0)
  })

  it('tries only the first when something changes and that one finds nothing', async () => {
    const counter = new Counter()
    for (const name of ['a', 'b', 'c']) counter.park(name)
    await turns()
    counter.tried.length = 0
    counter.line.wake()
    await turns()
    assert.deepEqual(counter.tried, ['a'])
  })

  it('looks again when something changes while it looks', async () => {
    const counter = new Counter()
    let release = (): void => {}
    let tries = 0
    const attempt = async (): Promise<true | undefined> => {
      tries += 1
      if (tries === 1) await new Promise<void>((resolve) => (release = resolve))
      return tries > 1 ? true : undefined
    }
    const parked = new Parked(counter.line, attempt, { clock: counter.clock })
    counter.line.wake()
    release()
    assert.equal(await parked.promise, true)
    assert.equal(tries, 2)
  })

  it('tries those side by side that keep their order by themselves, until one waits in vain', async () => {
    const answers: ((answer: string | undefined) => void)[] = []
    const told: string[] = []
    const line = new Line(
      { arrived: () => told.push('+'), unserved() {}, departed: () => told.push('-') },
      { isOrdered: true },
    )
    const park = (): Parked<string> => {
      const attempt = () => new Promise<string | undefined>((resolve) => answers.push(resolve))
      return new Parked(line, attempt, { clock: new ManualClock() })
    }
    const [a, b, c] = [park(), park(), park()]
    assert.equal(answers.length, 3)
    assert.equal(line.length, 0)
    answers[0]?.('a')
    answers[1]?.(undefined)
    assert.equal(await a.promise, 'a')
    await turns()
    const d = park()
    line.wake()
    await turns()
    // One in front of it waits, and nobody is tried before it is known who else does.
    assert.equal(answers.length, 3)
    answers[2]?.(undefined)
    for (const [parked, name] of [
      [b, 'b'],
      [c, 'c'],
      [d, 'd'],
    ] as const) {
      await turns()
      answers.at(-1)?.(name)
      assert.equal(await parked.promise, name)
    }
    assert.equal(answers.length, 6)
    assert.equal(line.length, 0)
    assert.equal(told.join(''), '+++---')
    void park()
    assert.equal(answers.length, 7)
  })

  it('lets a caller go after its time, and tries the next', async () => {
    const counter = new Counter()
    const first = counter.park('a', { timeout: 10 })
    const second = counter.park('b')
    await turns()
    counter.clock.pass(9)
    assert.equal(await fate(first.promise), 'pending')
    counter.clock.pass(1)
    await assert.rejects(first.promise, /too late/)
    counter.give('1')
    assert.equal(await second.promise, '1')
    assert.equal(counter.clock.pending, 0)
  })

  it('tries who is behind one that has gone, though nothing has changed', async () => {
    const counter = new Counter()
    const first = new Parked(counter.line, async () => undefined, {
      clock: counter.clock,
      timeout: 10,
      expired: () => new Error('too late'),
    })
    counter.things.push('1')
    const second = counter.park('b')
    await turns()
    assert.equal(await fate(second.promise), 'pending')
    counter.clock.pass(10)
    await assert.rejects(first.promise, /too late/)
    assert.equal(await fate(second.promise), 'resolved')
  })

  it('tries once who has no time left, behind one that is tried', async () => {
    const counter = new Counter()
    let release = (_answer: string | undefined): void => {}
    const slow = (): Promise<string | undefined> => new Promise((resolve) => (release = resolve))
    for (const answer of ['0', undefined]) {
      const first = new Parked(counter.line, slow, { clock: counter.clock })
      counter.things = ['1']
      const second = counter.park('b', { timeout: 0 })
      counter.clock.pass(1)
      assert.equal(await fate(second.promise), 'pending')
      release(answer)
      // Behind one that goes on waiting it has no turn.
      if (answer === undefined) {
        await turns()
        release(undefined)
        await assert.rejects(second.promise, /too late/)
        first.dismiss(new Error('over'))
        release(undefined)
        await assert.rejects(first.promise, /over/)
      } else assert.equal(await second.promise, '1')
    }
    assert.equal(counter.line.length, 0)
  })

  it('forgets its timer and its signal once it has answered', async () => {
    const counter = new Counter()
    const controller = new AbortController()
    const parked = counter.park('a', { timeout: 10, signal: controller.signal })
    counter.give('1')
    assert.equal(await parked.promise, '1')
    controller.abort()
    assert.equal(counter.clock.pending, 0)
    assert.equal(counter.line.length, 0)
  })

  it('gives to a caller what an attempt under way took for it, though it was told to stop meanwhile', async () => {
    const counter = new Counter()
    const controller = new AbortController()
    let take = (_: string | undefined): void => {}
    const attempt = (): Promise<string | undefined> => new Promise((resolve) => (take = resolve))
    const served = new Parked(counter.line, attempt, { clock: counter.clock, signal: controller.signal })
    controller.abort(new Error('stop'))
    assert.equal(await fate(served.promise), 'pending')
    take('1')
    assert.equal(await served.promise, '1')
  })

  it('rejects a caller that was told to stop, once its attempt has found nothing', async () => {
    const counter = new Counter()
    const controller = new AbortController()
    let take = (_: string | undefined): void => {}
    const attempt = (): Promise<string | undefined> => new Promise((resolve) => (take = resolve))
    const parked = new Parked(counter.line, attempt, { clock: counter.clock, signal: controller.signal })
    controller.abort(new Error('stop'))
    take(undefined)
    await assert.rejects(parked.promise, /stop/)
    await turns()
    assert.equal(counter.line.length, 0)
  })

  it('rejects with what an attempt throws, and goes on with the next', async () => {
    const counter = new Counter()
    const parked = new Parked(counter.line, () => Promise.reject(new Error('disk')), { clock: counter.clock })
    const next = counter.park('b')
    counter.give('1')
    await assert.rejects(parked.promise, /disk/)
    assert.equal(await next.promise, '1')
  })

  it('sends everyone away from a closed line, and who comes later too', async () => {
    const counter = new Counter()
    const before = [counter.park('a'), counter.park('b')]
    await turns()
    counter.line.close(new Error('closed'))
    const after = counter.park('c')
    for (const { promise } of [...before, after]) await assert.rejects(promise, /closed/)
    assert.equal(counter.waiting, 0)
  })

  it('tries once who comes to a closed line late, where attempts keep their order by themselves', async () => {
    const line = new Line(unattended, { isOrdered: true })
    line.close(new Error('closed'))
    const late = (answer: string | undefined) => new Parked(line, async () => answer, { clock: new ManualClock() })
    assert.equal(await late('in').promise, 'in')
    await assert.rejects(late(undefined).promise, /closed/)
    assert.equal(line.length, 0)
  })

  it('costs nothing to wake while nobody waits', () => {
    const line = new Line(unattended)
    line.wake()
    assert.equal(line.length, 0)
  })
})
