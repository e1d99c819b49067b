// crash-state.ts: one disk that a crash left. Its name, its key and the disk itself are made when they are asked for:
// many states turn out to be known by then.

import type { Content } from './content.ts'
import type { Mark } from './promises.ts'
import type { RecordingDisk } from './recording-disk.ts'

export type CrashKind = 'kill' | 'cut'

export interface CrashState {
  readonly name: string
  readonly kind: CrashKind
  /** How many ops had happened. */
  readonly prefix: number
  /** What had been promised. */
  readonly marks: readonly Mark[]
  /** The same for the same names and bytes after the same kind of crash, and for nothing else. */
  readonly key: string
  /** Its log goes on from there: after a kill with all that is still loose, after a power cut with the marks only. */
  readonly disk: RecordingDisk
  /** The same disk once more, untouched. */
  copy(): RecordingDisk
}

interface Recipe {
  readonly kind: CrashKind
  readonly prefix: number
  readonly marks: readonly Mark[]
  /** What is on the disk; never changed. */
  readonly content: Content
  readonly bootId: string
  name(): string
  make(): RecordingDisk
}

export class LazyState implements CrashState {
  readonly kind: CrashKind
  readonly prefix: number
  readonly marks: readonly Mark[]
  readonly #recipe: Recipe
  #key: string | undefined
  #disk: RecordingDisk | undefined

  constructor(recipe: Recipe) {
    this.kind = recipe.kind
    this.prefix = recipe.prefix
    this.marks = recipe.marks
    this.#recipe = recipe
  }

  get name(): string {
    return this.#recipe.name()
  }

  get key(): string {
    this.#key ??= `${this.#recipe.bootId}\0${this.#recipe.content.key()}`
    return this.#key
  }

  get disk(): RecordingDisk {
    this.#disk ??= this.copy()
    return this.#disk
  }

  copy(): RecordingDisk {
    return this.#recipe.make()
  }
}
