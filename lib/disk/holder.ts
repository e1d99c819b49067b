// holder.ts: a thread as one line of text, and whether it still lives.
//
//    pid   thread  task            start    boot
//    4711  0       4711/task/4711  9823410  5a1c9f0e-…
//
// `task` is the thread's folder in /proc and `start` when it started, in the kernel's ticks: a pid that was given out
// again, or a worker that has ended in a living process, shows there. Without /proc both are '-', the pid alone tells,
// and a worker counts as alive as long as its process. Processes that can't see each other (pid namespaces of
// containers) count as dead to each other.

import fs from 'node:fs'
import { threadId } from 'node:worker_threads'
import { bootId, sameBoot } from './boot.ts'
import { codeOf } from './disk.ts'

export interface Holder {
  readonly pid: number
  readonly thread: number
  readonly task: string
  readonly start: string
  readonly boot: string
}

const UNKNOWN = '-'
/** Nothing else is looked for in /proc: a line may have been written by anybody. */
const TASK = /^(-|[1-9]\d*\/task\/[1-9]\d*)$/

/** The calling thread. */
export function self(): Holder {
  const task = ownTask()
  return { pid: process.pid, thread: threadId, task, start: statOf(task)?.start ?? UNKNOWN, boot: bootId() }
}

export function format(holder: Holder): string {
  return `${holder.pid} ${holder.thread} ${holder.task} ${holder.start} ${holder.boot}\n`
}

/** `undefined` for what is no holder's line. */
export function parse(text: string): Holder | undefined {
  const [pid, thread, task, start, boot, more] = text.trimEnd().split(' ')
  if (task === undefined || start === undefined || boot === undefined || more !== undefined) return undefined
  if (!(Number(pid) > 0) || !(Number(thread) >= 0) || !TASK.test(task)) return undefined
  return { pid: Number(pid), thread: Number(thread), task, start, boot }
}

export function isAlive(holder: Holder): boolean {
  if (!sameBoot(holder.boot, bootId()) || !processExists(holder.pid)) return false
  if (holder.start === UNKNOWN) return true
  const task = statOf(holder.task)
  if (task !== undefined) return task.start === holder.start && !task.dead
  // No such thread. Where a process exists that /proc doesn't show (hidepid), nothing more is known.
  return statOf(String(holder.pid)) === undefined && processExists(holder.pid)
}

function processExists(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return codeOf(error) !== 'ESRCH'
  }
}

function ownTask(): string {
  try {
    return fs.readlinkSync('/proc/thread-self')
  } catch {
    return UNKNOWN
  }
}

/**
 * The command's name in the stat line may hold blanks and brackets: fields count from the last bracket. A process that
 * was killed is a zombie (Z) until it is waited for; as long as others of its threads are still ending, so is what they do.
 */
function statOf(task: string): { readonly start: string; readonly dead: boolean } | undefined {
  try {
    const line = fs.readFileSync(`/proc/${task}/stat`, 'latin1')
    const fields = line.slice(line.lastIndexOf(')') + 2).split(' ')
    const [state, threads, start] = [fields[0], fields[17], fields[19] ?? UNKNOWN]
    return { start, dead: (state === 'Z' || state === 'X') && Number(threads) <= 1 }
  } catch {
    return undefined
  }
}
