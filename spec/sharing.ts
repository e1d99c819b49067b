// sharing.ts: which spec files share a process. A process costs a quarter of a second before its first test, which is
// more than many files take for theirs, and there are well over a hundred of them.
//
//   A file of one of these folders shares a process with up to seven others of its folder.
//   A file that says in a comment "A process of its own" does not: it counts what the process has open or how much
//   memory it takes, changes its environment or its folder, kills or ends something, starts processes or threads, or is
//   so long that others beside it would only wait.
//
// Each of those that share is a suite of its own. They run one after the other, in the order of their names.

import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const folders = new Set(['.', 'ancestors', 'codec', 'consume', 'log', 'map', 'mysql', 'sqlite', 'wait'])
const own = /^\W*A process of its own\b/m
const MOST = 8

/** The files in the order given, those that share a process together. `here`: the folder that they are in. */
export function processesOf(files: readonly string[], here: string): string[][] {
  const processes: string[][] = []
  const open = new Map<string, string[]>()
  for (const file of files) {
    const folder = dirname(file)
    const mates = sharesAt(join(here, file), folder) ? open.get(folder) : undefined
    if (mates !== undefined && mates.length < MOST) mates.push(file)
    else processes.push(start(file))
  }
  return processes

  function start(file: string): string[] {
    const mates = [file]
    if (sharesAt(join(here, file), dirname(file))) open.set(dirname(file), mates)
    return mates
  }
}

function sharesAt(path: string, folder: string): boolean {
  return folders.has(folder) && !own.test(readFileSync(path, 'utf8'))
}
