// msgpack-reader.ts: the quick way to read many items in the records form (msgpack-writer.ts), or one in the plain form: null,
// booleans, numbers, texts, bytes, arrays and objects. For anything else, and for what makes no sense, it gives up, and
// msgpackr reads.
//
// What makes it quick: the shape of an object is known by its keys from one document to the next, so that the function
// that makes such objects is compiled once and for all, and not once a document; and the texts of a document are cut out
// of one string of all its bytes, which one native call makes; its bytes values are copied many at once (byte-copies.ts).
//
// One item alone has its keys in it: of those it is looked whether they are the bytes of the keys of one of the objects
// that were read last and had as many. Where that is seldom so, msgpackr reads for a while.

import { ByteCopies } from './byte-copies.ts'
import { Shape } from './made-shape.ts'

/** Thrown where msgpackr has to read. */
export const OTHER = Symbol('not for this reader')

/** Longer texts are made by a native call of their own, and keep no other bytes in memory. */
const SHORT_TEXT = 64
const FIRST_RECORD = 0x40

/** Shapes of as many keys that are remembered; objects of other ones that may come at once, one in 16 items otherwise. */
const MOST_KNOWN = 6
const STRANGE = 16
/** Of an object whose keys are remembered. */
const MOST_KEY_BYTES = 4096
/** Items that are then left to msgpackr. */
const LEFT = 1000

/** The keys of an object of the plain form, as they stand in it, each before its value. */
interface Known {
  readonly heads: readonly Uint8Array[]
  readonly shape: Shape
}

const NO_BYTES = Buffer.alloc(0)
const NO_VIEW: DataView = new DataView(NO_BYTES.buffer)

export class MsgpackReader {
  #bytes: Buffer = NO_BYTES
  #view = NO_VIEW
  readonly #copies = new ByteCopies()
  #at = 0
  /** All bytes of the document, each as one character; made when the first text is met. */
  #text: string | undefined
  #shapes: (Shape | undefined)[] = []
  readonly #next = (): unknown => this.#value()
  #isPlain = false
  /** By the number of keys; what is met often comes first. */
  readonly #known: Known[][] = []
  /** Items that are left to msgpackr, and objects of unknown keys that may be met before some are. */
  #left = 0
  #strange = STRANGE
  /** Of the object that is being read: its keys, how many of them were met, and whether one was another. */
  #heads: readonly Uint8Array[] = []
  #met = 0
  #missed = false
  readonly #nextPlain = (): unknown => (this.#isNext() ? this.#value() : undefined)

  /** The items, or undefined where msgpackr has to read them. */
  read(bytes: Buffer): unknown[] | undefined {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    const items = this.#whole(bytes, false)
    this.#shapes = []
    return Array.isArray(items) ? items : undefined
  }

  /** The item, or OTHER where msgpackr has to read it. */
  one(bytes: Buffer): unknown {
    if (this.#left > 0) {
      this.#left -= 1
      return OTHER
    }
    if (this.#strange < STRANGE) this.#strange += 1 / 16
    return this.#whole(bytes, true)
  }

  #whole(bytes: Buffer, isPlain: boolean): unknown {
    this.#bytes = bytes
    this.#isPlain = isPlain
    this.#at = 0
    try {
      const value = this.#value()
      return this.#at === bytes.length ? value : OTHER
    } catch {
      return OTHER // Too short, too deep, or something else in it: whoever reads it next tells.
    } finally {
      this.#bytes = NO_BYTES
      this.#text = undefined
      this.#copies.end()
    }
  }

