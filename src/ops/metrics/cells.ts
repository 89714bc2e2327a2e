/** One number that only grows. */
export class Tally {
  value = 0
}

/** Counts of one histogram: an array of bounds, so that one observation is a few comparisons and three additions. */
export class Spread {
  readonly bounds: readonly number[]
  /** Per bucket, not cumulated; the last one is +Inf. */
  readonly counts: Float64Array
  sum = 0

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }

  observe(value: number): void {
    const { bounds, counts } = this
    let at = 0
    while (at < bounds.length && value > (bounds[at] as number)) at += 1
    counts[at] = (counts[at] as number) + 1
    this.sum += value
  }
}

/** More label sets than this in one family are counted together, under `other`. */
const MAX_CHILDREN = 20_000

/** All cells of one metric, by label values. */
export class Family<Cell> {
  readonly labels: readonly string[]
  readonly #create: () => Cell
  readonly #max: number
  readonly #children = new Map<string, { readonly values: readonly string[]; readonly cell: Cell }>()

  constructor(labels: readonly string[], create: () => Cell, max: number = MAX_CHILDREN) {
    this.labels = labels
    this.#create = create
    this.#max = max
  }

  /** The cell of these label values, made on first use. Not for the hot path with several labels: keep the cell. */
  cell(...values: string[]): Cell {
    const key = values.length === 1 ? (values[0] as string) : values.join('\u0000')
    const known = this.#children.get(key)
    if (known !== undefined) return known.cell
    if (this.#children.size >= this.#max) return this.#other()
    const cell = this.#create()
    this.#children.set(key, { values, cell })
    return cell
  }

  *entries(): Generator<readonly [Record<string, string>, Cell]> {
    for (const { values, cell } of this.#children.values()) {
      yield [Object.fromEntries(this.labels.map((label, at) => [label, values[at] ?? ''])), cell]
    }
  }

  #other(): Cell {
    const values = this.labels.map(() => 'other')
    const key = values.join('\u0000')
    const known = this.#children.get(key)
    if (known !== undefined) return known.cell
    const cell = this.#create()
    this.#children.set(key, { values, cell })
    return cell
  }
}
