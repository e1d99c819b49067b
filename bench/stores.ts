// stores.ts: the queue over SQLite and over MySQL or MariaDB, each beside bare statements that do the same to the same
// rows: batches of a thousand as one transaction. Where there is no server, nothing is said of MySQL.

import { basename } from 'node:path'
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise'
import { AsyncQueue } from '../lib/index.ts'
import { DATABASE, lacking, PASSWORD, Server, USER } from '../spec/mysql/server.ts'
import { BATCH, type Contender, inNoOrder, type Place, type Run, type Task } from './contender.ts'
import { groupsOf, type Item } from './items.ts'
import { type Effort, measure, type Outcome } from './measure.ts'
import { installed } from './peers/find.ts'
import { type Database, openDatabase, sqlite } from './peers/sqlite.ts'
import { tasksOf } from './queue.ts'
import { headline, tableOf } from './report.ts'
import type { Workload } from './workloads.ts'

const BARE = 'bare statements'

interface Options extends Effort {
  readonly wanted: (name: string) => boolean
}

/** One store, and how often the time of the bare statements it may take. */
interface Store {
  readonly name: string
  readonly durability: Workload['durability']
  readonly contenders: readonly Contender[]
  /** Beside these where it is leased. */
  readonly leasing?: readonly Contender[]
  readonly atMost: Partial<Record<Task, number>>
}

export async function stores(options: Options): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  if (installed('better-sqlite3')) outcomes.push(...(await measured(sqliteStore, options)))
  if (!workloadsOf(mysqlStore([])).some(({ title }) => options.wanted(title))) return outcomes
  const lacks = lacking()
  if (lacks !== undefined) {
    console.error(`Not compared: MySQL: ${lacks}`)
    return outcomes
  }
  const server = await Server.start()
  try {
    const contenders = [queueAt(({ folder }) => server.url(basename(folder))), bareMysql(server.port)]
    outcomes.push(...(await measured(mysqlStore(contenders), options)))
  } finally {
    await server.stop()
  }
  return outcomes
}

async function measured(store: Store, options: Options): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const workload of workloadsOf(store)) {
    if (!options.wanted(`${workload.title}, '${workload.durability}', S`)) continue
    if (outcomes.length === 0) console.log(`\n${headline()}`)
    const contenders = [...store.contenders, ...(workload.task === 'lease' ? (store.leasing ?? []) : [])]
    const outcome = await measure({ workload, payload: 'S' }, contenders, options)
    outcomes.push(outcome)
    console.log(tableOf(outcome, workload))
  }
  return outcomes
}

function workloadsOf({ name, durability, atMost }: Store): Workload[] {
  const titles: Partial<Record<Task, string>> = {
    put: 'put, each awaited',
    putMany: 'putMany(1000)',
    'puts at once': '1,000 puts at once',
    'pop(1000)': 'pop(1000)',
    lease: 'lease(1000), ack in no order',
  }
  const tasks = ['put', 'putMany', 'puts at once', 'pop(1000)', 'lease'] as const
  return tasks.map((task) => {
    const times = atMost[task]
    const goals = times === undefined ? [] : [{ against: BARE, atMost: times }]
    const filled = task.startsWith('put') ? {} : { filled: 'putMany' as const }
    return { title: `${name}: ${titles[task]}`, task, durability, goals, ...filled }
  })
}

function queueAt(locationOf: (place: Place) => string): Contender {
  return {
    name: 'spoolq',
    kind: 'queue',
    async open(place) {
      const queue = await AsyncQueue.open<Item>(locationOf(place), { durability: place.durability })
      return { tasks: tasksOf(queue), close: () => queue.close() }
    },
  }
}

const sqliteStore: Store = {
  name: 'SQLite',
  durability: 'os',
  contenders: [queueAt(({ folder }) => `sqlite:${folder}/spoolq.db`), bareSqlite(BARE, byId)],
  leasing: [bareSqlite(`${BARE}, a range`, asRange)],
  atMost: { putMany: 1.5, 'puts at once': 2, 'pop(1000)': 1.5, lease: 1.5 },
}

// 80 % of what the bare statements reach.
const mysqlStore = (contenders: readonly Contender[]): Store => ({
  name: 'MySQL',
  durability: 'disk',
  contenders,
  atMost: { putMany: 1.25, 'puts at once': 1.25, 'pop(1000)': 1.25, lease: 1.25 },
})

type HeldRow = ReturnType<ReturnType<Database['prepare']>['all']>[number]

/** One transaction that deletes rows that are held. */
interface Ack {
  immediate(rows: readonly HeldRow[]): void
}

