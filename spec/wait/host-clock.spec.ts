import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { dueTime, systemClock } from '../../lib/wait/clock.ts'
import { isUptimeKnown, parseOffsets, sleptFrom } from '../../lib/wait/host-clock.ts'

describe("the host's clock", () => {
  it('is the same in every time namespace: what that adds is taken away', () => {
    const offsets = parseOffsets('monotonic       100000 500000000\nboottime           -20         0\n')
    assert.deepEqual(offsets, { monotonicMs: 100_000_500, boottimeMs: -20_000 })
    assert.deepEqual(parseOffsets(''), { monotonicMs: 0, boottimeMs: 0 })
    // An uptime that goes on while the host sleeps: an hour more than it was awake.
    assert.equal(sleptFrom(4_580_000, 1_000_000, offsets), 3_600_000)
  })

  it('takes the noise of two looks for no sleep', () => {
    const none = parseOffsets('')
    assert.equal(sleptFrom(1_000_000, 1_000_009, none), 0)
    assert.equal(sleptFrom(1_000_300, 1_000_000, none), 0)
    assert.equal(sleptFrom(1_002_000, 1_000_000, none), 2000)
  })

  it('does not believe an uptime that is mounted over', () => {
    const usual = '23 28 0:21 / /proc rw,nosuid shared:12 - proc proc rw\n'
    const lxcfs = '310 309 0:55 /proc/uptime /proc/uptime rw,nosuid - fuse.lxcfs lxcfs rw,user_id=0\n'
    assert.equal(isUptimeKnown(usual), true)
    assert.equal(isUptimeKnown(usual + lxcfs), false)
  })

  it('never goes back, and is a whole number from monotonic time', () => {
    const before = [systemClock.now(), systemClock.monotonic(), dueTime(systemClock)]
    const after = [systemClock.now(), systemClock.monotonic(), dueTime(systemClock)]
    for (const [i, one] of before.entries()) assert.ok((after[i] ?? 0) >= one)
    const origin = systemClock.now() - systemClock.monotonic()
    assert.ok(Math.abs(origin - Math.round(origin)) < 1)
    // In the process that has just begun both say nearly the same.
    assert.ok(Math.abs(systemClock.now() + systemClock.slept() - Date.now()) < 60_000)
  })
})
