// msgpack-reader.ts: the quick way to read many items in the records form (msgpack-writer.ts): null, booleans, numbers,
// texts, bytes, arrays and objects. For anything else in it, and for what makes no sense, it gives up, and msgpackr reads.
//
// What makes it quick: the shape of an object is known by its keys from one document to the next, so that the function
// that makes such objects is compiled once and for all, and not once a document; and the texts of a document are cut out
// of one string of all its bytes, which one native call makes. Short bytes are copied into the pool that Node's own
// Buffer.from takes them from: memory of their own, asked of the system once an item, costs more than all the rest.

import { Shape } from './made-shape.ts'

/** Thrown where msgpackr has to read. */
const OTHER = Symbol('not for this reader')

/** Longer texts are made by a native call of their own, and keep no other bytes in memory. */
const SHORT_TEXT = 64
const FIRST_RECORD = 0x40

const NO_BYTES = Buffer.alloc(0)

export class MsgpackReader {
  #bytes: Buffer = NO_BYTES
  #view: DataView = new DataView(NO_BYTES.buffer)
  #at = 0
  /** All bytes of the document, each as one character; made when the first text is met. */
  #text: string | undefined
  #shapes: (Shape | undefined)[] = []
  readonly #next = (): unknown => this.#value()

  /** The items, or undefined where msgpackr has to read them. */
  read(bytes: Buffer): unknown[] | undefined {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#at = 0
    try {
      const items = this.#value()
      return this.#at === bytes.length && Array.isArray(items) ? items : undefined
    } catch {
      return undefined // Too short, too deep, or something else in it: whoever reads it next tells.
    } finally {
      this.#bytes = NO_BYTES
      this.#text = undefined
      this.#shapes = []
    }
  }

  #value(): unknown {
    const token = this.#byte()
    if (token < FIRST_RECORD) return token
    if (token < 0x80) return this.#object(this.#shapes[token - FIRST_RECORD])
    if (token < 0xa0) return token < 0x90 ? other() : this.#array(token & 0x0f)
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
        return this.#buffer(this.#view.getUint16(this.#skip(2)))
      case 0xc6:
        return this.#buffer(this.#view.getUint32(this.#skip(4)))
      case 0xcc:
        return this.#byte()
      case 0xcd:
        return this.#view.getUint16(this.#skip(2))
      case 0xce:
        return this.#view.getUint32(this.#skip(4))
      case 0xd2:
        return this.#view.getInt32(this.#skip(4))
      case 0xcb:
        return this.#view.getFloat64(this.#skip(8))
      case 0xd9:
        return this.#anyText(this.#byte())
      case 0xda:
        return this.#anyText(this.#view.getUint16(this.#skip(2)))
      case 0xdb:
        return this.#anyText(this.#view.getUint32(this.#skip(4)))
      case 0xdc:
        return this.#array(this.#view.getUint16(this.#skip(2)))
      case 0xdd:
        return this.#array(this.#view.getUint32(this.#skip(4)))
      case 0xd4:
        return this.#defined()
      default:
        return other()
    }
  }

  #byte(): number {
    return this.#bytes[this.#at++] ?? other()
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

  /** A copy: the document's bytes may be used again, and are handed out more than once. */
  #buffer(length: number): Buffer {
    const from = this.#skip(length)
    return this.#at > this.#bytes.length ? other() : Buffer.from(this.#bytes.subarray(from, this.#at))
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
    if (type !== 0x72 || id < FIRST_RECORD || id >= 0x80) return other()
    const keys = this.#value()
    if (!Array.isArray(keys)) return other()
    const shape = Shape.of(keys) ?? other()
    this.#shapes[id - FIRST_RECORD] = shape
    return this.#object(shape)
  }

  #object(shape: Shape | undefined): object {
    return shape === undefined ? other() : shape.make(this.#next)
  }
}

function other(): never {
  throw OTHER
}