/** Each by its id, in the order in which they were done with. */
function byId(database: Database): Ack {
  const remove = database.prepare('DELETE FROM held WHERE id = ?')
  return database.transaction((rows: readonly HeldRow[]) => {
    for (const { id } of inNoOrder(rows)) remove.run(id)
  })
}

/** As the one range that they are, whatever that order. (Without a WHERE, SQLite would drop pages and look at no row.) */
function asRange(database: Database): Ack {
  const remove = database.prepare('DELETE FROM held WHERE id BETWEEN ? AND ?')
  return database.transaction((rows: readonly HeldRow[]) => void remove.run(rows.at(0)?.id, rows.at(-1)?.id))
}

/** As the peer, and with what a lease is: rows that one transaction moves to those that are held, and another one deletes. */
function bareSqlite(name: string, makeAck: (database: Database) => Ack): Contender {
  return {
    ...sqlite,
    name,
    kind: 'floor',
    async open(place) {
      const { tasks, ...opened } = await sqlite.open(place)
      const database = openDatabase(place)
      database.exec('CREATE TABLE IF NOT EXISTS held (id INTEGER PRIMARY KEY, v)')
      const take = database.prepare('INSERT INTO held SELECT id, v FROM queue ORDER BY id LIMIT ?')
      const front = database.prepare('SELECT id, v FROM held ORDER BY id')
      const remove = database.prepare('DELETE FROM queue WHERE id <= ?')
      const lease = database.transaction((count: number) => {
        take.run(count)
        const rows = front.all()
        remove.run(rows.at(-1)?.id)
        return rows
      })
      const ack = makeAck(database)
      const leased = ({ items, seen }: Run): void => {
        for (let at = 0; at < items.length; at += BATCH) {
          const rows = lease.immediate(BATCH)
          for (const { v } of rows) seen.see(typeof v === 'string' ? JSON.parse(v) : v)
          ack.immediate(rows)
        }
      }
      const close = async (): Promise<void> => {
        database.close()
        await opened.close()
      }
      return { tasks: { ...tasks, lease: leased }, close }
    },
  }
}

interface Row extends RowDataPacket {
  readonly id: number
  readonly v: Buffer
}

function bareMysql(port: number): Contender {
  return {
    name: BARE,
    kind: 'floor',
    async open({ folder }) {
      const where = { host: '127.0.0.1', port, user: USER, password: PASSWORD, database: DATABASE }
      const connection = await createConnection(where)
      const table = `\`bare ${basename(folder)}\``
      const columns = 'id BIGINT AUTO_INCREMENT PRIMARY KEY, v LONGBLOB NOT NULL, held TINYINT NOT NULL DEFAULT 0'
      await connection.query(`CREATE TABLE ${table} (${columns}, KEY (held, id)) ENGINE=InnoDB`)
      return { tasks: mysqlTasks(connection, table), close: () => connection.end() }
    },
  }
}

function mysqlTasks(connection: Connection, table: string): ReturnType<typeof tasksOf> {
  const insert = `INSERT INTO ${table} (v) VALUES ?`
  const put = (items: readonly Item[]) => connection.query(insert, [items.map((item) => [JSON.stringify(item)])])
  const putGroups = async ({ items }: Run): Promise<void> => {
    for (const group of groupsOf(items, BATCH)) await put(group)
  }
  const front = async (): Promise<Row[]> => {
    const select = `SELECT id, v FROM ${table} WHERE held = 0 ORDER BY id LIMIT ${BATCH} FOR UPDATE SKIP LOCKED`
    const [rows] = await connection.query<Row[]>(select)
    return rows
  }
  /** Takes a thousand, does that to them, and is done. */
  const take = async (run: Run, change: string): Promise<void> => {
    await connection.query('START TRANSACTION')
    const rows = await front()
    await connection.query(`${change} WHERE id BETWEEN ${rows[0]?.id} AND ${rows.at(-1)?.id}`)
    await connection.query('COMMIT')
    for (const { v } of rows) run.seen.see(JSON.parse(v.toString()))
  }
  return {
    put: async ({ items }) => {
      for (const item of items) await put([item])
    },
    putMany: putGroups,
    'puts at once': putGroups,
    'pop(1000)': async (run) => {
      for (let at = 0; at < run.items.length; at += BATCH) await take(run, `DELETE FROM ${table}`)
    },
    lease: async (run) => {
      for (let at = 0; at < run.items.length; at += BATCH) {
        await take(run, `UPDATE ${table} SET held = 1`)
        await connection.query(`DELETE FROM ${table} WHERE held = 1`)
      }
    },
  }
}
