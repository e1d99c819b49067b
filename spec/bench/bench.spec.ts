// The benchmark itself: one small workload of it, so that it doesn't rot, and its refusal to give a rate to what lost or
// reordered items.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Contender, syncTasks } from '../../bench/contender.ts'
import { floor } from '../../bench/floors.ts'
import { type Item, itemsOf } from '../../bench/items.ts'
import { measure } from '../../bench/measure.ts'
import { spreadOf } from '../../bench/stats.ts'
import { workloads } from '../../bench/workloads.ts'

const program = fileURLToPath(new URL('../../bench/run.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'spoolq-bench-spec-'))
const effort = { rounds: 1, runMs: 1, folder }

describe('the benchmark', { timeout: 240_000 }, () => {
  after(() => rmSync(folder, { recursive: true, force: true }))

  it('measures the queue beside its floors, writes figures, and draws them', () => {
    const json = join(folder, 'figures.json')
    const svg = join(folder, 'figures.svg')
    const words = ['putmany', "'os'", '--payload', 'S', '--no-peers', '--rounds', '2', '--ms', '1']
    const printed = execFileSync(process.execPath, [program, ...words, '--json', json, '--svg', svg], {
      encoding: 'utf8',
    })
    const { node, workloads: found } = JSON.parse(readFileSync(json, 'utf8'))
    assert.equal(node, process.version)
    assert.deepEqual(
      found.map(({ title }: { title: string }) => title),
      ['putMany(1000)', 'stream: putMany(1000), pop(1000)'],
    )
    const queue = found[0].contenders.find(({ kind }: { kind: string }) => kind === 'queue')
    assert.ok(queue.us.min > 0 && queue.us.min <= queue.us.median && queue.us.median <= queue.us.max)
    assert.ok(queue.items >= 1000)
    assert.match(printed, /^putMany\(1000\), 'os', S\n {2}floor .*\n {2}floor, item by item .*\n {2}spoolq /m)
    assert.match(readFileSync(svg, 'utf8'), /^<svg .*class="queue".*<\/svg>\n$/s)
  })

  it('gives no rate to what loses an item, or mixes them up', async () => {
    const stream = workloads.find(({ task }) => task === 'stream')
    const putMany = workloads.find(({ task }) => task === 'putMany')
    assert.ok(stream && putMany)
    const measuring = (contender: Contender, workload: typeof stream) =>
      measure({ workload, payload: 'M' }, [floor, contender], effort)
    await measuring(
      array('a good one', (items) => items),
      stream,
    )
    await assert.rejects(
      measuring(
        array('loses', (items) => items.slice(1)),
        stream,
      ),
      /item 0 was due, and item 1 came/,
    )
    await assert.rejects(
      measuring(
        array('mixes up', (items) => items.toReversed()),
        putMany,
      ),
      /item 0 was due/,
    )
    await assert.rejects(
      measuring(
        array('forgets', (items) => items.slice(0, -1)),
        putMany,
      ),
      /of \d+ items came|was due/,
    )
  })

  it('numbers items of every kind, as many as asked for', () => {
    for (const payload of ['S', 'M', 'R'] as const) assert.equal(itemsOf(payload, 1500).length, 1500)
    assert.notDeepEqual(Object.keys(itemsOf('R', 3)[1] ?? {}), Object.keys(itemsOf('R', 3)[2] ?? {}))
  })

  it('tells the middle of runs, and the outermost', () => {
    assert.deepEqual(spreadOf([5, 1, 9]), { median: 5, min: 1, max: 9 })
    assert.deepEqual(spreadOf([4, 2]), { median: 3, min: 2, max: 4 })
  })
})

/** A queue in an array, which does that to what it is given. */
function array(name: string, change: (items: readonly Item[]) => readonly Item[]): Contender {
  const open = () => {
    const held: Item[] = []
    const tasks = syncTasks({
      put: (item) => void held.push(...change([item])),
      putMany: (items) => void held.push(...change(items)),
      pop: () => held.shift(),
      popMany: (count) => held.splice(0, count),
    })
    return { tasks, close: () => {} }
  }
  return { name, kind: 'peer', open }
}
