// format-reader.ts: a reader of a queue's directory made from docs/format.md alone, with nothing of the library: what it
// finds has to be what the library wrote. JSON only.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'

export interface ReadItem {
  readonly id: number
  readonly item: unknown
  readonly time: number
}

interface Segment {
  readonly base: number
  readonly bytes: Buffer
}

/** The items that are ready, by id. */
export function readQueue(folder: string): ReadItem[] {
  const manifest = readFileSync(join(folder, 'queue.json'), 'utf8')
  const end = manifest.lastIndexOf(',"crc":"')
  const crc = crc32(Buffer.from(manifest.slice(0, end)))
    .toString(16)
    .padStart(8, '0')
  if (manifest.slice(end) !== `,"crc":"${crc}"}\n`) throw new Error('queue.json does not hold')
  const taken = readCursor(folder)
  return segments(folder)
    .flatMap(items)
    .filter(({ id }) => !taken(id))
}

function segments(folder: string): Segment[] {
  const names = readdirSync(folder).map((name) => /^(\d{20})\.(\d+)\.log$/.exec(name))
  const found = names.flatMap((match) =>
    match ? [{ name: match[0], base: Number(match[1]), rewrite: Number(match[2]) }] : [],
  )
  const ruling = found.filter(
    ({ base, rewrite }) => !found.some((other) => other.base === base && other.rewrite > rewrite),
  )
  return ruling
    .sort((one, other) => one.base - other.base)
    .map(({ name, base }) => ({ base, bytes: readFileSync(join(folder, name)) }))
}

const u64 = (bytes: Buffer, at: number) => Number(bytes.readBigUInt64LE(at))

function items({ base, bytes }: Segment): ReadItem[] {
  const head = [0, 512].find((at) => crc32(bytes.subarray(at, at + 508)) === bytes.readUInt32LE(at + 508))
  if (head === undefined || bytes.readUInt32LE(head) !== 0x73717073) throw new Error('no header')
  const sealed = u64(bytes, 1024)
  const nonce = bytes.readUInt32LE(head + 20)
  const found: ReadItem[] = []
  for (let at = 1056; at < (sealed || bytes.length); ) {
    const length = bytes.readUInt32LE(at + 12)
    const body = bytes.subarray(at + 56, at + 56 + length)
    const holds = crc32(bytes.subarray(at + 8, at + 56)) === bytes.readUInt32LE(at + 4)
    if (!holds || bytes.readUInt32LE(at + 28) !== nonce || crc32(body) !== bytes.readUInt32LE(at + 8)) break
    const first = base + bytes.readUInt32LE(at + 24)
    found.push(...documents(body, bytes.readUInt32LE(at + 20), first, u64(bytes, at + 32)))
    at += 56 + length
  }
  return found
}

function documents(body: Buffer, flags: number, first: number, time: number): ReadItem[] {
  const next = varints(body, 0)
  if (flags & 2) [next(), next()]
  if (flags & 12) for (let ranges = next(); ranges > 0; ranges--) [next(), next()]
  const found: ReadItem[] = []
  let id = first
  while (next.at() < body.length) {
    if (flags & 1) id += next()
    const [before, part] = flags & 16 ? [next(), next()] : [0, undefined]
    const count = next()
    const text = next.text(next())
    const all: unknown[] = count === 1 ? [JSON.parse(text)] : JSON.parse(text)
    for (const item of all.slice(before, before + (part ?? count))) found.push({ id: id++, item, time })
  }
  return found
}

function varints(bytes: Buffer, start: number) {
  let at = start
  const next = () => {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++] ?? 0
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
  }
  const text = (length: number) => {
    at += length
    return bytes.toString('utf8', at - length, at)
  }
  return Object.assign(next, { at: () => at, text })
}

/** Which ids are not ready: settled, in flight, delayed. */
function readCursor(folder: string): (id: number) => boolean {
  const files = ['cursor.0', 'cursor.1'].map((name) => readFileSync(join(folder, name)))
  const whole = files.filter((bytes) => bytes.length > 64 && crc32(bytes.subarray(0, 60)) === bytes.readUInt32LE(60))
  const ruling = whole.sort((one, other) => u64(other, 8) - u64(one, 8))[0]
  if (!ruling) throw new Error('no cursor')
  const length = ruling.readUInt32LE(28)
  if (crc32(ruling.subarray(1024, 1024 + length)) !== ruling.readUInt32LE(32)) throw new Error('no snapshot')
  const { head, taken } = snapshot(ruling)
  records(ruling, Math.ceil((1024 + length) / 32) * 32, taken)
  return (id) => id < head || taken.has(id)
}

function snapshot(bytes: Buffer): { head: number; taken: Set<number> } {
  const next = varints(bytes, 1024)
  const head = next()
  for (let skipped = 0; skipped < 5; skipped++) next()
  for (let owners = next(); owners > 0; owners--) [next(), next(), next(), next()]
  for (let failed = next(); failed > 0; failed--) [next(), next(), next(), next()]
  const taken = new Set<number>()
  let id = head
  for (let runs = next(); runs > 0; runs--) {
    id += next()
    const last = id + next()
    const state = next()
    const fields = [0, 4, 2, 0][state] ?? 0
    for (let field = 0; field < fields; field++) next()
    for (; id <= last; id++) if (state !== 2) taken.add(id)
  }
  return { head, taken }
}

/** Kinds that take ids away, and kinds that bring them back; the number of fields before the ranges. */
const TAKING = new Map([
  [1, 3],
  [2, 0],
  [4, 3],
  [5, 1],
  [13, 1],
])
const BRINGING = new Map([
  [3, 2],
  [12, 0],
])

function records(bytes: Buffer, start: number, taken: Set<number>): void {
  const salt = bytes.readUInt32LE(16)
  let seed = bytes.readUInt32LE(8)
  for (let at = start; (bytes[at] ?? 0) > 0; ) {
    const end = at + (bytes[at + 1] ?? 0) * 32
    const crc = bytes.readUInt32LE(end - 4)
    if (crc32(bytes.subarray(at, end - 4), (seed ^ salt) >>> 0) !== crc) return
    const kind = bytes[at] ?? 0
    const fields = TAKING.get(kind) ?? BRINGING.get(kind)
    if (fields !== undefined) {
      for (const id of ranges(bytes, at + 2, fields))
        if (TAKING.has(kind)) taken.add(id)
        else taken.delete(id)
    }
    seed = crc
    at = end
  }
}

function* ranges(bytes: Buffer, at: number, fields: number): Generator<number> {
  const next = varints(bytes, at)
  for (let field = 0; field < fields; field++) next()
  let id = 0
  for (let left = next(); left > 0; left--) {
    id += next()
    for (const last = id + next(); id < last; id++) yield id
    yield id
  }
}
