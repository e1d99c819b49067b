// Several processes on one map, and processes that die in the middle.
// A process of its own: it starts others, and kills some.

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { PersistentMap } from '../../lib/index.ts'
import { collect, keysOf } from './suite.ts'

const child = fileURLToPath(new URL('./child.js', import.meta.url))
const folder = await mkdtemp(join(tmpdir(), 'spoolq-map-'))
const running = new Set<ChildProcess>()
let made = 0

describe('a map of several processes', { timeout: 240_000 }, () => {
  after(async () => {
    for (const process of running) process.kill('SIGKILL')
    await rm(folder, { recursive: true, force: true })
  })

  it('loses no increment', async () => {
    const location = place()
    await using map = await PersistentMap.open<number>(location)
    const others = [start(location, 'count', '150'), start(location, 'count', '150')]
    for (let i = 0; i < 150; i += 10) {
      await Promise.all(Array.from({ length: 10 }, () => map.update('n', (n = 0) => n + 1)))
    }
    for (const other of others) assert.deepEqual(await ended(other), [0, null])
    assert.equal(await map.get('n'), 450)
    assert.equal(await map.size(), 1)
  })

  it('has every increment that was told before a kill, and at most one more', async () => {
    const location = place()
    const other = start(location, 'count for ever')
    const told = await killedAfter(other, 60)
    await using map = await PersistentMap.open<number>(location)
    const n = (await map.get('n')) ?? 0
    assert.ok(n === told || n === told + 1, `${told} told, ${n} there`)
    assert.equal(await map.update('n', (old = 0) => old + 1), n + 1)
  })

  it('has every entry that was told before a kill, whole, in its place, and the right size', async () => {
    const location = place()
    const told = await killedAfter(start(location, 'set for ever'), 60)
    await using map = await PersistentMap.open<number>(location)
    const entries = await collect(map)
    assert.ok(entries.length === told || entries.length === told + 1)
    assert.equal(await map.size(), entries.length)
    assert.deepEqual(
      entries.map(([key]) => key),
      keysOf(1, entries.length),
    )
    for (const [i, [, value]] of entries.entries()) assert.ok(value === -(i + 1) || (i >= told && value === i + 1))
  })

  it('does not keep a process alive that has nothing to wait for, and does while a call is under way', async () => {
    for (const [what, line] of [
      ['idle', 'idle'],
      ['late', 'set'],
    ] as const) {
      const other = start(place(), what)
      const lines: string[] = []
      if (other.stdout) for await (const each of createInterface(other.stdout)) lines.push(each)
      assert.deepEqual(lines, [line])
      assert.deepEqual(await ended(other), [0, null])
    }
  })
})

function place(): string {
  made += 1
  return `sqlite:${join(folder, `${made}.db`)}`
}

function start(location: string, ...words: readonly string[]): ChildProcess {
  const process_ = spawn(process.execPath, [child, location, ...words], { stdio: ['ignore', 'pipe', 'inherit'] })
  running.add(process_)
  return process_
}

async function ended(other: ChildProcess): Promise<unknown> {
  if (other.exitCode !== null) return [other.exitCode, other.signalCode]
  return once(other, 'exit')
}

/** Kills it once it has told of so many, and resolves to the last number that it told. */
async function killedAfter(other: ChildProcess, lines: number): Promise<number> {
  let last = 0
  const end = once(other, 'exit')
  if (other.stdout) {
    for await (const line of createInterface(other.stdout)) {
      last = Number(line)
      if (last === lines) other.kill('SIGKILL')
    }
  }
  await end
  return last
}
