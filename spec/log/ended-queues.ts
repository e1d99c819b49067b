// ended-queues.ts: queues that ended in every way: closed, killed, cut off, and one that is still open; and what an
// intact copy of each gives. What of it the disk knows to be durable is read from its bytes.

import { readCursorFile } from '../../lib/log/cursor-file.ts'
import { FRAME_HEADER_BYTES, type Position, readFrameHeader, START } from '../../lib/log/frame.ts'
import { DATA_START, readHeader } from '../../lib/log/segment.ts'
import type { Durability } from '../../lib/store.ts'
import type { Content } from '../crash/content.ts'
import { RecordingDisk } from '../crash/recording-disk.ts'
import { crashStates } from '../crash/states.ts'
import { FOLDER, numbered, put, QueueRig } from './queue-rig.ts'

export const ENDS = ['closed', 'killed', 'cut off', 'still open'] as const
export type End = (typeof ENDS)[number]
export const DURABILITIES: readonly Durability[] = ['disk', 'os', { interval: 5 }]

export interface FoundFrame {
  readonly path: string
  readonly base: number
  readonly offset: number
  readonly next: number
  readonly from: number
  readonly to: number
}

export interface EndedQueue {
  readonly name: string
  readonly end: End
  readonly content: Content
  readonly bootId: string
  readonly frames: readonly FoundFrame[]
  /** What the frames and the journal say is durable. */
  readonly known: Position
}

const LIMITS = { aheadBytes: 1024, readBytes: 1024, cursorBytes: 2048 }
const TURNS = 6

async function rest(rig: QueueRig): Promise<void> {
  rig.clock.pass(60)
  for (let turn = 0; turn < TURNS; turn++) await new Promise(setImmediate)
}

/** Segments sealed and open, frames of one item and of several, some of them taken. */
export async function endedQueues(end: End, durability: Durability): Promise<EndedQueue[]> {
  const rig = new QueueRig()
  const process = rig.disk.process()
  const store = await rig.open({ disk: process, durability, segmentSize: 1200, limits: LIMITS })
  let next = 1
  for (const [turn, count] of [1, 3, 1, 2, 5, 1, 1, 4, 1, 2, 1, 1].entries()) {
    await put(store, numbered(count, next, 90))
    next += count
    if (turn === 5) await store.pop(2)
    if (turn % 4 === 3) await rest(rig)
  }
  const name = `${end}, ${JSON.stringify(durability)}`
  if (end === 'closed') await store.close()
  if (end !== 'cut off') {
    process.kill()
    return [ended(name, end, rig.disk)]
  }
  const states = crashStates(rig.disk.log, { from: rig.disk.log.length, kinds: ['cut'], limit: 2, seed: 5 })
  return [...states].map((state) => ended(`${name}, ${state.name}`, end, state.disk))
}

function ended(name: string, end: End, disk: RecordingDisk): EndedQueue {
  const { frames, told } = framesOn(disk)
  return { name, end, content: disk.content.copy(), bootId: disk.boot, frames, known: later(told, journalOn(disk)) }
}

/** All frames that hold, wherever they stand. */
function framesOn(disk: RecordingDisk): { frames: FoundFrame[]; told: Position } {
  const frames: FoundFrame[] = []
  let told = START
  for (const path of disk.paths().filter((path) => /^\/q\/\d+\.\d\.log$/.test(path))) {
    const bytes = Buffer.from(disk.bytesOf(path))
    const { header } = readHeader(bytes)
    for (let at = DATA_START; header && at < bytes.length; at++) {
      const frame = readFrameHeader(bytes, at, bytes.length, header.nonce)
      if (!frame) continue
      const from = header.base + frame.relativeId
      const next = at + FRAME_HEADER_BYTES + frame.bodyBytes
      frames.push({ path, base: header.base, offset: at, next, from, to: from + frame.count - 1 })
      told = later(told, frame.syncedTo)
    }
  }
  return { frames, told }
}

function journalOn(disk: RecordingDisk): Position {
  let found = START
  for (const name of ['cursor.0', 'cursor.1']) {
    const file = disk.open(`${FOLDER}/${name}`, 'read')
    const { state, records } = readCursorFile(file)
    file.close()
    for (const record of records) state?.apply(record)
    found = later(found, state?.synced.position ?? START)
  }
  return found
}

function later(one: Position, other: Position): Position {
  return isBefore(one, other) ? other : one
}

export function isBefore(one: Position, other: Position): boolean {
  return one.segment < other.segment || (one.segment === other.segment && one.offset < other.offset)
}

export function diskOf(queue: EndedQueue): RecordingDisk {
  return new RecordingDisk({ start: queue.content.copy(), bootId: queue.bootId })
}
