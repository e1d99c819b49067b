// made-shape.ts: objects of one list of keys, made of values that come one by one. A shape that has been met some times
// is made by a function compiled for it: an object literal, which the engine fills by place and not by name.

const known = new Map<string, Shape>()
const MOST_KNOWN = 1000
/** Characters of the keys of a shape that is remembered: so many shapes stay a few megabytes. */
const LONGEST = 4096
const OFTEN = 16
const MOST_KEYS = 100
// Where code must not be made of strings, each object is filled key by key.
let compiles = true

type Make = (next: () => unknown) => object

export class Shape {
  readonly #keys: readonly string[]
  #made = 0
  #compiled: Make | undefined

  /** Undefined where these are no keys of a plain object. */
  static of(keys: readonly unknown[]): Shape | undefined {
    const name = JSON.stringify(keys)
    const shape = known.get(name) ?? Shape.#new(keys)
    if (shape === undefined || name.length > LONGEST) return shape
    if (known.size === MOST_KNOWN) known.clear()
    known.set(name, shape)
    return shape
  }

  static #new(keys: readonly unknown[]): Shape | undefined {
    const texts = keys.filter((key) => typeof key === 'string' && key !== '__proto__')
    return texts.length === keys.length ? new Shape(texts.map(String)) : undefined
  }

  private constructor(keys: readonly string[]) {
    this.#keys = keys
  }

  make(next: () => unknown): object {
    if (this.#compiled !== undefined) return this.#compiled(next)
    this.#made += 1
    if (this.#made === OFTEN) this.#compile()
    const object: Record<string, unknown> = {}
    for (const key of this.#keys) object[key] = next()
    return object
  }

  #compile(): void {
    if (!compiles || this.#keys.length > MOST_KEYS) return
    const properties = this.#keys.map((key) => `${JSON.stringify(key)}: next()`)
    try {
      this.#compiled = new Function('next', `return { ${properties.join(', ')} }`) as Make
    } catch {
      compiles = false
    }
  }
}
