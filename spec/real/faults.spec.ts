// faults.spec.ts: faults that the kernel itself hands to the queue. strace lets a call of a process fail: each of the
// first calls of the queue's own, in turn. And a sync that truly fails: an ext4 in a file on a tmpfs too small for it.
//
// Afterwards: what had resolved is there, what was refused is not (but for a failed sync, of which nobody knows), calls
// that came later worked, and the failure was told.

import assert from 'node:assert/strict'
import { type ExecFileSyncOptions, execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import { AsyncQueue, StorageError } from '../../lib/index.ts'
import { CHECK, counting, notTried } from '../layers.ts'
import { Judge } from './judge.ts'
import { look, newFolder, startWorker } from './workers.ts'

interface Fault {
  readonly call: string
  /** As strace says it. */
  readonly what: string
  /** The code that somebody is told, unless the queue gets over it by itself. */
  readonly code: string
  /** The sync that fails says nothing of what is on the disk. */
  readonly isUnknown?: boolean
}

const FAULTS: readonly Fault[] = [
  { call: 'pwrite64', what: 'error=EIO', code: 'EIO' },
  { call: 'pwrite64', what: 'error=ENOSPC', code: 'ENOSPC' },
  { call: 'pwrite64', what: 'error=EINTR', code: '' },
  { call: 'pwrite64', what: 'retval=0', code: 'EIO' },
  { call: 'fdatasync', what: 'error=EIO', code: 'EIO', isUnknown: true },
  { call: 'fdatasync', what: 'error=ENOSPC', code: 'ENOSPC', isUnknown: true },
  { call: 'fsync', what: 'error=EIO', code: 'EIO', isUnknown: true },
  { call: 'openat', what: 'error=EMFILE', code: 'EMFILE' },
  { call: 'openat', what: 'error=EACCES', code: 'EACCES' },
  { call: 'ftruncate', what: 'error=EIO', code: 'EIO' },
  { call: 'rename', what: 'error=EIO', code: 'EIO' },
  { call: 'unlink', what: 'error=EIO', code: 'EIO' },
]

/** Which calls fail: each of the first ones; every fifth of them for the rarer faults; or by default a few of them. */
const EACH = Array.from({ length: 50 }, (_, i) => i + 1)
const FIFTH = EACH.filter((when) => when % 5 === 2)
const LEAST = CHECK ? 120 : 6
const SOME = CHECK ? FAULTS : FAULTS.slice(0, 4)
const AT_ONCE = 2

const hasStrace = spawnSync('strace', ['-f', '-e', 'trace=none', 'true']).status === 0
const isRoot = process.platform === 'linux' && process.getuid?.() === 0
const STEPS = 24

it('the queue works on after any call of its own that fails, and loses nothing', async (t) => {
  if (!hasStrace) return notTried(t, 'faults of the real kernel', 'strace is missing, or may not trace')
  const counted = counting(t, 'faults of the real kernel')
  const cases = SOME.flatMap((fault) => whenOf(fault).map((when) => ({ fault, when })))
  let met = 0
  const lane = async () => {
    for (let next = cases.shift(); next; next = cases.shift()) {
      const { fault, when } = next
      if (await tryFault(t, fault, when)) met++
      // It has no such call any more.
      else cases.splice(0, cases.length, ...cases.filter((each) => each.fault !== fault))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
  t.diagnostic(`${met} injected faults`)
  counted(met, LEAST)
})

function whenOf({ call, code }: Fault): readonly number[] {
  if (!CHECK) return [2, 9]
  const isCommon = (call === 'pwrite64' || call === 'fdatasync') && (code === 'EIO' || code === 'ENOSPC')
  return isCommon ? EACH : FIFTH
}

/** False where the process had no such call. */
async function tryFault(t: TestContext, fault: Fault, when: number): Promise<boolean> {
  const { call, what } = fault
  const parent = newFolder(t, 'fault')
  const folder = join(parent, 'queue')
  // Calls for what is not of the queue don't count: the queue's folder is named, and all that will stand in it.
  mkdirSync(folder, { mode: 0o700 })
  const options = { durability: 'disk', segmentSize: 2048, flushLimit: 1024 } as const
  const work = { folder, options, first: 0, puts: true, takes: true, steps: STEPS }
  const trace = join(parent, 'trace')
  const inject = `inject=${call}:${what}:when=${when}`
  const command = ['strace', '-f', '-qq', '-o', trace, ...pathsOf(folder), '-e', `trace=${call}`, '-e', inject]
  const worker = startWorker(t, { ...work, seed: 1 }, command)
  const code = await worker.ended
  const wasInjected = existsSync(trace) && readFileSync(trace, 'utf8').includes('INJECTED')
  try {
    judgeFault(fault, worker.lines, { code, trouble: worker.trouble() })
    const judge = new Judge()
    for (const line of worker.lines) judge.hear(line)
    judge.judge(await look(folder))
  } catch (error) {
    throw new Error(`${call} ${what} at call ${when}`, { cause: error })
  }
  return wasInjected
}

/** strace looks at the calls on these files alone. */
function pathsOf(folder: string): string[] {
  const names = ['queue.json', 'cursor.0', 'cursor.1', 'append.lock', 'cursor.lock', 'owners', 'owners/1']
  const segments = Array.from({ length: 200 }, (_, i) => `${String(i + 1).padStart(20, '0')}.0.log`)
  return [folder, ...[...names, ...segments].map((name) => join(folder, name))].flatMap((path) => ['-P', path])
}

interface Ending {
  readonly code: number | null
  readonly trouble: string
}

/** A failure is told as what it was, by a call or by the opening; nothing is taken for damage. */
function judgeFault(fault: Fault, lines: readonly string[], { code, trouble }: Ending): void {
  assert.ok(!lines.some((line) => line.startsWith('corruption')), 'told as damage')
  const failures = lines.filter((line) => line.startsWith('failed'))
  // An item may be in somebody's hand when the sync of its put fails: it is refused, and its acknowledgement too.
  const others = fault.isUnknown ? '|^failed take ERR_QUEUE_SETTLED' : ''
  const told = new RegExp(`^failed (put|take) ERR_QUEUE_STORAGE ${fault.code}${others}`)
  for (const line of failures) assert.match(line, told)
  if (code === 0) return assert.equal(trouble, '')
  // It could not be opened, or not be closed: the error says so.
  assert.match(trouble, new RegExp(`StorageError[^]*${fault.code}`))
}

it('the queue tells a sync that truly failed, and goes on when there is room', async (t) => {
  if (!isRoot) return t.skip('NOT TRIED: a sync that truly fails (mounting takes root on Linux)')
  const parent: string = newFolder(t, 'sync', () => {
    for (const name of ['disk', 'small']) spawnSync('umount', ['-l', join(parent, name)])
  })
  const [small, disk] = [join(parent, 'small'), join(parent, 'disk')]
  try {
    mountSmall(small, disk)
  } catch (error) {
    return t.skip(`NOT TRIED: a sync that truly fails (it takes loop devices and mkfs.ext4): ${error}`)
  }
  const folder = join(disk, 'queue')
  const kept: number[] = []
  let refused = 0
  const queue = await AsyncQueue.open<Buffer>(folder, { codec: 'raw', segmentSize: 1 << 20 })
  for (let number = 1; number < 64 && refused < 3; number++) {
    const outcome = await queue.put(Buffer.alloc(512 << 10, number)).then(
      () => kept.push(number),
      (error: unknown) => error,
    )
    if (typeof outcome === 'number') continue
    assert.ok(outcome instanceof StorageError, String(outcome))
    refused++
  }
  assert.ok(kept.length > 4 && refused === 3, `${kept.length} kept, ${refused} refused`)
  await queue.close().catch((error: unknown) => assert.ok(error instanceof StorageError))
  execFileSync('mount', ['-o', 'remount,size=64m', small])
  await afterwards(folder, kept)
})

function mountSmall(small: string, disk: string): void {
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` }
  const quiet: ExecFileSyncOptions = { stdio: ['ignore', 'ignore', 'pipe'], env }
  for (const folder of [small, disk]) mkdirSync(folder)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', small], quiet)
  const image = join(small, 'image')
  execFileSync('truncate', ['-s', '48M', image], quiet)
  execFileSync('mkfs.ext4', ['-q', '-F', '-O', '^has_journal', image], quiet)
  execFileSync('mount', ['-o', 'loop', image, disk], quiet)
}

/** All that had resolved is there, read from the medium itself, and it can be put and taken again. */
async function afterwards(folder: string, kept: readonly number[]): Promise<void> {
  execFileSync('sync')
  await using queue = await AsyncQueue.open<Buffer>(folder)
  await queue.put(Buffer.from([255]))
  const found = new Set<number>()
  for (let item = await queue.pop(); item; item = await queue.pop()) {
    assert.ok(item.every((byte) => byte === item?.[0]))
    found.add(item[0] ?? 0)
  }
  assert.deepEqual(
    kept.filter((number) => !found.has(number)),
    [],
  )
  assert.ok(found.has(255))
  assert.equal((await queue.stats()).lost, 0)
}
