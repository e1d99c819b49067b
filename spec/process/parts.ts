// parts.ts: starts the parts of part.ts, and hears what they tell.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { mkdtempSync, readdirSync, realpathSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { AsyncQueue } from '../../lib/index.ts'
import type { Parts, Produced } from './part.ts'

const program = new URL('./part.js', import.meta.url)

export interface Running {
  /** What it has told so far. */
  readonly lines: readonly string[]
  /** Resolves when it has told so many lines; rejects if it ends before. */
  heard(count: number): Promise<void>
  /** Resolves when it has ended by itself and all is heard; rejects if that went wrong. */
  readonly done: Promise<void>
  /** kill -9; resolves when all that it told is heard. */
  kill(): Promise<void>
}

export interface RunningProcess extends Running {
  signal(name: NodeJS.Signals): void
}

export function startPart<Part extends keyof Parts>(t: TestContext, part: Part, args: Parts[Part]): RunningProcess {
  const child = spawn(process.execPath, [fileURLToPath(program), part, JSON.stringify(args)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.after(() => child.kill('SIGKILL'))
  const reader = createInterface(child.stdout)
  let trouble = ''
  child.stderr.on('data', (chunk) => {
    trouble += chunk
  })
  const ended = Promise.all([once(reader, 'close'), once(child, 'close')])
  const done = ended.then(([, [code]]) => assert.equal(code, 0, trouble))
  async function kill(): Promise<void> {
    child.kill('SIGKILL')
    const [, [, signal]] = await ended
    assert.equal(signal, 'SIGKILL', `it had ended by itself: ${trouble}`)
    assert.equal(trouble, '')
  }
  return { ...listenTo(reader, 'line', done), done, kill, signal: (name) => child.kill(name) }
}

export function startThread<Part extends keyof Parts>(t: TestContext, part: Part, args: Parts[Part]): Running {
  const worker = new Worker(program, { workerData: [part, JSON.stringify(args)] })
  t.after(() => worker.terminate())
  const done = once(worker, 'exit').then(([code]) => assert.equal(code, 0))
  return { ...listenTo(worker, 'message', done), done, kill: () => worker.terminate().then(() => undefined) }
}

function listenTo(teller: EventEmitter, event: string, done: Promise<void>): Pick<Running, 'lines' | 'heard'> {
  const lines: string[] = []
  const toldOne = new EventEmitter()
  teller.on(event, (line) => {
    lines.push(line)
    toldOne.emit('line')
  })
  // Whoever kills it waits for neither.
  const tooSoon = done.then(() => assert.fail('it ended before it told what was waited for'))
  tooSoon.catch(() => undefined)
  async function heard(count: number): Promise<void> {
    while (lines.length < count) await Promise.race([once(toldOne, 'line'), tooSoon])
  }
  return { lines, heard }
}

/** A path in a new folder, gone when the spec has ended. */
export function newPlace(t: TestContext): string {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'spoolq-process-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'queue')
}

/** All files below a folder, and their bytes. */
export function filesIn(folder: string): Map<string, number> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  const stats = names.map((name) => [name, statSync(join(folder, name))] as const)
  return new Map(stats.filter(([, stat]) => stat.isFile()).map(([name, stat]) => [name, stat.size]))
}

/** The files that a queue at rest, with all taken and flushed, may hold: nothing else, and less than 256 KiB. */
export function assertAtRest(folder: string): void {
  const files = filesIn(folder)
  // The lines of those who waited for a lock stay.
  const known = /^(queue\.json|\d{20}\.\d+\.log|cursor\.[01]|(owners\/)?(append|cursor)\.lock)$/
  assert.deepEqual(
    [...files.keys()].filter((name) => !known.test(name)),
    [],
  )
  const bytes = [...files.values()].reduce((sum, size) => sum + size, 0)
  assert.ok(bytes < 256 * 1024, `${bytes} bytes in ${[...files.keys()].join(', ')}`)
}

/** What a spec does in its long form (npm run check), or else in its fast one. */
export function long<T>(longForm: T, fastForm: T): T {
  return process.env.SPOOLQ_CHECK === undefined ? fastForm : longForm
}

/** Puts last items, each of which ends the consumer that gets it, until all have ended. */
export async function endEach(folder: string, consumers: readonly Promise<void>[]): Promise<void> {
  await using queue = await AsyncQueue.open<Produced>(folder)
  const open = new Set(consumers)
  for (const consumer of consumers) consumer.then(() => open.delete(consumer)).catch(() => undefined)
  while (open.size > 0) {
    await queue.put({ producer: -1, number: open.size })
    await Promise.race(open)
  }
}
