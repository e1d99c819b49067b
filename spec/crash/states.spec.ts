// states.spec.ts: the specs of the specs. A right log has no bad state, and each bug planted in it has one.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { codeOf } from '../../lib/disk/disk.ts'
import { CHECK } from '../layers.ts'
import type { CrashState } from './crash-state.ts'
import { FaultDisk } from './fault-disk.ts'
import { RecordingDisk } from './recording-disk.ts'
import { crashStates, type StateOptions, stateNamed } from './states.ts'
import { BUGS, type Bug, ToyLog } from './toy-log.ts'
import { documentOf, itemsOf, type Subject, tryState } from './trial.ts'

const LONG = 'x'.repeat(700)
/** Where no bug is to be found, `npm test` looks at some states of each point. */
const SLICE: StateOptions = CHECK ? {} : { limit: 8, seed: 3 }

function toy(bugs: readonly Bug[] = []): Subject {
  const names = [/^\/q$/, /^\/q\/head$/, /^\/q\/\d+\.log$/]
  return { open: (disk) => ToyLog.open(disk, bugs), names, maxNames: 5, maxBytes: 4096, disk: true }
}

/** Puts of one, three and big items, pops and a reopening, marked. */
class Workload {
  readonly disk = new RecordingDisk()
  readonly faults = new FaultDisk(this.disk)
  readonly #bugs: readonly Bug[]
  #call = 0

  constructor(bugs: readonly Bug[] = []) {
    this.#bugs = bugs
  }

  async run(): Promise<RecordingDisk> {
    const first = await ToyLog.open(this.faults, this.#bugs)
    await this.#put(first, ['a'])
    await this.#put(first, ['b', 'c', 'd'])
    await this.#put(first, [`e${LONG}`, 'f'])
    await this.#put(first, ['g'])
    await this.#pop(first, 2)
    await first.close()
    const second = await ToyLog.open(this.faults, this.#bugs)
    await this.#put(second, ['h'])
    await this.#pop(second, 4)
    await this.#put(second, ['i', 'j'])
    await this.#pop(second, 4)
    await second.close()
    return this.disk
  }

  async #put(log: ToyLog, items: readonly string[]): Promise<void> {
    const call = ++this.#call
    this.disk.mark({ what: 'put', call, items })
    try {
      const firstId = await log.append(items.map((item) => documentOf([item])))
      this.disk.mark({ what: 'put done', call, firstId })
    } catch (error) {
      assert.equal(codeOf(error), 'EIO')
      this.disk.mark({ what: 'put failed', call, known: false })
    }
  }

  async #pop(log: ToyLog, n: number): Promise<void> {
    const call = ++this.#call
    this.disk.mark({ what: 'take', call, n })
    const ids = itemsOf(await log.pop(n)).map(({ id }) => id)
    this.disk.mark({ what: 'take done', call, ids })
  }
}

interface Outcome {
  readonly states: number
  readonly bad: string[]
}

async function tryAll(
  states: Iterable<CrashState>,
  subject: Subject,
  enough = Number.POSITIVE_INFINITY,
): Promise<Outcome> {
  const outcome: Outcome = { states: 0, bad: [] }
  let count = 0
  for (const state of states) {
    count++
    const wrong = await tryState(state, subject)
    if (wrong.length > 0) outcome.bad.push(`${state.name}: ${wrong[0]}`)
    if (outcome.bad.length >= enough) break
  }
  return { ...outcome, states: count }
}

async function statesOf(bugs: readonly Bug[], options: StateOptions = {}): Promise<Outcome> {
  const { log } = await new Workload(bugs).run()
  return tryAll(crashStates(log, options), toy(bugs), 1)
}

describe('the crash states', () => {
  it('find nothing wrong with a log that is right', async (t) => {
    const { log } = await new Workload().run()
    const start = performance.now()
    const { states, bad } = await tryAll(crashStates(log, SLICE), toy())
    const seconds = (performance.now() - start) / 1000
    t.diagnostic(`${log.length} ops, ${states} states, ${Math.round(states / seconds)} a second`)
    assert.deepEqual(bad, [])
    assert.ok(states > (CHECK ? 1000 : 100), `only ${states} states`)
  })

  it('find nothing wrong with it when it crashes again while it recovers', async (t) => {
    const { log } = await new Workload().run()
    let states = 0
    for (const outer of crashStates(log, { limit: 4, seed: 7 })) {
      const { disk } = outer
      const from = disk.log.length
      await (await ToyLog.open(disk)).append([documentOf(['again'])])
      const options = { start: disk.start, bootId: disk.boot, from, limit: 6, kinds: ['cut'] } as const
      for (const inner of crashStates(disk.log, options)) {
        states++
        const { name, kind, prefix, key, disk } = inner
        const marks = [...inner.marks, AGAIN]
        const wrong = await tryState({ name, kind, prefix, key, disk, marks, copy: () => inner.copy() }, toy())
        assert.deepEqual(wrong, [], `${outer.name}/${inner.name}`)
      }
    }
    t.diagnostic(`${states} states`)
  })

  for (const bug of BUGS.filter((bug) => bug !== 'retries a failed sync')) {
    it(`catch this bug: ${bug}`, async (t) => {
      const { states, bad } = await statesOf([bug])
      t.diagnostic(`after ${states} states: ${bad[0]}`)
      assert.equal(bad.length, 1)
    })
  }

  it('catch a log that retries a failed sync, but not one that goes on in a new segment', async (t) => {
    for (const bugs of [[], ['retries a failed sync']] as const) {
      const bad: string[] = []
      for (const loss of ['kept', 'half', 'lost'] as const) {
        const workload = new Workload(bugs)
        workload.faults.setFault({ at: 2, call: 'sync', code: 'EIO', loss })
        const { log } = await workload.run()
        bad.push(...(await tryAll(crashStates(log, SLICE), toy(bugs), 1)).bad)
        assert.equal(workload.faults.failures, 1)
        assert.equal(workload.faults.openFiles, 0)
      }
      t.diagnostic(`${bugs[0] ?? 'right'}: ${bad[0] ?? 'nothing'}`)
      assert.equal(bad.length > 0, bugs.length > 0)
    }
  })

  it('catch most bugs in a small sample, as `npm test` takes it', async () => {
    const { bad } = await statesOf(['no sync of the frame'], { limit: 3, seed: 5 })
    assert.equal(bad.length, 1)
  })

  it('persist names in order at level J', async () => {
    const { bad } = await statesOf([], { ...SLICE, level: 'J' })
    assert.deepEqual(bad, [])
  })

  it('are made again by their names', async () => {
    const { log } = await new Workload().run()
    let compared = 0
    for (const state of crashStates(log, { limit: 10, seed: 3 })) {
      const again = stateNamed(log, state.name)
      assert.deepEqual(picture(again.disk), picture(state.disk), state.name)
      assert.deepEqual(again.marks, state.marks)
      assert.equal(again.disk.boot, state.disk.boot)
      compared++
    }
    assert.ok(compared > 100)
  })
})

const AGAIN = { what: 'put', call: -1, items: ['again'] } as const

/** All names and bytes. */
function picture(disk: RecordingDisk): unknown {
  return disk
    .paths()
    .map((path) => [path, disk.content.names.get(path) === 0 ? 'folder' : Buffer.from(disk.bytesOf(path))])
}
