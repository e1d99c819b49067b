// permitted.ts: what Node's permission model has to allow for a database. It is asked in the thread that opens: a worker thread
// is not bound by it, and SQLite itself asks nobody, so what is forbidden here would be done there all the same.

import path from 'node:path'
import { StorageError } from '../errors.ts'
import { ownersFolder } from './marks.ts'

interface Permission {
  has(scope: string, reference?: string): boolean
}

/** Throws a StorageError that says what to allow. `file`: undefined in memory. */
export function assertPermitted(file: string | undefined, permission = permissionOfNode()): void {
  if (permission === undefined) return
  const missing = [
    ...(permission.has('worker') ? [] : ['--allow-worker']),
    ...(file === undefined ? [] : ['read', 'write'].flatMap((scope) => missingFor(scope, file, permission))),
  ]
  if (missing.length === 0) return
  throw new StorageError(`${file ?? 'sqlite::memory:'}: Node's permission model forbids it: add ${missing.join(' ')}`)
}

/** A folder, because the files beside the database come and go with it. */
function missingFor(scope: string, file: string, permission: Permission): string[] {
  const files = [file, `${file}-wal`, `${file}-shm`, ownersFolder(file)]
  const isAllowed = files.every((each) => permission.has(`fs.${scope}`, each))
  return isAllowed ? [] : [`--allow-fs-${scope}=${path.dirname(file)}`]
}

/** Undefined where no model is asked for. */
function permissionOfNode(): Permission | undefined {
  const { permission }: { readonly permission?: Permission } = process
  return permission
}
