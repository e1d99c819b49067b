// manifest.ts: queue.json, what a queue was made with.
//
//    { "format": 2, "codec": "msgpack", "order": "fifo", "segmentSize": 16777216, "id": "5d0c61…", "crc": "1a2b3c4d" }
//
// The id tells this queue from any other.
// The crc is over the text before it. A file that rotted is made anew from what the segments say; one that somebody
// else wrote, or a newer version did, is refused.

import { codeOf, type Disk, withFile } from '../disk/disk.ts'
import { FormatError } from '../errors.ts'
import { checksumOfText } from './bytes.ts'
import { FILE_NAMES, FOLDER_NAMES, isManifestInMaking, isOurs, MANIFEST, segmentsOf } from './layout.ts'
import { codecInHeader, DATA_START, FORMAT_VERSION, readHeader } from './segment.ts'
import type { StepLock } from './step-lock.ts'

const FIELDS = ['format', 'codec', 'order', 'segmentSize', 'id', 'crc']

export interface Manifest {
  readonly codec: string
  readonly segmentSize: number
  readonly id: string
}

function encode(manifest: Manifest): Buffer {
  const { codec, segmentSize, id } = manifest
  const fields = JSON.stringify({ format: FORMAT_VERSION, codec, order: 'fifo', segmentSize, id }).slice(0, -1)
  return Buffer.from(`${fields},"crc":"${checksumOfText(fields)}"}\n`)
}

type Found = Manifest & { readonly format: number }

/** The manifest, 'none', or 'bad' where the file doesn't hold. Throws where it is somebody else's or a newer one. */
function read(disk: Disk, folder: string): Found | 'none' | 'bad' {
  const path = `${folder}/${MANIFEST}`
  let text: string
  try {
    text = withFile(disk.open(path, 'read'), (file) => {
      const bytes = Buffer.alloc(Math.min(file.size(), 4096))
      return bytes.subarray(0, file.read(bytes, 0, bytes.length, 0)).toString('utf8')
    })
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 'none'
    throw error
  }
  return parse(text, path)
}

function parse(text: string, path: string): Found | 'bad' {
  const crcAt = text.lastIndexOf(',"crc":"')
  const holds = crcAt > 0 && text.slice(crcAt) === `,"crc":"${checksumOfText(text.slice(0, crcAt))}"}\n`
  const fields = parsed(text)
  if (!fields) return 'bad'
  const { format, codec, segmentSize, id } = fields
  if (typeof format === 'number' && format > FORMAT_VERSION && (holds || crcAt < 0)) {
    throw new FormatError(
      `${path} says format ${format}, a newer version's: update spoolq (this one knows ${FORMAT_VERSION})`,
    )
  }
  if (holds && isFormat(format) && typeof codec === 'string' && typeof segmentSize === 'number') {
    return { format, codec, segmentSize, id: typeof id === 'string' ? id : checksumOfText(text) }
  }
  // With most of its fields it is one that rotted.
  if (FIELDS.filter((name) => name in fields).length < 3) {
    throw new FormatError(`${path} was not written by spoolq: name another folder`)
  }
  return 'bad'
}

/** One that was written once. */
function isFormat(format: unknown): format is number {
  return typeof format === 'number' && Number.isSafeInteger(format) && format >= 1
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch {
    return
  }
}

/** Refuses a folder that holds other things than a queue's. Nothing has been written to it yet. */
export function checkFolder(disk: Disk, folder: string): 'absent' | 'empty' | 'queue' {
  let names: string[]
  try {
    names = disk.list(folder)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 'absent'
    if (codeOf(error) === 'ENOTDIR')
      throw new FormatError(`${folder} is a file, not a queue's folder: name another place`)
    throw error
  }
  if (names.includes(MANIFEST)) return 'queue'
  const foreign = names.find((name) => !isOurs(name))
  if (foreign !== undefined) {
    throw new FormatError(`${folder} is not a queue: it holds ${foreign} and no ${MANIFEST}; name another folder`)
  }
  return names.some((name) => name.endsWith('.log') || name.startsWith('cursor.')) ? 'queue' : 'empty'
}

