// shared-locks.ts: who holds a flock on a folder, as seen by a process that has no flock of its own.
//
// /proc/locks names the holders that the caller's pid namespace shows; those of other containers it leaves out, and on
// btrfs devices have other numbers there. flock(1), which nearly every image has, is asked for them: the kernel refuses it
// an exclusive lock for a moment. Where neither can be had, such holders are not seen.

import fs from 'node:fs'
import path from 'node:path'

/** In words; undefined: none is seen. */
export async function holderOfSharedLock(folder: string): Promise<string | undefined> {
  const pid = listedHolder(fs.statSync(folder, { bigint: true }))
  if (pid !== undefined) return `process ${pid}`
  return (await isRefused(folder)) ? 'a process of another container' : undefined
}

/** Lines of /proc/locks:  `1: FLOCK  ADVISORY  READ  4711 fe:00:1835021 0 EOF`, the device in hexadecimal. */
export function listedHolder({ dev, ino }: { readonly dev: bigint; readonly ino: bigint }): number | undefined {
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & 0xfffff000n)
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xffffff00n)
  const place = ` ${hex(major)}:${hex(minor)}:${ino} `
  const line = readLocks().find((each) => each.includes('FLOCK') && each.includes(place))
  const pid = Number(line?.split(/\s+/)[4])
  return pid > 0 ? pid : undefined
}

function hex(value: bigint): string {
  return value.toString(16).padStart(2, '0')
}

function readLocks(): string[] {
  try {
    return fs.readFileSync('/proc/locks', 'latin1').split('\n')
  } catch {
    return []
  }
}

const REFUSED = 1

async function isRefused(folder: string): Promise<boolean> {
  if (process.platform !== 'linux') return false
  try {
    const { execFile } = await import('node:child_process')
    // Another process has another /proc/self.
    const name = folder.replace(/^\/proc\/self\//, `/proc/${process.pid}/`)
    return await new Promise((resolve) => {
      const child = execFile('flock', ['-n', '-x', path.resolve(name), 'true'], { timeout: 5000 }, () => {
        resolve(child.exitCode === REFUSED)
      })
    })
  } catch {
    return false // Child processes may be forbidden.
  }
}
