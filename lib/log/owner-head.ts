// owner-head.ts: the first bytes of an owner's file: whose handle it is. They are for people and for messages: whether the
// owner lives, only the lock tells. Never change a field; add a version.
//
//    0       4         8     12       16      24        40      41            42             44        108
//    ┌───────┬─────────┬─────┬────────┬───────┬─────────┬───────┬─────────────┬──────────────┬─────────┬───────────┐
//    │ magic │ version │ pid │ thread │ since │ boot id │ flags │ host length │ label length │ host    │ label     │
//    │       │         │     │        │ 8     │ 16      │       │             │ 2            │ 64      │ 256       │
//    └───────┴─────────┴─────┴────────┴───────┴─────────┴───────┴─────────────┴──────────────┴─────────┴───────────┘
//  364: zeros · 508: crc of bytes 0 to 508
//
// `since` is when the handle was opened, in milliseconds since 1970. Of the flags 1 says that the handle has the queue
// for itself, and 2 that the boot id is text: its first 16 characters. One that is a UUID stands as its 16 bytes.

import { checksumOf, getU16, getU32, getU64, putU16, putU32, putU64 } from './bytes.ts'

export const OWNER_HEAD_BYTES = 512
export const OWNER_MAGIC = 0x6f717073 // 'spqo'
export const OWNER_VERSION = 1
export const MOST_HOST_BYTES = 64
export const MOST_LABEL_BYTES = 256

const BOOT_AT = 24
const BOOT_BYTES = 16
const FLAGS_AT = 40
const HOST_LENGTH_AT = 41
const LABEL_LENGTH_AT = 42
const HOST_AT = 44
const LABEL_AT = HOST_AT + MOST_HOST_BYTES
const CRC_AT = OWNER_HEAD_BYTES - 4
const EXCLUSIVE = 1
const BOOT_IS_TEXT = 2
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export interface OwnerHead {
  readonly pid: number
  readonly thread: number
  /** Milliseconds since 1970. */
  readonly since: number
  readonly bootId: string
  readonly host: string
  readonly label: string
  readonly exclusive: boolean
}

/** Throws a RangeError for a label that is too long; a host's name is cut. */
export function encodeOwnerHead(head: OwnerHead): Buffer {
  const label = Buffer.from(head.label)
  if (label.length > MOST_LABEL_BYTES) {
    throw new RangeError(`label: ${label.length} bytes of UTF-8, of which an owner's file holds ${MOST_LABEL_BYTES}`)
  }
  const bytes = Buffer.alloc(OWNER_HEAD_BYTES)
  putU32(bytes, 0, OWNER_MAGIC)
  putU32(bytes, 4, OWNER_VERSION)
  putU32(bytes, 8, head.pid)
  putU32(bytes, 12, head.thread)
  putU64(bytes, 16, Math.max(0, Math.floor(head.since)))
  const isText = !UUID.test(head.bootId)
  if (isText) bytes.write(head.bootId, BOOT_AT, BOOT_BYTES, 'latin1')
  else bytes.write(head.bootId.replaceAll('-', ''), BOOT_AT, BOOT_BYTES, 'hex')
  bytes[FLAGS_AT] = (head.exclusive ? EXCLUSIVE : 0) | (isText ? BOOT_IS_TEXT : 0)
  bytes[HOST_LENGTH_AT] = bytes.write(head.host, HOST_AT, MOST_HOST_BYTES, 'utf8')
  putU16(bytes, LABEL_LENGTH_AT, label.length)
  label.copy(bytes, LABEL_AT)
  putU32(bytes, CRC_AT, checksumOf(bytes, 0, CRC_AT))
  return bytes
}

/** Undefined where the bytes don't hold: it was not written yet, there was no room for it, or it rotted. */
export function decodeOwnerHead(bytes: Uint8Array): OwnerHead | undefined {
  if (bytes.length < OWNER_HEAD_BYTES || getU32(bytes, 0) !== OWNER_MAGIC) return
  if (checksumOf(bytes, 0, CRC_AT) !== getU32(bytes, CRC_AT) || getU32(bytes, 4) !== OWNER_VERSION) return
  const text = (at: number, length: number) => Buffer.from(bytes.subarray(at, at + length)).toString('utf8')
  const flags = bytes[FLAGS_AT] ?? 0
  const boot = Buffer.from(bytes.subarray(BOOT_AT, BOOT_AT + BOOT_BYTES))
  return {
    pid: getU32(bytes, 8),
    thread: getU32(bytes, 12),
    since: getU64(bytes, 16),
    bootId: (flags & BOOT_IS_TEXT) !== 0 ? boot.toString('latin1').replace(/\0+$/, '') : uuidOf(boot),
    host: text(HOST_AT, Math.min(bytes[HOST_LENGTH_AT] ?? 0, MOST_HOST_BYTES)),
    label: text(LABEL_AT, Math.min(getU16(bytes, LABEL_LENGTH_AT), MOST_LABEL_BYTES)),
    exclusive: (flags & EXCLUSIVE) !== 0,
  }
}

function uuidOf(bytes: Buffer): string {
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
