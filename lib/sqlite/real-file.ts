// real-file.ts: which file a name means. SQLite keeps the WAL and its locks beside the name that a file is opened by, and the
// queue its owners: so a file has one name for all who open it.
//
//      a symbolic link     the file that it leads to, also where that is still to be made
//      a hard link         refused: nobody can tell which of the names the others use
//      anything else       refused: a folder, a pipe, a device

import fs from 'node:fs'
import path from 'node:path'
import { codeOf } from '../disk/disk.ts'
import { StorageError } from '../errors.ts'

/** As many as Linux follows. */
const LINKS_MAX = 40

/** The path of the file itself, with no link in it. Throws StorageError where a link leads in a circle, or nowhere. */
export function realFileOf(file: string): string {
  try {
    return followed(path.resolve(file), LINKS_MAX)
  } catch (cause) {
    if (codeOf(cause) === '') throw cause
    throw new StorageError(`${file}: ${cause instanceof Error ? cause.message : cause}`, { cause })
  }
}

function followed(file: string, links: number): string {
  if (fs.existsSync(file)) return fs.realpathSync.native(file)
  const folder = fs.realpathSync.native(path.dirname(file))
  const target = linkAt(path.join(folder, path.basename(file)))
  if (target === undefined) return path.join(folder, path.basename(file))
  if (links === 0) throw new StorageError(`${file}: its links lead in a circle`)
  return followed(path.resolve(folder, target), links - 1)
}

/** Where the link leads; undefined where nothing has the name. */
function linkAt(file: string): string | undefined {
  try {
    return fs.readlinkSync(file)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Whether the file is there. Throws StorageError where what is there is no regular file, or has another name. */
export function isThere(file: string): boolean {
  let found = fs.lstatSync(file, { throwIfNoEntry: false })
  if (found === undefined) return false
  if (!found.isFile()) throw new StorageError(`${file}: it is no regular file: name one, or a new one`)
  if (found.nlink > 1) {
    removeDrafts(file, found)
    found = fs.lstatSync(file)
  }
  if (found.nlink <= 1) return true
  throw new StorageError(
    `${file}: it has ${found.nlink} names (hard links), and SQLite keeps what it writes beside the one it is opened by: remove the others`,
  )
}

/** Which file has the name; '' where none has. */
export function identityOf(file: string): string {
  const found = fs.statSync(file, { throwIfNoEntry: false })
  return found === undefined ? '' : `${found.dev}:${found.ino}`
}

/** What a file is made under until it has its name. */
export function draftOf(file: string, random: string): string {
  return path.join(path.dirname(file), `${draftStart(file)}${random}.tmp`)
}

function draftStart(file: string): string {
  return `.${path.basename(file)}.`
}

/** Names that a maker of the file has left, or is about to remove. */
function removeDrafts(file: string, { dev, ino }: fs.Stats): void {
  const folder = path.dirname(file)
  for (const name of fs.readdirSync(folder)) {
    if (!name.startsWith(draftStart(file)) || !name.endsWith('.tmp')) continue
    const draft = path.join(folder, name)
    const own = fs.lstatSync(draft, { throwIfNoEntry: false })
    if (own?.dev === dev && own.ino === ino) removeName(draft)
  }
}

/** Somebody else may have removed it. */
export function removeName(file: string): void {
  try {
    fs.unlinkSync(file)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
  }
}
