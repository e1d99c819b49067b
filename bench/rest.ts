// rest.ts: what a process costs that waits and is given nothing: how often it wakes up, its processor time, and what it
// writes; each way of waiting and each store in a process of its own, all of them at once, because none does anything.

import { execFile } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Cost, WAYS } from './rester.ts'

export interface Rest {
  readonly title: string
  readonly store: string
  readonly wakeUpsPerSecond: number
  /** Seconds of processor time an hour, beside a process that waits for nothing. */
  readonly cpuSecondsPerHour: number
  readonly diskBytes: number
}

interface Options {
  readonly folder: string
  wanted(name: string): boolean
}

const STORES = ['log', 'sqlite', 'memory'] as const
const SECONDS = 30
const MANY = '2000 get'
const program = fileURLToPath(new URL('./rester.js', import.meta.url))

export async function rest({ folder, wanted }: Options): Promise<Rest[]> {
  const ways = Object.keys(WAYS).filter((way) => wanted(`at rest: ${way}`))
  if (ways.length === 0 && !wanted(`at rest: ${MANY}`)) return []
  const [nothing, ...costs] = await Promise.all([
    costOf({ way: '0 get', store: 'memory', folder }),
    ...ways.flatMap((way) => STORES.map((store) => costOf({ way, store, folder }))),
  ])
  // Opening two thousand queues would disturb the others.
  const many = wanted(`at rest: ${MANY}`) ? [await costOf({ way: MANY, store: 'log', folder })] : []
  if (wanted(`at rest: ${MANY}`)) many.push(await costOf({ way: MANY, store: 'sqlite', folder }))
  return [...costs, ...many].map((one) => tell(one, nothing))
}

interface Measured extends Cost {
  readonly way: string
  readonly store: string
}

async function costOf({
  way,
  store,
  folder,
}: {
  readonly way: string
  readonly store: string
  readonly folder: string
}): Promise<Measured> {
  const own = join(folder, `rest-${store}-${way}`.replaceAll(' ', '-'))
  mkdirSync(own, { recursive: true })
  const { stdout } = await promisify(execFile)(process.execPath, [program, store, own, String(SECONDS), way])
  return { ...(JSON.parse(stdout) as Cost), way, store }
}

function tell({ way, store, wakeUps, cpuMs, diskBytes }: Measured, nothing: Measured): Rest {
  const told = {
    title: `at rest: ${way}`,
    store,
    wakeUpsPerSecond: Math.max(0, wakeUps - nothing.wakeUps) / SECONDS,
    cpuSecondsPerHour: ((Math.max(0, cpuMs - nothing.cpuMs) / SECONDS) * 3600) / 1000,
    diskBytes,
  }
  const { wakeUpsPerSecond, cpuSecondsPerHour } = told
  console.log(
    `${told.title}, ${store}: ${wakeUpsPerSecond.toFixed(2)} wake-ups a second, ` +
      `${cpuSecondsPerHour.toFixed(2)} s of processor time an hour, ${diskBytes} bytes to the disk`,
  )
  return told
}
