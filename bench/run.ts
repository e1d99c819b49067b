// run.ts: `npm run bench`, or `npm run bench -- put` for what has that in its name. Each workload runs beside its floor, in
// turn, five times; what counts is the ratio of the two in one round.

import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { AsyncQueue } from '../lib/index.ts'
import { Floor } from './floor.ts'
import { batchesOf, type Item, itemsOf, type Workload, workloads } from './workloads.ts'

const ROUNDS = 5
const wanted = process.argv[2] ?? ''
const folder = mkdtempSync(join(tmpdir(), 'spoolq-bench-'))
let runs = 0

async function timed(work: () => unknown): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}

async function timeQueue({ filled, queue: run }: Workload, items: readonly Item[], durability: 'os' | 'disk') {
  const queue = await AsyncQueue.open<Item>(join(folder, `queue-${++runs}`), { durability })
  if (filled === 'in batches') for (const batch of batchesOf(items)) await queue.putMany(batch)
  if (filled === 'one by one')
    for (const batch of batchesOf(items)) await Promise.all(batch.map((item) => queue.put(item)))
  const ms = await timed(() => run(queue, items))
  await queue.close()
  return ms
}

async function timeFloor({ filled, floor: run }: Workload, items: readonly Item[], durability: 'os' | 'disk') {
  const floor = new Floor<Item>(join(folder, `floor-${++runs}`), durability === 'disk')
  if (filled === 'in batches') for (const batch of batchesOf(items)) floor.append(batch)
  if (filled === 'one by one') for (const item of items) floor.append(item)
  const ms = await timed(() => run(floor, items))
  floor.close()
  return ms
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[values.length >> 1] ?? Number.NaN
}

function row(name: string, perItem: readonly number[], ratios: readonly number[]): string {
  const [low, high] = [Math.min(...ratios), Math.max(...ratios)]
  const cells = [median(perItem), median(ratios), low, high].map((value) => value.toFixed(2).padStart(9))
  return `${name.padEnd(28)}${cells.join('')}`
}

async function measure(workload: Workload, durability: 'os' | 'disk'): Promise<string> {
  const items = itemsOf(durability === 'disk' ? workload.items / 20 : workload.items)
  const perItem: number[] = []
  const ratios: number[] = []
  for (let round = 0; round <= ROUNDS; round++) {
    const floorMs = await timeFloor(workload, items, durability)
    const queueMs = await timeQueue(workload, items, durability)
    // The first round warms up.
    if (round === 0) continue
    perItem.push((queueMs * 1000) / items.length)
    ratios.push(queueMs / floorMs)
  }
  return row(`${workload.name}, '${durability}'`, perItem, ratios)
}

try {
  console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model}`)
  console.log(`${''.padEnd(28)}${['µs/item', '× floor', 'least', 'most'].map((head) => head.padStart(9)).join('')}`)
  for (const durability of ['os', 'disk'] as const) {
    for (const workload of workloads) {
      if (workload.name.includes(wanted)) console.log(await measure(workload, durability))
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
