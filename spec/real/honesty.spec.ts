// honesty.spec.ts: is the recording disk honest? What it records of a workload is what strace sees the real disk do for
// the same: names made, renamed and removed, writes with their places and lengths, syncs, all in one order.

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import type { Op } from '../crash/operations.ts'
import { RecordingDisk } from '../crash/recording-disk.ts'
import { CHECK } from '../layers.ts'
import { runQuietly } from './honest.ts'
import { newFolder } from './workers.ts'

const worker = fileURLToPath(new URL('./honest-worker.js', import.meta.url))
const hasStrace = spawnSync('strace', ['-f', '-e', 'trace=none', 'true']).status === 0
const skip = hasStrace ? false : 'NOT TRIED: the recorder against strace (strace is missing, or may not trace)'
const WORDS = CHECK ? ['', '1', 'A', '3B3p', '3nf', '3Lf1o', 'BBBpppfo', 'xAnLrfo1', '33333pppppppppLLff'] : ['3ABpLfo']
const CALLS = 'openat,pwrite64,fdatasync,fsync,ftruncate,rename,unlink,mkdir'

/** The recorder's log in strace's words. */
function recorded(log: readonly Op[]): string[] {
  const paths = new Map<number, string>()
  return log.flatMap((op) => {
    if (op.kind === 'mark') return []
    if (op.kind === 'folder') return `mkdir ${op.path}`
    if (op.kind === 'syncFolder') return `fsync ${op.path}`
    if (op.kind === 'sync') return `fdatasync ${paths.get(op.ino)}`
    if (op.kind === 'write') return `pwrite64 ${paths.get(op.ino)} ${op.position} ${op.bytes.length}`
    if (op.kind === 'truncate') return `ftruncate ${paths.get(op.ino)} ${op.size}`
    if (op.kind === 'unlink') return `unlink ${op.path}`
    paths.set(op.ino, op.path)
    return op.kind === 'rename' ? `rename ${op.from} ${op.path}` : `create ${op.path}`
  })
}

/** strace's lines in the same words: `123 pwrite64(7</tmp/f/q/cursor.0>, ""..., 64, 1024) = 64`. */
function seen(trace: string, folder: string): string[] {
  const calls: string[] = []
  for (const line of wholeLines(trace)) {
    const [, name = '', words = '', result = ''] = /^(\w+)\((.*)\)\s+= (-?\d+)/.exec(line) ?? []
    if (name === '' || Number(result) < 0 || !words.includes(folder)) continue
    const call = callOf(name, words.replaceAll(folder, ''))
    if (call !== undefined) calls.push(call)
  }
  return calls
}

function callOf(name: string, words: string): string | undefined {
  const file = /^\d+<([^>]*)>/.exec(words)?.[1]
  const names = [...words.matchAll(/"([^"]*)"/g)].map(([, path]) => path)
  const numbers = [...words.matchAll(/, (\d+)/g)].map(([, number]) => Number(number))
  if (name === 'openat') return words.includes('O_CREAT') ? `create ${names[0]}` : undefined
  if (name === 'pwrite64') return `pwrite64 ${file} ${numbers[1]} ${numbers[0]}`
  if (name === 'ftruncate') return `ftruncate ${file} ${numbers[0]}`
  if (name === 'rename') return `rename ${names[0]} ${names[1]}`
  if (name === 'unlink' || name === 'mkdir') return `${name} ${names[0]}`
  return `${name} ${file || '/'}`
}

/** Where calls of several threads overlap, strace tells of one in two lines: it counts from its beginning. */
function wholeLines(trace: string): string[] {
  const lines: string[] = []
  const begun = new Map<string, number>()
  for (const line of trace.split('\n')) {
    const [, pid = '', text = ''] = /^(\d+)\s+(.*)$/.exec(line) ?? []
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(text)?.[1]
    const at = begun.get(pid)
    if (resumed !== undefined && at !== undefined) lines[at] += resumed
    else {
      if (text.endsWith(' <unfinished ...>')) begun.set(pid, lines.length)
      lines.push(text.replace(/ <unfinished \.\.\.>$/, ''))
    }
  }
  return lines
}

/**
 * A manifest in the making is named by chance. And whether a sync that nobody waits for begins in time to cover what a
 * second one is asked for, depends on the disk: one behind the other they are the same as one.
 */
function told(calls: readonly string[]): string[] {
  const named = calls.map((call) => call.replaceAll(/queue\.json\.[0-9a-f]{8}/g, 'queue.json.<tag>'))
  return named.filter((call, i) => !(call.startsWith('fdatasync') && call === named[i - 1]))
}

/**
 * A sync that nobody waits for begins when a thread is there for it, and what is done beside it may come before: which
 * of those orders the real disk sees, differs from run to run. The recorder's is one of them.
 */
const TRIES = 8

for (const word of WORDS) {
  it(`the queue does to a real disk what is recorded of it: word '${word}'`, { skip }, async (t) => {
    const disk = new RecordingDisk()
    await runQuietly(word, disk)
    const expected = told(recorded(disk.log))
    let real: string[] = []
    for (let tries = 0; tries < TRIES && !isDeepStrictEqual(real, expected); tries++) real = told(watched(t, word))
    t.diagnostic(`word '${word}': ${real.length} calls`)
    assert.ok(real.length > 20)
    assert.deepEqual(real, expected)
  })
}

/** What strace sees of one run. */
function watched(t: TestContext, word: string): string[] {
  const folder = newFolder(t, 'honest')
  const trace = join(newFolder(t, 'trace'), 'trace')
  const env = { ...process.env, UV_THREADPOOL_SIZE: '1', UV_USE_IO_URING: '0' }
  const strace = ['-f', '-y', '-s', '200', '-o', trace, '-e', `trace=${CALLS}`]
  execFileSync('strace', [...strace, process.execPath, worker, folder, word], { env })
  return seen(readFileSync(trace, 'utf8'), folder)
}
