// workers.ts: starts workers, hears what they tell, and looks into the queue that they left.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { AsyncQueue } from '../../lib/index.ts'
import type { Item } from './judge.ts'
import type { Soaking } from './soak-worker.ts'
import type { Work } from './worker.ts'

const program = fileURLToPath(new URL('./worker.js', import.meta.url))

export interface Worker {
  readonly pid: number | undefined
  readonly lines: readonly string[]
  /** Resolves when it has told so many lines, or has ended. */
  heard(count: number): Promise<void>
  kill(): Promise<void>
  /** Resolves to its exit code when it has ended and all is heard. */
  readonly ended: Promise<number | null>
  readonly trouble: () => string
}

/** `command`: what runs Node, strace with its options for example. */
export function startWorker(
  t: TestContext,
  work: Work | Soaking,
  command: readonly string[] = [],
  worker = program,
): Worker {
  const words = [...command, process.execPath, worker, JSON.stringify(work)]
  const env = { ...process.env, UV_THREADPOOL_SIZE: '1', UV_USE_IO_URING: '0' }
  const child = spawn(words[0] ?? '', words.slice(1), { stdio: ['ignore', 'pipe', 'pipe'], env })
  t.after(() => child.kill('SIGKILL'))
  const lines: string[] = []
  let trouble = ''
  let wake = () => {}
  let isOver = false
  const reader = createInterface(child.stdout)
  reader.on('line', (line) => {
    lines.push(line)
    wake()
  })
  child.stderr.on('data', (chunk) => {
    trouble += chunk
  })
  const ended = Promise.all([once(reader, 'close'), once(child, 'close')]).then(([, [code]]): number | null => {
    isOver = true
    wake()
    return code
  })
  async function heard(count: number): Promise<void> {
    while (lines.length < count && !isOver) await new Promise<void>((resolve) => (wake = resolve))
  }
  async function kill(): Promise<void> {
    child.kill('SIGKILL')
    await ended
    assert.equal(trouble, '')
  }
  return { pid: child.pid, lines, heard, kill, ended, trouble: () => trouble }
}

/** A new folder, gone when the spec has ended; `before` that, what is mounted in it is unmounted. */
export function newFolder(t: TestContext, name: string, before?: () => void): string {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), `spoolq-${name}-`))
  t.after(() => {
    before?.()
    rmSync(folder, { recursive: true, force: true })
  })
  return folder
}

/** What is ready once nobody else has the queue open; opening it once more changes nothing, and it works. */
export async function look(folder: string): Promise<Item[]> {
  const found = await opened(folder, (queue) => queue.peek(1_000_000))
  const again = await opened(folder, async (queue) => {
    const ready = await queue.peek(1_000_000)
    const { inFlight, failed } = await queue.counts()
    assert.deepEqual({ inFlight, failed }, { inFlight: 0, failed: 0 })
    const id = await queue.put({ number: -1, text: '' })
    const last = (await queue.list({ limit: 1, after: (id ?? 0) - 1 })).map(({ item }) => item?.number)
    assert.deepEqual(last, [-1])
    return ready
  })
  assert.deepEqual(again, found, 'opening again changes nothing')
  await opened(folder, (queue) => takeMarker(queue, found.length))
  return found
}

/** Takes the item that was put last, and puts the others back as they were, by giving them back. */
async function takeMarker(queue: AsyncQueue<Item>, before: number): Promise<void> {
  const all = await queue.lease(before + 1)
  assert.equal(all.length, before + 1)
  const marker = all.pop()
  assert.equal(marker?.item.number, -1)
  await marker?.ack()
  await Promise.all(all.map((delivery) => delivery.nack()))
}

async function opened<R>(folder: string, use: (queue: AsyncQueue<Item>) => Promise<R>): Promise<R> {
  const queue = await AsyncQueue.open<Item>(folder)
  const corruptions: unknown[] = []
  queue.on('corruption', (corruption) => corruptions.push(corruption))
  try {
    const result = await use(queue)
    await new Promise(setImmediate)
    assert.deepEqual(corruptions, [], 'a mere crash is told as damage')
    assert.equal((await queue.stats()).lost, 0, 'a mere crash is told as a loss')
    return result
  } finally {
    await queue.close()
  }
}
