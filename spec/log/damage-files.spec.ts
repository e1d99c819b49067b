// damage-files.spec.ts: the small queue with whole files missing, empty, older, in each other's place, or foreign. And
// every bit of its files that are neither segments nor cursor.

import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { Inode } from '../crash/content.ts'
import { FOLDER as NO_FILE } from '../crash/operations.ts'
import { CHECK } from '../layers.ts'
import { type Damage, examine, newTally } from './examine.ts'
import { bytesSet, cuts, damaged, fills, flips, inodeOf, sizeOf } from './mutations.ts'
import { FOLDER, type Kind, type SmallQueue, smallQueue } from './small-queue.ts'
import { flipped, tryAll } from './trying.ts'

const every = (step: number) => (CHECK ? 1 : 8 * step + 1)

const KINDS: readonly Kind[] = ['rolled', 'young', 'killed']
const queues = new Map<Kind, SmallQueue>()
before(async () => {
  for (const kind of KINDS) queues.set(kind, await smallQueue(kind))
})

function queueOf(kind: Kind): SmallQueue {
  return queues.get(kind) ?? assert.fail()
}

const isCursor = (path: string) => /\/cursor\.\d$/.test(path)
const isSegment = (path: string) => /^\/q\/\d{20}\.\d+\.log$/.test(path)

/** All of a file is hit. */
function whole(queue: SmallQueue, path: string, name: string): { name: string; from: number; to: number } {
  return { name, from: 0, to: sizeOf(queue, path) }
}

function* gone(queue: SmallQueue, paths: readonly string[]): Generator<Damage> {
  for (const path of paths) {
    yield damaged(queue, path, whole(queue, path, 'deletion'), (_, { names }) => names.delete(path))
    yield damaged(queue, path, whole(queue, path, 'emptying'), (inode) => inode.truncate(0))
  }
}

/** Each file as it was at some moment before. */
function* older(queue: SmallQueue, paths: readonly string[]): Generator<Damage> {
  for (const path of paths) {
    for (const [at, then] of queue.older.entries()) {
      if (!then.names.has(path)) continue
      const old = inodeOf(then, path)
      yield damaged(queue, path, whole(queue, path, `copy ${at}`), (inode, { names, inodes }) => {
        inodes.set(names.get(path) ?? assert.fail(), old.copy())
        assert.notEqual(inode, old)
      })
    }
  }
}

/** Each of the segments in each other one's place. */
function* exchanged(queue: SmallQueue, paths: readonly string[]): Generator<Damage> {
  for (const path of paths) {
    for (const other of paths.filter((each) => each !== path)) {
      yield damaged(queue, path, whole(queue, path, `a copy of ${other} instead`), (_, { names }) => {
        names.set(path, names.get(other) ?? assert.fail())
      })
    }
  }
}

/** One more file. */
function added(queue: SmallQueue, name: string, inode: Inode): Damage {
  const nothing = { name: `${name} in the folder`, from: 0, to: 0 }
  return damaged(queue, `${FOLDER}/queue.json`, nothing, (_, { names, inodes }) => {
    for (const folder of ['owners', 'failed', 'damaged']) names.set(`${FOLDER}/${folder}`, NO_FILE)
    names.set(`${FOLDER}/${name}`, 1_000_000)
    inodes.set(1_000_000, inode)
  })
}

const STRAY_SEGMENTS = [3, 60, 113, 900].map((base) => `${String(base).padStart(20, '0')}.0.log`)
const STRAY_REWRITES = [1, 57, 109].map((base) => `${String(base).padStart(20, '0')}.9.log`)
const STRAYS = ['README.txt', 'notes.log', '.DS_Store', 'cursor.2', '00000000000000000001.log', 'aside.x', 'aside.77.1']
const DEEPER = ['owners/notes', 'owners/77', 'failed/notes', 'failed/00000000000000000009.0.log', 'damaged/notes']

