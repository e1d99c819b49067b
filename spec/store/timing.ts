// timing.ts: leases and delays while the wall clock jumps, in several handles whose clocks are of one host, and after a reboot.

import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Store } from '../../lib/store.ts'
import { type Clock, dueTime } from '../../lib/wait/clock.ts'
import { ManualClock } from '../wait/manual-clock.ts'

const HOUR = 3_600_000

/** A fresh queue each, opened by a handle with that clock, in a boot of that name. */
export type MakeTimed = () => Promise<{ readonly open: (clock: Clock, boot: string) => Promise<Store> }>

const document = (text: string) => ({ bytes: Buffer.from(text), count: 1 })

function textsOf(pieces: Awaited<ReturnType<Store['pop']>>): string[] {
  return pieces.map(({ document: { bytes } }) => Buffer.from(bytes).toString())
}

/** Delayed by so much. */
function later(store: Store, clock: Clock, ms: number): { readonly due: number } {
  return { due: Math.ceil(dueTime(store.clock ?? clock) + ms) }
}

function until(store: Store, clock: Clock, ms: number): { readonly deadline: number } {
  return { deadline: Math.ceil((store.clock ?? clock).now() + ms) }
}

export function timing(make: MakeTimed): void {
  for (const [way, jump] of [
    ['forward', 5 * HOUR],
    ['back', -5 * HOUR],
  ] as const) {
    it(`keeps leases and delays when the wall clock jumps ${way}`, async () => {
      const clock = new ManualClock()
      const store = await (await make()).open(clock, 'one')
      await store.append([document('held')])
      await store.lease(1, [], until(store, clock, HOUR))
      await store.append([document('late')], later(store, clock, HOUR))
      clock.set += jump
      await store.append([document('later')], later(store, clock, 2 * HOUR))
      clock.pass(HOUR - 1)
      assert.deepEqual(textsOf(await store.peek(9)), [])
      clock.set -= 2 * jump
      assert.deepEqual(textsOf(await store.peek(9)), [])
      clock.pass(1)
      assert.deepEqual(textsOf(await store.pop(9)), ['held', 'late'])
      clock.pass(HOUR)
      assert.deepEqual(textsOf(await store.pop(9)), ['later'])
      await store.close()
    })
  }

  it('lets delays go on while the host sleeps, and leases not', async () => {
    const clock = new ManualClock()
    const store = await (await make()).open(clock, 'one')
    await store.append([document('held')])
    await store.lease(1, [], until(store, clock, HOUR))
    await store.append([document('late')], later(store, clock, HOUR))
    clock.asleep += HOUR
    assert.deepEqual(textsOf(await store.pop(9)), ['late'])
    clock.pass(HOUR)
    assert.deepEqual(textsOf(await store.pop(9)), ['held'])
    await store.close()
  })

  it('has one clock in all handles of a host, whatever the wall clock said when they were opened', async () => {
    const { open } = await make()
    const clock = new ManualClock()
    const first = await open(clock, 'one')
    clock.set += 5 * HOUR
    const second = await open(clock, 'one')
    await first.append([document('held'), document('late')])
    await first.lease(1, [], until(first, clock, HOUR))
    const [late] = await second.lease(1, [], until(second, clock, HOUR))
    assert.ok(late)
    const ids = [{ from: late.firstId, to: late.firstId, attempt: late.attempt }]
    await second.settle([{ outcome: 'back', ids, counted: true, ...later(second, clock, HOUR) }])
    clock.pass(HOUR - 1)
    for (const store of [first, second]) assert.deepEqual(textsOf(await store.peek(9)), [])
    clock.pass(1)
    for (const store of [second, first]) assert.deepEqual(textsOf(await store.peek(9)), ['held', 'late'])
    for (const store of [first, second]) await store.close()
  })
}

/** Of stores that outlive their host. */
export function rebooting(make: MakeTimed): void {
  it('goes by the wall clock after a reboot, also where that was set before', async () => {
    const { open } = await make()
    const clock = new ManualClock()
    const first = await open(clock, 'one')
    await first.append([document('late')], later(first, clock, HOUR))
    await first.append([document('later')], later(first, clock, 2 * HOUR))
    await first.append([document('held')])
    // Set right before it is told anything else: whoever looks next records it.
    clock.set += 100 * HOUR
    await first.lease(1, [], until(first, clock, 3 * HOUR))
    await first.counts()
    await first.close()
    const rebooted = new ManualClock()
    rebooted.set = 101 * HOUR - 1
    const second = await open(rebooted, 'two')
    assert.deepEqual(textsOf(await second.pop(9)), ['held'])
    rebooted.pass(1)
    assert.deepEqual(textsOf(await second.pop(9)), ['late'])
    // In this boot it may jump again.
    rebooted.set += 100 * HOUR
    rebooted.pass(HOUR - 1)
    assert.deepEqual(textsOf(await second.pop(9)), [])
    rebooted.pass(1)
    assert.deepEqual(textsOf(await second.pop(9)), ['later'])
    await second.close()
  })
}
