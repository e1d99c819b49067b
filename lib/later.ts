// later.ts: the methods that a later version builds. They refuse by name, so that nothing is accepted and ignored.

import { UnsupportedError } from './errors.ts'
import { Handle } from './handle.ts'

export abstract class Later<T> extends Handle<T> {
  /** Not built yet: rejects with UnsupportedError. */
  update(..._: unknown[]): Promise<never> {
    return refuse('update')
  }
}

function refuse(name: string): Promise<never> {
  return Promise.reject(unsupported(name))
}

function unsupported(name: string): UnsupportedError {
  return new UnsupportedError(
    `${name}() is not built yet: no store of this version has it; sqlite, mysql and memory will`,
  )
}
