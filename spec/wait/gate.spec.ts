// gate.spec.ts: one run at a time, and nobody is told of a run that began before he asked.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Gate } from '../../lib/wait/gate.ts'

class Runs {
  readonly gate = new Gate(() => this.#run())
  begun = 0
  most = 0
  readonly #underWay: (() => void)[] = []

  #run(): Promise<void> {
    this.begun += 1
    return new Promise((resolve) => {
      this.#underWay.push(resolve)
      this.most = Math.max(this.most, this.#underWay.length)
    })
  }

  end(): void {
    this.#underWay.shift()?.()
  }
}

const TICKS = 12

describe('a gate', () => {
  for (let ticks = 0; ticks < TICKS; ticks++) {
    it(`begins no run beside another for who asks ${ticks} ticks after one has ended, for whom others wait`, async () => {
      const runs = new Runs()
      const first = runs.gate.pass()
      const second = runs.gate.pass()
      runs.end()
      for (let tick = 0; tick < ticks; tick++) await undefined
      const begun = runs.begun
      const third = runs.gate.pass().then(() => assert.ok(runs.begun > begun, 'it began after the call'))
      const idle = runs.gate.idle()
      for (let turn = 0; turn < 4; turn++) {
        await new Promise(setImmediate)
        runs.end()
      }
      await Promise.all([first, second, third, idle])
      assert.equal(runs.most, 1)
      assert.ok(runs.gate.isIdle)
    })

    it(`is not idle ${ticks} ticks after one has ended, while others wait for the next`, async () => {
      const runs = new Runs()
      const passes = [runs.gate.pass(), runs.gate.pass()]
      runs.end()
      for (let tick = 0; tick < ticks; tick++) await undefined
      assert.equal(runs.gate.isIdle, false)
      await new Promise(setImmediate)
      runs.end()
      await Promise.all(passes)
    })
  }

  it('runs again for who waits behind a run that failed', async () => {
    let runs = 0
    const gate = new Gate(async () => {
      runs += 1
      if (runs === 1) throw new Error('no')
    })
    const [first, second] = await Promise.allSettled([gate.pass(), gate.pass()])
    assert.equal(first.status, 'rejected')
    assert.equal(second.status, 'fulfilled')
    assert.equal(runs, 2)
    await gate.idle()
  })

  it('comes to rest once the last run has ended, and not before', async () => {
    const runs = new Runs()
    const pass = runs.gate.pass()
    let isIdle = false
    const idle = runs.gate.idle().then(() => {
      isIdle = true
    })
    await new Promise(setImmediate)
    assert.equal(isIdle, false)
    runs.end()
    await Promise.all([pass, idle])
  })
})