  #value(): unknown {
    const token = this.#byte()
    if (token < FIRST_RECORD) return token
    if (token < 0x80) return this.#object(this.#shapes[token - FIRST_RECORD])
    if (token < 0xa0) return token < 0x90 ? this.#map(token & 0x0f) : this.#array(token & 0x0f)
    if (token < 0xc0) return this.#shortText(token & 0x1f)
    return token < 0xe0 ? this.#marked(token) : token - 0x100
  }

  #marked(token: number): unknown {
    switch (token) {
      case 0xc0:
        return null
      case 0xc2:
        return false
      case 0xc3:
        return true
      case 0xc4:
        return this.#buffer(this.#byte())
      case 0xc5:
        return this.#buffer(this.#uint16())
      case 0xc6:
        return this.#buffer(this.#uint32())
      case 0xcc:
        return this.#byte()
      case 0xcd:
        return this.#uint16()
      case 0xce:
        return this.#uint32()
      case 0xd2:
        return this.#uint32() | 0
      case 0xcb:
        return this.#float()
      case 0xd9:
        return this.#anyText(this.#byte())
      case 0xda:
        return this.#anyText(this.#uint16())
      case 0xdb:
        return this.#anyText(this.#uint32())
      case 0xdc:
        return this.#array(this.#uint16())
      case 0xdd:
        return this.#array(this.#uint32())
      case 0xd4:
        return this.#defined()
      default:
        return other()
    }
  }

  #byte(): number {
    return this.#bytes[this.#at++] ?? other()
  }

  #uint16(): number {
    return (this.#byte() << 8) | this.#byte()
  }

  #uint32(): number {
    const high = this.#uint16()
    return ((high << 16) | this.#uint16()) >>> 0
  }

  /** One number, or a few, are not worth a view. */
  #float(): number {
    const at = this.#skip(8)
    return this.#isPlain ? this.#bytes.readDoubleBE(at) : this.#view.getFloat64(at)
  }

  /** Where those bytes begin. */
  #skip(length: number): number {
    this.#at += length
    return this.#at - length
  }

  #array(length: number): unknown[] {
    const values: unknown[] = []
    for (let i = 0; i < length; i++) values.push(this.#value())
    return values
  }

  #buffer(length: number): Buffer {
    const from = this.#skip(length)
    return this.#at > this.#bytes.length ? other() : this.#copies.of(this.#bytes, from, this.#at)
  }

  #anyText(length: number): string {
    if (length < SHORT_TEXT) return this.#shortText(length)
    const from = this.#skip(length)
    return this.#at > this.#bytes.length ? other() : this.#bytes.toString('utf8', from, this.#at)
  }

  #shortText(length: number): string {
    const from = this.#skip(length)
    const to = this.#at
    const bytes = this.#bytes
    for (let i = from; i < to; i++) if ((bytes[i] ?? other()) >= 0x80) return bytes.toString('utf8', from, to)
    this.#text ??= bytes.toString('latin1')
    return this.#text.slice(from, to)
  }

  /** undefined, or the first object of its shape, behind its keys. */
  #defined(): unknown {
    const type = this.#byte()
    const id = this.#byte()
    if (type === 0 && id === 0) return undefined
    if (this.#isPlain || type !== 0x72 || id < FIRST_RECORD || id >= 0x80) return other()
    const keys = this.#value()
    if (!Array.isArray(keys)) return other()
    const shape = Shape.of(keys) ?? other()
    this.#shapes[id - FIRST_RECORD] = shape
    return this.#object(shape)
  }

  #object(shape: Shape | undefined): object {
    return shape === undefined ? other() : shape.make(this.#next)
  }

  /** An object of the plain form; in the records form a map is a Map. */
  #map(pairs: number): object {
    if (!this.#isPlain) return other()
    const from = this.#at
    this.#known[pairs] ??= []
    const known = this.#known[pairs]
    for (let i = 0; i < known.length; i++) {
      const guess = known[i] ?? other()
      if (!this.#startsWith(guess.heads[0])) continue
      const object = this.#guessed(guess)
      if (object !== undefined) {
        if (i > 0) forward(known, guess, i)
        return object
      }
      this.#at = from
    }
    return this.#unknown(pairs, known)
  }

  #guessed({ heads, shape }: Known): object | undefined {
    const [outer, met] = [this.#heads, this.#met]
    this.#heads = heads
    this.#met = 0
    const object = shape.make(this.#nextPlain)
    const isRight = !this.#missed
    this.#heads = outer
    this.#met = met
    this.#missed = false
    return isRight ? object : undefined
  }

  /** Whether the next key is the one that was guessed; from the first that is not on, nothing more is read. */
  #isNext(): boolean {
    if (this.#missed) return false
    const head = this.#heads[this.#met++] ?? NO_BYTES
    this.#missed = !this.#startsWith(head)
    this.#at += head.length
    return !this.#missed
  }

  #startsWith(head: Uint8Array = NO_BYTES): boolean {
    for (let i = 0; i < head.length; i++) if (this.#bytes[this.#at + i] !== head[i]) return false
    return true
  }

  #unknown(pairs: number, known: Known[]): object {
    this.#strange -= 1
    if (this.#strange < 0) {
      this.#strange = STRANGE
      this.#left = LEFT
    }
    const [keys, heads, values]: [unknown[], Uint8Array[], unknown[]] = [[], [], []]
    let size = 0
    for (let i = 0; i < pairs; i++) {
      const from = this.#at
      keys.push(this.#value())
      size += this.#at - from
      heads.push(Uint8Array.prototype.slice.call(this.#bytes, from, this.#at))
      values.push(this.#value())
    }
    const shape = Shape.of(keys) ?? other()
    if (size <= MOST_KEY_BYTES) known[Math.min(known.length, MOST_KNOWN - 1)] = { heads, shape }
    let next = 0
    return shape.make(() => values[next++])
  }
}

/** One place: those that come in turn would else each time be the last. */
function forward(known: Known[], one: Known, from: number): void {
  known[from] = known[from - 1] ?? one
  known[from - 1] = one
}

function other(): never {
  throw OTHER
}
