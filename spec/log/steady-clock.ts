// steady-clock.ts: a clock that goes on by the same step at each look. The library takes its clock when it loads: who
// imports this one has to do so before.

let looks: number | undefined
const now = performance.now.bind(performance)

performance.now = () => (looks === undefined ? now() : ++looks * 0.02)

/** Every choice of the library's own that hangs on how fast the machine is hangs on what `run` does. */
export async function steadily<R>(run: () => Promise<R>): Promise<R> {
  looks = 0
  try {
    return await run()
  } finally {
    looks = undefined
  }
}
