// digest.ts: 53 bits that stand for a sequence of numbers, to recognise a state that was tried already without looking
// at its bytes. And the one source of chance here: a generator that is repeated by its seed.

export class Digest {
  #a = 0x2545f491
  #b = 0x1b873593

  add(value: number): this {
    this.#a = Math.imul(this.#a ^ value, 0x9e3779b1)
    this.#a ^= this.#a >>> 15
    this.#b = Math.imul(this.#b + value + 1, 0x85ebca6b)
    this.#b ^= this.#b >>> 13
    return this
  }

  copy(): Digest {
    const copy = new Digest()
    copy.#a = this.#a
    copy.#b = this.#b
    return copy
  }

  /** Adds another sequence, in any order among others added so. */
  join(other: Digest): this {
    this.#a = (this.#a + Math.imul(other.#a ^ (other.#a >>> 16), 0xc2b2ae35)) | 0
    this.#b = (this.#b + Math.imul(other.#b ^ (other.#b >>> 16), 0x27d4eb2f)) | 0
    return this
  }

  get value(): number {
    return (this.#a >>> 0) * 2 ** 21 + (this.#b >>> 11)
  }
}

const texts = new Map<string, number>()

/** A number for a text. */
export function textNumber(text: string): number {
  let number = texts.get(text)
  if (number === undefined) {
    number = 0x811c9dc5
    for (let i = 0; i < text.length; i++) number = Math.imul(number ^ text.charCodeAt(i), 0x01000193)
    texts.set(text, number)
  }
  return number
}

/** Whole numbers from 0 to below `limit`. */
export type Random = (limit: number) => number

/** Mulberry32. */
export function randomOf(seed: number): Random {
  let state = seed | 0
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0
    let word = Math.imul(state ^ (state >>> 15), 1 | state)
    word = (word + Math.imul(word ^ (word >>> 7), 61 | word)) ^ word
    return Math.floor((((word ^ (word >>> 14)) >>> 0) / 2 ** 32) * limit)
  }
}