for (const kind of KINDS) {
  describe(`the queue (${kind})`, () => {
    it('loses what a missing or an empty file held, and nothing else', async (t) => {
      const queue = queueOf(kind)
      const { paths } = queue
      await tryAll(
        t,
        queue,
        gone(
          queue,
          paths.filter((path) => !isCursor(path)),
        ),
      )
      await tryAll(t, queue, gone(queue, paths.filter(isCursor)), { repeats: 'told' })
    })

    it('loses what an older copy of a file does not hold, and nothing else', async (t) => {
      const queue = queueOf(kind)
      const { paths } = queue
      // In the others every segment was rewritten last of all.
      if (kind === 'rolled') await tryAll(t, queue, older(queue, paths.filter(isSegment)), { kept: false })
      await tryAll(t, queue, older(queue, paths.filter(isCursor)), { repeats: 'silent' })
    })

    it('delivers nothing from a segment in the place of another, and loses what that one held', (t) => {
      const queue = queueOf(kind)
      const paths = queue.paths.filter(isSegment)
      const foreign = paths.map((path) => path.slice(FOLDER.length + 1))
      return tryAll(t, queue, exchanged(queue, paths), { kept: false, foreign })
    })

    it('delivers nothing from copies of segments under other names, and loses nothing by them', async (t) => {
      const queue = queueOf(kind)
      const foreign = [...STRAY_SEGMENTS, ...STRAY_REWRITES]
      const segments = queue.paths.filter(isSegment).map((path) => inodeOf(queue.content, path))
      const copies = foreign.flatMap((name) => segments.map((inode) => added(queue, name, inode.copy())))
      await tryAll(t, queue, copies, { lost: new Set(), foreign })
    })

    it('does not mind other files in its folder', async (t) => {
      const queue = queueOf(kind)
      const garbage = () => new Inode(Buffer.alloc(3000, 'not a segment '))
      const foreign = [...STRAY_SEGMENTS, ...STRAY_REWRITES]
      const names = [...STRAYS, ...DEEPER, ...foreign]
      await tryAll(
        t,
        queue,
        names.map((name) => added(queue, name, garbage())),
        { lost: new Set(), foreign },
      )
    })
  })
}

describe('the queue, damaged elsewhere,', () => {
  it('loses nothing by any bit of queue.json', async (t) => {
    const queue = queueOf('rolled')
    const path = `${FOLDER}/queue.json`
    await tryAll(t, queue, flips(queue, path, every(7)), flipped)
    await tryAll(t, queue, cuts(queue, path, every(5)))
    await tryAll(t, queue, fills(queue, path, 100, 0x00))
  })

  it('loses a failed item whose copy is damaged, and nothing else', async (t) => {
    const queue = queueOf('rolled')
    const path = queue.paths.find((each) => each.startsWith(`${FOLDER}/failed/`)) ?? assert.fail()
    await tryAll(t, queue, flips(queue, path, every(61)), flipped)
    await tryAll(t, queue, bytesSet(queue, path, 0xff, every(41)))
    await tryAll(t, queue, cuts(queue, path, every(43)), { kept: false })
    await tryAll(t, queue, fills(queue, path, 512, 0xa5))
  })

  it('does not look into its lock files', async (t) => {
    const queue = queueOf('rolled')
    const locks = queue.paths.filter((path) => path.endsWith('.lock'))
    const hit = { name: 'garbage', from: 0, to: 0 }
    await tryAll(
      t,
      queue,
      locks.map((path) => damaged(queue, path, hit, (inode) => inode.fill(0xa5, 0, 5000))),
    )
  })

  it('tells what is wrong with it in the trials, when something is', async () => {
    const queue = queueOf('rolled')
    const path = queue.paths.filter(isSegment)[1] ?? assert.fail()
    const damage = damaged(queue, path, whole(queue, path, 'deletion'), (_, c) => c.names.delete(path))
    const wrong = await examine(queue, damage, { lost: new Set() }, newTally())
    assert.match(wrong.join(), /lost: id \d+/)
  })
})
