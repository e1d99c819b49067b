// byte-copies.ts: the bytes values of a document, as copies of their own: the document's bytes may be used again, and are
// handed out more than once.
//
//    document   │k│ 1 KiB │k│ 1 KiB │k│ 1 KiB │ ┄┄ 16 KiB ┄┄ │        one copy for the long ones that stand together,
//    copy         └───────┴─┴───────┴─┴───────┴ ┄┄ ┄┄ ┄┄ ┄┄ ┄┘        of which each is a part: one alone keeps no more
//
// Memory of their own, asked of the system once a value, would cost more than all the rest. Short ones come from the pool
// that Node's own Buffer.from takes them from.

/** From so many bytes on a value shares a copy, where as much again comes behind it. */
const LONG_BYTES = 512
const COPY_BYTES = 16 * 1024

const NO_BYTES = Buffer.alloc(0)

export class ByteCopies {
  #copy: Buffer = NO_BYTES
  /** Where it stands in the document. */
  #from = 0
  #to = 0

  /** Of the bytes from `from` to `to` of the document, which is the same until `end`. */
  of(document: Buffer, from: number, to: number): Buffer {
    if (to > this.#to && !this.#begin(document, from, to)) return Buffer.from(document.subarray(from, to))
    return this.#copy.subarray(from - this.#from, to - this.#from)
  }

  /** False where it isn't worth it. */
  #begin(document: Buffer, from: number, to: number): boolean {
    if (to - from < LONG_BYTES || document.length - to < to - from) return false
    this.#from = from
    this.#to = Math.max(to, Math.min(from + COPY_BYTES, document.length))
    this.#copy = Buffer.allocUnsafeSlow(this.#to - from)
    this.#copy.set(document.subarray(from, this.#to))
    return true
  }

  /** The document has been read. */
  end(): void {
    this.#copy = NO_BYTES
    this.#to = 0
  }
}
