// kill.spec.ts: kill -9 while segments of a few items roll, are flushed and opened again: of one process that puts and
// takes, and of crews that share a queue. What they told through their pipes is judged by who killed them.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { CHECK, counting } from '../layers.ts'
import { newSeed, randomFrom } from '../process/random.ts'
import { type Item, Judge } from './judge.ts'
import { look, newFolder, startWorker, type Worker } from './workers.ts'

const ROUNDS = CHECK ? 37 : 1
/** Each producer's numbers begin with a million of its own; a crew has two, and a consumer. */
const PRODUCERS = [0, 1]
const LANE = 1_000_000

/** Now and then while it opens, else in any step; the first time in any case when some calls have resolved. */
async function killAtChance(worker: Worker, random: () => number, isFirst: boolean): Promise<void> {
  if (isFirst) await worker.heard(50 + Math.floor(random() * 100))
  else if (random() < 0.2) await pause(30 + random() * 60)
  else await worker.heard(1 + Math.floor(random() * random() * 500))
  await worker.kill()
}

for (const durability of ['disk', 'os'] as const) {
  it(`the queue with durability '${durability}' keeps its promises when the one that uses it is killed`, async (t) => {
    const counted = counting(t, 'processes killed')
    const seed = newSeed()
    const random = randomFrom(seed)
    const folder = join(newFolder(t, 'kill'), 'queue')
    const options = { durability, segmentSize: 2048, flushLimit: 1024 }
    const judge = new Judge()
    for (let round = 0; round < ROUNDS; round++) {
      const first = judge.next
      const worker = startWorker(t, { folder, options, seed: seed + round, first, puts: true, takes: true })
      await killAtChance(worker, random, round === 0)
      for (const line of worker.lines) hear(judge, line)
      judge.judge(await look(folder))
    }
    t.diagnostic(`${ROUNDS} kills, ${judge.resolved} calls resolved, seed ${seed}`)
    counted(ROUNDS, ROUNDS)
    assert.ok(judge.resolved > 0)
  })

  it(`the queue with durability '${durability}' keeps its promises when producers and a consumer are killed`, async (t) => {
    const counted = counting(t, 'processes killed')
    const seed = newSeed()
    const random = randomFrom(seed)
    const folder = join(newFolder(t, 'kill'), 'queue')
    const judges = PRODUCERS.map((lane) => new Judge(lane * LANE))
    let kills = 0
    for (let round = 0; round < Math.ceil(ROUNDS / 3); round++) {
      kills += await killCrew(t, { folder, durability, seed: seed + round * 7, judges, random, isFirst: round === 0 })
      judgeAll(judges, await look(folder))
    }
    const resolved = judges.reduce((sum, judge) => sum + judge.resolved, 0)
    t.diagnostic(`${kills} kills, ${resolved} calls resolved, seed ${seed}`)
    counted(kills, ROUNDS)
    assert.ok(resolved > 0)
  })
}

interface Crew {
  readonly folder: string
  readonly durability: 'disk' | 'os'
  readonly seed: number
  readonly judges: readonly Judge[]
  readonly random: () => number
  readonly isFirst: boolean
}

async function killCrew(t: TestContext, { folder, durability, seed, judges, random, isFirst }: Crew): Promise<number> {
  const options = { durability, segmentSize: 2048, flushLimit: 1024 }
  const common = { folder, options }
  const producers = judges.map((judge, lane) =>
    startWorker(t, { ...common, seed: seed + lane, first: judge.next, puts: true, takes: false }),
  )
  const consumer = startWorker(t, { ...common, seed: seed + 5, first: 0, puts: false, takes: true })
  const crew = [...producers, consumer]
  await Promise.all(crew.map((worker) => killAtChance(worker, random, isFirst && worker !== consumer)))
  producers.forEach((worker, lane) => {
    for (const line of worker.lines) hear(judges[lane], line)
  })
  for (const line of consumer.lines) {
    const [word, number] = line.split(' ')
    const lane = Math.floor(Number(number) / LANE)
    // Whose items a take was after is not known before it has them.
    if (word === 'gone') hear(judges[lane], line)
    else for (const judge of judges) hear(judge, line)
  }
  return crew.length
}

function judgeAll(judges: readonly Judge[], found: readonly Item[]): void {
  judges.forEach((judge, lane) => {
    judge.judge(found.filter(({ number }) => Math.floor(number / LANE) === lane))
  })
}

function hear(judge: Judge | undefined, line: string): void {
  assert.ok(!/^(corruption|failed)/.test(line), line)
  judge?.hear(line)
}
