// plainjob.ts: jobs over better-sqlite3, by the calls that its worker makes for each: take one, read it, mark it done.
// Its jobs are JSON text, so bytes go in as base64.

import { type Contender, type Run, syncTasks } from '../contender.ts'
import type { Item } from '../items.ts'
import { moduleOf } from './find.ts'
import { type Database, openDatabase } from './sqlite.ts'

interface Jobs {
  add(type: string, job: unknown): unknown
  addMany(type: string, jobs: readonly unknown[]): unknown
  getAndMarkJobAsProcessing(type: string): { readonly id: number } | undefined
  getJobById(id: number): { readonly data: string } | undefined
  markJobAsDone(id: number): void
  close(): void
}

interface Plainjob {
  better(database: Database): unknown
  defineQueue(options: object): Jobs
}

const quiet = { error() {}, warn() {}, info() {}, debug() {} }
const TYPE = 'item'

const toJob = (item: Item) => (item instanceof Uint8Array ? Buffer.from(item).toString('base64') : item)

function fromJob(text: string): Item {
  const job: string | Exclude<Item, Uint8Array> = JSON.parse(text)
  return typeof job === 'string' ? Buffer.from(job, 'base64') : job
}

function tasksOf(jobs: Jobs) {
  const pop = (): Item | undefined => {
    const taken = jobs.getAndMarkJobAsProcessing(TYPE)
    const job = taken && jobs.getJobById(taken.id)
    if (taken !== undefined) jobs.markJobAsDone(taken.id)
    return job && fromJob(job.data)
  }
  return syncTasks({
    put: (item) => void jobs.add(TYPE, toJob(item)),
    putMany: (items) => void jobs.addMany(TYPE, items.map(toJob)),
    pop,
    popMany: (count) => Array.from({ length: count }, pop).filter((item) => item !== undefined),
  })
}

export const plainjob: Contender = {
  name: 'plainjob',
  kind: 'peer',
  mostItems: 2000,
  async open(place) {
    const { better, defineQueue }: Plainjob = await import(moduleOf('plainjob'))
    const database = openDatabase(place)
    const jobs = defineQueue({ connection: better(database), logger: quiet })
    // Its opening sets its own pragmas.
    database.pragma(`synchronous = ${place.durability === 'disk' && !place.warming ? 'FULL' : 'NORMAL'}`)
    const tasks = tasksOf(jobs)
    // One transaction: a sync for each of three statements an item is no part of any task but 'pop'.
    const takeAll = database.transaction((run: Run) => tasks['pop(1000)']?.(run))
    return { tasks, takeAll: (run) => void takeAll.immediate(run), close: () => jobs.close() }
  },
}
