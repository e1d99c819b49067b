// life.ts: starts the device, kills it with -9, and starts it again, until it has ended by itself. Half of the kills
// come at the worst moment: the server has taken a batch, and the device has not been told.

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Journey } from './journey.ts'
import type { Screen } from './screen.ts'
import type { Server } from './server.ts'

export interface LifeOptions {
  readonly file: string
  readonly journey: Journey
  readonly total: number
  readonly server: Server
  readonly screen: Screen
}

export interface Life {
  readonly killed: number
}

const program = fileURLToPath(new URL('./device.js', import.meta.url))
const recordingSeconds = 6
const leastPerSecond = 500
/** Shares of the readings at which the device dies: when they have been put, or when the server has taken them. */
const killAt = { put: [0.05, 0.35, 0.65], taken: [0.15, 0.5, 0.8] } as const
const stuckMs = 30_000

export async function runDevice(options: LifeOptions): Promise<Life> {
  const { total, server, screen } = options
  const ahead = (parts: readonly number[]) => parts.map((part) => part * total).filter((at) => at > server.lines.length)
  const dueAt = { put: ahead(killAt.put), taken: ahead(killAt.taken) }
  let device = start(options)
  let killed = 0
  const kill = (at: keyof typeof dueAt, count: number) => {
    if (count < (dueAt[at][0] ?? Infinity) || !device.kill('SIGKILL')) return
    dueAt[at].shift()
    killed++
    screen.tell(`device killed with -9${at === 'taken' ? ', as the server was about to answer' : ''}`)
  }
  server.taken = () => kill('taken', server.lines.length)
  server.turned = () => screen.tell(server.online ? 'network back' : 'network lost')
  for (;;) {
    const running = device
    running.on('message', (number) => {
      screen.recorded = Number(number)
      kill('put', screen.recorded)
    })
    if (await ended(running, server)) return { killed }
    device = start(options)
    screen.tell('device started again')
  }
}

function start({ file, journey, total, server }: LifeOptions): ChildProcess {
  const pace = Math.max(leastPerSecond, total / recordingSeconds)
  const device = fork(program, [file, journey.queue, server.url, String(pace)])
  if (device.pid !== undefined) journey.joined(device.pid)
  return device
}

/** True when the device ended because it was done, false when it was killed. */
async function ended(device: ChildProcess, server: Server): Promise<boolean> {
  const watch = stopWhenStuck(device, server)
  const [code, signal] = await once(device, 'exit')
  clearInterval(watch)
  if (code === 0) return true
  if (signal === 'SIGKILL') return false
  throw new Error(`the device ended by itself: ${signal ?? `exit code ${code}`}`)
}

/** A run that gets nowhere fails instead of waiting for ever. */
function stopWhenStuck(device: ChildProcess, server: Server): NodeJS.Timeout {
  let before = -1
  return setInterval(() => {
    if (server.lines.length === before) device.kill('SIGTERM')
    before = server.lines.length
  }, stuckMs)
}
