import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Changes } from '../../lib/wait/changes.ts'
import { until } from '../queue/place.ts'

function observed(): { changes: Changes; log: string[]; tell: () => void } {
  const log: string[] = []
  let tell = (): void => {}
  const changes = new Changes({
    watch: (changed) => {
      log.push('watch')
      tell = changed
      return () => log.push('unwatch')
    },
    changed: () => log.push('changed'),
    waited: (somebody) => log.push(somebody ? 'somebody' : 'nobody'),
  })
  return { changes, log, tell: () => tell() }
}

describe('the queue, to learn of changes,', () => {
  it('watches while somebody waits, and looks once more when the watch has started', async () => {
    const { changes, log, tell } = observed()
    changes.arrived()
    changes.arrived()
    changes.unserved()
    await until(() => log.includes('watch'))
    assert.deepEqual(log, ['somebody', 'watch', 'changed'])
    tell()
    changes.departed()
    assert.deepEqual(log, ['somebody', 'watch', 'changed', 'changed'])
    changes.departed()
    assert.deepEqual(log.slice(4), ['nobody'])
    await until(() => log.includes('unwatch'))
    tell()
    assert.deepEqual(log.slice(4), ['nobody', 'unwatch'])
  })

  it('keeps a watch for whoever waits again soon', async () => {
    const { changes, log, tell } = observed()
    changes.arrived()
    changes.unserved()
    await until(() => log.includes('watch'))
    for (let round = 0; round < 3; round++) {
      changes.departed()
      changes.arrived()
      changes.unserved()
      log.length = 0
      tell()
      assert.deepEqual(log, ['changed'])
    }
    changes.departed()
    await until(() => log.includes('unwatch'))
    assert.equal(log.includes('watch'), false)
  })

  it('gives up a watch beside which everybody is served at once', async () => {
    const { changes, log } = observed()
    changes.arrived()
    changes.unserved()
    await until(() => log.includes('watch'))
    const end = performance.now() + 20_000
    while (!log.includes('unwatch') && performance.now() < end) {
      for (let caller = 0; caller < 100; caller++) {
        changes.departed()
        changes.arrived()
        changes.unserved()
      }
      await new Promise(setImmediate)
    }
    assert.equal(log.includes('unwatch'), true)
    // Whoever waits then is not forgotten.
    log.length = 0
    await until(() => log.includes('watch') && log.includes('changed'))
    changes.departed()
  })

  it('keeps the process alive while somebody waits, and no longer, and ends a watch when it closes', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
    const { changes, log } = observed()
    const before = timers()
    changes.arrived()
    changes.unserved()
    await until(() => log.includes('watch'))
    assert.equal(timers(), before + 1)
    changes.departed()
    assert.equal(timers(), before)
    assert.equal(log.includes('unwatch'), false)
    changes.close()
    assert.equal(log.at(-1), 'unwatch')
  })

  it('starts no watch for a caller that is served at once', async () => {
    const { changes, log } = observed()
    changes.arrived()
    changes.unserved()
    changes.departed()
    changes.arrived()
    await new Promise((resolve) => setTimeout(resolve, 5))
    assert.deepEqual(log, ['somebody', 'nobody', 'somebody'])
    changes.departed()
  })

  it('looks by itself every so often, because a watch may miss something', async () => {
    const { changes, log } = observed()
    changes.arrived()
    changes.unserved()
    await until(() => log.filter((word) => word === 'changed').length >= 2)
    changes.departed()
    assert.equal(log.filter((word) => word === 'watch').length, 1)
  })

  it('looks by itself only where something may have changed, if the watch can tell', async (t) => {
    let asked = 0
    let looked = 0
    const watch = () => Object.assign(() => {}, { mayHaveChanged: () => ++asked === 2 })
    const changes = new Changes({ watch, changed: () => looked++, waited() {} })
    t.after(() => changes.departed())
    changes.arrived()
    changes.unserved()
    await until(() => asked === 1)
    assert.equal(looked, 1, 'when the watch had started, and no more')
    await until(() => asked === 2)
    assert.equal(looked, 2)
  })

  it('looks when something is due, sooner where that has come nearer, and seldom for what is past', async (t) => {
    let due = Infinity
    const looks: number[] = []
    const dueInMs = (): number => due - performance.now()
    const watch = () => Object.assign(() => {}, { isSure: true, mayHaveChanged: () => false, dueInMs })
    const changes = new Changes({ watch, changed: () => looks.push(performance.now()), waited: () => {} })
    t.after(() => changes.departed())
    changes.arrived()
    changes.unserved()
    await until(() => looks.length === 1)
    for (const ms of [40, 20]) {
      due = performance.now() + ms
      const seen = looks.length
      changes.unserved()
      await until(() => looks.length > seen)
      const late = (looks.at(-1) ?? 0) - due
      assert.ok(late > -2 && late < 500, `${late.toFixed(1)} ms after it was due`)
    }
    // What is due and does not come is looked for now and then, and what was due before somebody looked at once.
    const { length } = looks
    await new Promise((resolve) => setTimeout(resolve, 120))
    assert.ok(looks.length > length && looks.length <= length + 4, `${looks.length - length} looks`)
  })

  it('looks less often without having been told where the system tells of all that changes', async (t) => {
    const looks = { sure: 0, unsure: 0 }
    for (const kind of ['sure', 'unsure'] as const) {
      const watch = () => Object.assign(() => {}, { isSure: kind === 'sure' })
      const changes = new Changes({ watch, changed: () => (looks[kind] += 1), waited: () => {} })
      t.after(() => changes.departed())
      changes.arrived()
      changes.unserved()
    }
    const started = performance.now()
    // The first is that of the watch that has started.
    await until(() => looks.unsure >= 4)
    assert.ok(looks.sure >= 1 && looks.sure <= 1 + (performance.now() - started) / 1000, `${looks.sure} looks`)
  })
})
