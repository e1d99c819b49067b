// windows.ts: the end of the log, kept in memory. Frames are built here one behind the other, as they stand in their
// segment, so a consumer that has caught up reads them without touching the disk.
//
//    segment    ┄┄┄┄┄┄┄┄┬───────┬─────────────┬────┬┄┄┄
//    arena           [  │ frame │    frame    │ fr │ next one is built here ]
//                       └──────── window ─────────┘
//
// What is in a window was written whole by this handle or held its checksums when it was read, and never changes:
// an arena that is full is left to whoever still reads it.

/** `bytes[at]` stands at `offset` in the segment; it holds up to `end`. */
export interface Window {
  readonly segment: number
  readonly rewrite: number
  readonly offset: number
  readonly bytes: Buffer
  readonly at: number
  end: number
}

const KEPT = 3

export class Windows {
  readonly #arenaBytes: number
  #arena: Buffer
  #used = 0
  /** The end of what is used, as it was handed out. */
  #reserved: Buffer | undefined
  #windows: Window[] = []

  constructor(arenaBytes: number) {
    this.#arenaBytes = arenaBytes
    this.#arena = Buffer.allocUnsafeSlow(arenaBytes)
  }

  /** Room for a frame of one's own. What is larger than an arena gets a buffer of its own. */
  reserve(length: number): Buffer {
    if (length > this.#arenaBytes) return Buffer.allocUnsafeSlow(length)
    if (this.#used + length > this.#arenaBytes) {
      this.#arena = Buffer.allocUnsafeSlow(this.#arenaBytes)
      this.#used = 0
    }
    this.#used += length
    this.#reserved = this.#arena.subarray(this.#used - length, this.#used)
    return this.#reserved
  }

  /** What is read at once to be kept: a part of an arena, so that it isn't left half empty. */
  get most(): number {
    return this.#arenaBytes >>> 2
  }

  /** The last bytes of what was reserved last aren't needed: nobody has seen them. */
  giveBack(length: number): void {
    this.#used -= length
  }

  /** Reserved bytes stand in the segment at `offset` now. */
  commit(name: { readonly base: number; readonly rewrite: number }, offset: number, bytes: Buffer): void {
    const isLast = bytes === this.#reserved
    const whole = isLast || bytes.buffer === this.#arena.buffer ? this.#arena : bytes
    const at = isLast ? this.#used - bytes.length : bytes.byteOffset - whole.byteOffset
    const last = this.#windows.at(-1)
    if (last && continues(last, name, offset, whole, at)) {
      last.end += bytes.length
      return
    }
    this.#windows.push({ segment: name.base, rewrite: name.rewrite, offset, bytes: whole, at, end: at + bytes.length })
    if (this.#windows.length > KEPT) this.#windows.shift()
  }

  /** The window that holds the byte at `offset`. */
  find(name: { readonly base: number; readonly rewrite: number }, offset: number): Window | undefined {
    for (let index = this.#windows.length - 1; index >= 0; index--) {
      const window = this.#windows[index]
      if (!window || window.segment !== name.base || window.rewrite !== name.rewrite) continue
      if (offset >= window.offset && offset < window.offset + window.end - window.at) return window
    }
    return
  }
}

function continues(
  window: Window,
  name: { readonly base: number; readonly rewrite: number },
  offset: number,
  bytes: Buffer,
  at: number,
): boolean {
  if (window.segment !== name.base || window.rewrite !== name.rewrite || window.bytes !== bytes) return false
  return window.end === at && window.offset + window.end - window.at === offset
}
