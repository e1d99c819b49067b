// addon.ts: flock(2), by way of fs-ext's addon: the only place that loads it. Once a thread, when it is first needed.
//
// A worker thread loads a copy of its own. The addon keeps static handles, which each load sets anew: loaded in a second
// worker after a first one has ended, it aborts the process. The copy is written, not linked, because the loader knows
// a library by its inode; it is unlinked as soon as it is loaded, and unloaded with its thread (private-folder.ts).

import { randomUUID } from 'node:crypto'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { isMainThread } from 'node:worker_threads'
import { openPlain } from './ours.ts'
import { inPrivateFolder } from './private-folder.ts'

/** Throws the system's error; EAGAIN where LOCK_NB was asked and somebody else holds it. */
export type Flock = (fd: number, operation: number) => void

export const LOCK_SH = 1
export const LOCK_EX = 2
export const LOCK_NB = 4
export const LOCK_UN = 8

type Addon = { readonly flock?: Flock }

type Loaded = { readonly flock: Flock } | { readonly flock: undefined; readonly reason: unknown }

let loaded: Loaded | undefined

/** What was loaded, or why it can't be. */
export function loadFlock(): Loaded {
  loaded ??= load()
  return loaded
}

function load(): Loaded {
  try {
    const require = createRequire(import.meta.url)
    const file = require.resolve('fs-ext/build/Release/fs_ext.node')
    const addon: Addon = isMainThread ? require(file) : loadCopy(file, [os.tmpdir(), path.dirname(file)])
    if (addon.flock === undefined) throw new Error(`${file} has no flock`)
    return { flock: addon.flock }
  } catch (reason) {
    return { flock: undefined, reason }
  }
}

/** A place may be full, read-only, open to others, or mounted so that nothing in it may be run. */
function loadCopy(file: string, places: readonly string[]): Addon {
  const reasons: unknown[] = []
  for (const place of places) {
    try {
      return inPrivateFolder(place, (folder) => loadFrom(folder, fs.readFileSync(file)))
    } catch (reason) {
      reasons.push(reason)
    }
  }
  throw reasons[0]
}

function loadFrom(folder: string, addon: Buffer): Addon {
  // The loader takes a library for one that it has loaded already if the paths are the same.
  const copy = path.join(folder, `spoolq-addon.${randomUUID()}.node`)
  try {
    fs.writeFileSync(copy, addon, { flag: 'wx', mode: 0o700 })
    if (!isCopy(copy, addon)) throw new Error(`${copy} is not what was written there`)
    return open(copy)
  } finally {
    remove(copy)
  }
}

function isCopy(copy: string, addon: Buffer): boolean {
  const fd = openPlain(copy, fs.constants.O_RDONLY)
  try {
    return fs.readFileSync(fd).equals(addon)
  } finally {
    fs.closeSync(fd)
  }
}

function open(copy: string): Addon {
  const module: { readonly exports: Addon } = { exports: {} }
  process.dlopen(module, copy)
  return module.exports
}

/** Windows keeps what is loaded; that copy stays for whoever tidies its folder for temporary files. */
function remove(copy: string): void {
  try {
    fs.rmSync(copy, { force: true })
  } catch {}
}
