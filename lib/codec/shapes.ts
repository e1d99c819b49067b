// shapes.ts: the key lists of one document's objects, each under an id from 0 to 63. What comes behind what is
// remembered, so that the shape of the next object is most often found by comparing its keys with a guess.

const IDS = 64

/** A list of keys. */
export interface Shape {
  readonly keys: readonly string[]
  id: number
  next: Shape | undefined
}

export class Shapes {
  readonly #first: Shape = { keys: [], id: -1, next: undefined }
  readonly #byKeys = new Map<string, Shape>()
  readonly #byId: Shape[] = []
  #last = this.#first
  #given = 0

  clear(): void {
    this.#last = this.#first
    this.#first.next = undefined
    if (this.#given === 0) return
    this.#given = 0
    this.#byKeys.clear()
    this.#byId.length = 0
  }

  /** The shape of an object whose enumerable keys, in order, are all its own; else undefined. */
  of(value: object): Shape | undefined {
    const guess = this.#last.next
    const shape = guess !== undefined && hasKeys(value, guess.keys) ? guess : this.#find(value)
    if (shape === undefined) return undefined
    this.#last.next = shape
    this.#last = shape
    return shape
  }

  #find(value: object): Shape | undefined {
    const keys = Object.keys(value)
    const name = keys.join()
    const known = this.#byKeys.get(name)
    if (known !== undefined && hasKeys(value, known.keys)) return known
    if (!hasKeys(value, keys)) return undefined
    const shape = { keys, id: -1, next: undefined }
    this.#byKeys.set(name, shape)
    return shape
  }

  /** True while the shape's id means this shape. */
  isDefined(shape: Shape): boolean {
    return this.#byId[shape.id] === shape
  }

  /** Gives the shape an id; with all in use, the one that was given first. */
  define(shape: Shape): void {
    shape.id = this.#given++ % IDS
    this.#byId[shape.id] = shape
  }
}

// for … in, because the engine then reads the values by their place and not by name. It walks inherited keys too.
function hasKeys(value: object, keys: readonly string[]): boolean {
  let i = 0
  for (const key in value) if (key !== keys[i++]) return false
  return i === keys.length
}