/** Throws where something that is not the queue's stands under one of its names, whether it is needed now or not. */
export function lookAtNames(disk: Disk, folder: string): void {
  for (const name of FILE_NAMES) disk.look?.(`${folder}/${name}`, 'file')
  for (const name of FOLDER_NAMES) disk.look?.(`${folder}/${name}`, 'folder')
}

export interface ManifestReading extends Manifest {
  readonly format: number
  /** It did not hold, and was made anew. */
  readonly repaired: boolean
}

/** Reads the manifest, or writes it: for a new queue as wanted, for one that lost it as its segments say. */
export async function readOrCreate(
  disk: Disk,
  folder: string,
  wanted: Manifest,
  making: { readonly lock: StepLock; readonly tag: string },
): Promise<ManifestReading> {
  const found = read(disk, folder)
  if (typeof found === 'object') return { ...found, repaired: false }
  const recorded = recordedIn(disk, folder)
  if (found === 'bad' && !recorded && segmentsOf(disk.list(folder)).current.length === 0) {
    throw new FormatError(`${folder}/${MANIFEST} is damaged, and no segment tells what it said: restore it from a copy`)
  }
  const isWanted = recorded === undefined || recorded === codecInHeader(wanted.codec)
  const manifest = isWanted ? wanted : { ...wanted, codec: recorded }
  await write(disk, folder, manifest, making)
  const written = read(disk, folder)
  const result = typeof written === 'object' ? written : { ...manifest, format: FORMAT_VERSION }
  return { ...result, repaired: found === 'bad' || recorded !== undefined }
}

/** The codec that the newest whole segment names. */
function recordedIn(disk: Disk, folder: string): string | undefined {
  for (const name of segmentsOf(disk.list(folder)).current.toReversed()) {
    const file = disk.open(`${folder}/${String(name.base).padStart(20, '0')}.${name.rewrite}.log`, 'read')
    const head = Buffer.alloc(DATA_START)
    const { header } = withFile(file, () => readHeader(head.subarray(0, file.read(head, 0, DATA_START, 0))))
    if (header?.codec) return header.codec
  }
  return
}

/** Whole and synced; it needs but its name, which `takeName` gives it. */
export async function prepare(disk: Disk, folder: string, manifest: Manifest, tag: string): Promise<string> {
  const path = `${folder}/${MANIFEST}.${tag}`
  const file = disk.open(path, 'create')
  try {
    file.write(encode(manifest), 0)
    await file.sync()
  } finally {
    file.close()
  }
  return path
}

/** Under both locks: a manifest of an older format is replaced by a prepared one. */
export function takeName(disk: Disk, folder: string, prepared: string): void {
  const found = read(disk, folder)
  if (typeof found === 'object' && found.format < FORMAT_VERSION) disk.rename(prepared, `${folder}/${MANIFEST}`)
}

/** Whole before it has its name; whoever comes first wins. */
async function write(
  disk: Disk,
  folder: string,
  manifest: Manifest,
  { lock, tag }: { readonly lock: StepLock; readonly tag: string },
): Promise<void> {
  const path = await prepare(disk, folder, manifest, tag)
  await lock.run(() => {
    if (typeof read(disk, folder) !== 'object') disk.rename(path, `${folder}/${MANIFEST}`)
    // Whoever made it first may have swept this one away with the rest.
    sweepManifests(disk, folder)
  })
  await disk.syncFolder(folder)
}

/** Under append.lock: removes manifests in the making. Those that are not dead find one made already. */
export function sweepManifests(disk: Disk, folder: string): void {
  for (const name of disk.list(folder)) {
    if (!isManifestInMaking(name)) continue
    try {
      disk.unlink(`${folder}/${name}`)
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error
    }
  }
}
