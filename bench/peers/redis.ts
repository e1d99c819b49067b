// redis.ts: a list, where a redis-server is there: its append-only file synced each second beside 'os', always beside
// 'disk'; RPUSH of a thousand, LPOP with a count. A server a durability, kept between runs, on a socket in a folder of
// its own.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { asyncTasks, type Contender, type Durability } from '../contender.ts'
import type { Item, PayloadName } from '../items.ts'
import { Client, type Reply } from './resp.ts'

const PROGRAM = process.env.REDIS_SERVER ?? 'redis-server'
const START_TRIES = 200

interface Server {
  readonly child: ChildProcess
  readonly client: Client
  readonly folder: string
}

const servers = new Map<Durability, Promise<Server>>()
let runs = 0

export const hasRedis = (): boolean => spawnSync(PROGRAM, ['--version']).status === 0

async function start(durability: Durability): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), 'spoolq-redis-'))
  const socket = join(folder, 'socket')
  const fsync = durability === 'disk' ? 'always' : 'everysec'
  const settings = { port: '0', unixsocket: socket, dir: folder, save: '', appendonly: 'yes', appendfsync: fsync }
  const words = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
  const child = spawn(PROGRAM, words, { stdio: 'ignore' })
  process.once('exit', () => {
    child.kill()
    rmSync(folder, { recursive: true, force: true })
  })
  for (let tries = 0; !existsSync(socket) && tries < START_TRIES; tries++) await sleep(20)
  return { child, client: await Client.connect(socket), folder }
}

async function stop(server: Promise<Server>): Promise<void> {
  const { child, client, folder } = await server
  client.close()
  const ended = once(child, 'exit')
  child.kill()
  await ended
  rmSync(folder, { recursive: true, force: true })
}

const toWord = (item: Item) => Buffer.from(item instanceof Uint8Array ? item : JSON.stringify(item))

function tasksOf(client: Client, key: string, payload: PayloadName) {
  const fromReply = (reply: Reply): Item => {
    if (!Buffer.isBuffer(reply)) throw new Error('Redis sent no item')
    return payload === 'M' ? Buffer.from(reply) : JSON.parse(reply.toString())
  }
  return asyncTasks({
    put: (item) => client.ask('RPUSH', key, toWord(item)),
    putMany: (items) => client.ask('RPUSH', key, ...items.map(toWord)),
    pop: async () => {
      const reply = await client.ask('LPOP', key)
      return reply === null ? undefined : fromReply(reply)
    },
    popMany: async (count) => {
      const replies = await client.ask('LPOP', key, String(count))
      return Array.isArray(replies) ? replies.map(fromReply) : []
    },
  })
}

export const redis: Contender = {
  name: 'Redis',
  kind: 'peer',
  async open({ durability, payload }) {
    const server = servers.get(durability) ?? start(durability)
    servers.set(durability, server)
    const { client } = await server
    const key = `queue-${++runs}`
    const close = async () => void (await client.ask('DEL', key))
    return { tasks: tasksOf(client, key, payload), close }
  },
  async stop() {
    await Promise.all(Array.from(servers.values(), stop))
    servers.clear()
  },
}
