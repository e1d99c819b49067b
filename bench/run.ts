// run.ts: `npm run bench`, or `npm run bench -- put` for what has that in its name; several words have all to be in it.
//
//   --json file     writes what was measured
//   --svg file      draws it, for S
//   --no-peers      the queue over its log and its floors alone; installs nothing
//   --payload S     S, M or R alone
//   --backlogs 1000,1000000,10000000
//   --rounds 5      runs of each; three of M and R
//   --ms 150        how long the clock runs in a run of one contender, about
//
// The peers are packages of bench/package.json, installed the first time.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { floor, otherFloors } from './floors.ts'
import { growth } from './growth.ts'
import { machine } from './machine.ts'
import { measure, type Outcome } from './measure.ts'
import { findPeers } from './peers/index.ts'
import { plot } from './plot.ts'
import { processes } from './processes.ts'
import { queue } from './queue.ts'
import { headline, tableOf } from './report.ts'
import { rest } from './rest.ts'
import { stores } from './stores.ts'
import { workloads } from './workloads.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'string' },
    svg: { type: 'string' },
    'no-peers': { type: 'boolean', default: false },
    payload: { type: 'string' },
    backlogs: { type: 'string', default: '1000,1000000,10000000' },
    rounds: { type: 'string', default: '5' },
    ms: { type: 'string', default: '150' },
  },
})
const payloads = (['S', 'M', 'R'] as const).filter((payload) => !values.payload || values.payload === payload)
// The other payloads show how things go on: their middle is enough, and so are those that goals name.
const OTHER_ROUNDS = 3
const OTHER_NAMES = ['floor', 'spoolq', 'SQLite', 'lmdb']
// Once a workload of S has taken so many times as long as the clock runs in one run, no more rounds begin.
const WORKLOAD_RUNS = 60
const backlogs = values.backlogs.split(',').map(Number)
const folder = mkdtempSync(join(tmpdir(), 'spoolq-bench-'))
const runMs = Number(values.ms)
const effort = { rounds: Number(values.rounds), runMs, workloadMs: runMs * WORKLOAD_RUNS, folder }
const otherEffort = { ...effort, rounds: Math.min(effort.rounds, OTHER_ROUNDS), workloadMs: effort.workloadMs / 2 }
const wanted = (name: string): boolean => positionals.every((word) => name.toLowerCase().includes(word.toLowerCase()))

process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130))

const about = machine()
const peers = values['no-peers'] ? [] : findPeers()
const contenders = [floor, ...otherFloors, queue, ...peers]
console.log(`Node ${about.node}, ${about.cpus} × ${about.cpu}, ${about.date}`)

try {
  const outcomes = await measureAll()
  const overOthers = values['no-peers'] ? [] : await stores({ ...otherEffort, wanted })
  const short = { ...effort, runMs: Math.ceil(effort.runMs / 3) }
  const grown = await growth({ ...short, backlogs, wanted })
  const shared = await processes({ ...short, wanted })
  const atRest = process.platform === 'linux' ? await rest({ folder, wanted }) : []
  if (outcomes.length + overOthers.length + grown.length + shared.length + atRest.length === 0)
    throw new Error(`nothing is called ${positionals.join(' ')}`)
  if (values.json) {
    writeFileSync(
      values.json,
      `${JSON.stringify({ ...about, workloads: outcomes, stores: overOthers, growth: grown, processes: shared, rest: atRest }, null, 2)}\n`,
    )
  }
  if (values.svg) writeFileSync(values.svg, plot(outcomes, about))
  console.log(`\n${Math.round(performance.now() / 1000)} s in all`)
} finally {
  for (const { stop } of contenders) await stop?.()
}

async function measureAll(): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const payload of payloads) {
    for (const workload of workloads) {
      const { title, durability } = workload
      if (!wanted(`${title}, '${durability}', ${payload}`)) continue
      // What R differs in is the codec, which no sync knows of.
      if (payload === 'R' && durability === 'disk') continue
      if (outcomes.length === 0) console.log(`\n${headline()}`)
      const those = contenders.filter(({ name }) => payload === 'S' || OTHER_NAMES.includes(name))
      const outcome = await measure({ workload, payload }, those, payload === 'S' ? effort : otherEffort)
      outcomes.push(outcome)
      console.log(tableOf(outcome, workload))
    }
  }
  return outcomes
}
