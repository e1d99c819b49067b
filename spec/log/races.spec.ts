// races.spec.ts: whatever several callers do at once, on one handle or on several, a FIFO queue could have told them what
// they were told (history.ts). Over a disk whose syncs end in any order and whose locks are taken now and then, and over
// the real one with the queue as its users have it.
//
// Each race has a seed, from which all its choices come: SPOOLQ_RACE=<seed> runs that one alone.
// A process of its own: the library has loaded with a clock that can be stopped.

// In front of all: the library takes its clock when it loads.
import './steady-clock.ts'

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { AsyncQueue } from '../../lib/index.ts'
import { LogStore } from '../../lib/log/log-store.ts'
import type { Durability, StoreOptions } from '../../lib/store.ts'
import { randomOf } from '../crash/digest.ts'
import { SMALL_LIMITS } from '../crash/log-subject.ts'
import { RecordingDisk } from '../crash/recording-disk.ts'
import { SpecClock } from '../crash/spec-clock.ts'
import { CHECK, counting } from '../layers.ts'
import { newSeed } from '../process/random.ts'
import { newFolder } from '../real/workers.ts'
import { race } from './race.ts'
import { queueRacer, type Racer, storeRacer } from './racers.ts'
import { Shuffle, shuffled } from './shuffled-disk.ts'
import { steadily } from './steady-clock.ts'

const ONE = process.env.SPOOLQ_RACE
const RUNS = Number(process.env.SPOOLQ_RACES ?? (CHECK ? 1560 : 20))
const COMMANDS = 100
const DURABILITIES: readonly Durability[] = ['disk', 'os', { interval: 3 }]

type Random = (limit: number) => number

function optionsOf(durability: Durability): StoreOptions {
  const events = {
    recovered: () => undefined,
    flushed: () => undefined,
    corruption: (report: object) => assert.fail(`told as damage: ${JSON.stringify(report)}`),
    failed: assert.ifError,
  }
  const limits = { flushLimit: 1024, segmentSize: 2048 }
  return { durability, codec: 'texts', order: 'fifo', onDamage: 'fail', autoResume: true, events, ...limits }
}

/** One race over stores; what is wrong with it. */
async function raceOfStores(seed: number): Promise<string[]> {
  const random = randomOf(seed)
  const disk = new RecordingDisk()
  const clock = new SpecClock()
  const shuffle = new Shuffle(random)
  const durability = DURABILITIES[random(DURABILITIES.length)] ?? 'disk'
  const open = async () => {
    const world = {
      disk: shuffled(disk.process(), shuffle),
      clock,
      random: () => random(2 ** 32),
      limits: SMALL_LIMITS,
    }
    return storeRacer(await LogStore.open('/q', optionsOf(durability), world), clock)
  }
  try {
    return await race({ ...sizesOf(random), random, open })
  } finally {
    shuffle.end()
  }
}

function sizesOf(random: Random) {
  const handles = 2 + random(2)
  return { handles, callers: handles + 1 + random(4), commands: COMMANDS }
}

/** Races with seeds in a row; the first one that is wrong is told with the line that runs it again. */
async function races(t: TestContext, runs: number, one: (seed: number) => Promise<string[]>): Promise<void> {
  const first = ONE === undefined ? newSeed() : Number(ONE)
  const count = ONE === undefined ? runs : 1
  const counted = counting(t, 'races judged as histories')
  for (let run = 0; run < count; run++) {
    underWay = `SPOOLQ_RACE=${first + run} node dist/spec/run.js log/races`
    const wrong = await one(first + run).catch((error: unknown) => {
      throw new Error(underWay, { cause: error })
    })
    assert.deepEqual(wrong, [], underWay)
  }
  underWay = ''
  t.diagnostic(`${count} races of ${COMMANDS} commands, seeds from ${first}`)
  counted(count, count)
}

/** A race that never ends would say nothing of itself. */
let underWay = ''
process.on('exit', () => {
  if (underWay !== '') console.log(`never ended: ${underWay}`)
})

describe('the queue, raced for,', () => {
  it('says what a FIFO queue could have said: stores over a disk that ends its calls in any order', async (t) => {
    await races(t, RUNS, (seed) => steadily(() => raceOfStores(seed)))
  })

  it('says what a FIFO queue could have said: as its users have it, over a real disk', async (t) => {
    const parent = newFolder(t, 'races')
    await races(t, RUNS / 20, async (seed) => {
      const random = randomOf(seed)
      const folder = join(parent, String(seed))
      const options = { segmentSize: 2048, flushLimit: 1024, durability: random(4) === 0 ? 'disk' : 'os' } as const
      const open = async (): Promise<Racer> => queueRacer(await AsyncQueue.open<string>(folder, options))
      return race({ ...sizesOf(random), random, open })
    })
  })

  it('says what a FIFO queue could have said: as its users have it, in memory', async (t) => {
    await races(t, RUNS / 4, async (seed) => {
      const random = randomOf(seed)
      const open = async (): Promise<Racer> => queueRacer(await AsyncQueue.open<string>(`memory:race-${seed}`))
      const keeper = await open()
      const wrong = await race({ ...sizesOf(random), random, open })
      await keeper.close()
      return wrong
    })
  })
})
