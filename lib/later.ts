// later.ts: the methods that a later version builds. They refuse by name, so that nothing is accepted and ignored.

import { UnsupportedError } from './errors.ts'
import { Handle } from './handle.ts'

export abstract class Later<T> extends Handle<T> {
  /** Not built yet: rejects with UnsupportedError. */
  update(..._: unknown[]): Promise<never> {
    return refuse('update')
  }

  /** Not built yet: rejects with UnsupportedError. */
  copyTo(..._: unknown[]): Promise<never> {
    return refuse('copyTo')
  }
}

function refuse(name: string): Promise<never> {
  return Promise.reject(unsupported(name))
}

function unsupported(name: string): UnsupportedError {
  const stores = name === 'update' ? 'sqlite, mysql and memory' : 'every store'
  return new UnsupportedError(`${name}() is not built yet: no store of this version has it; ${stores} will`)
}
