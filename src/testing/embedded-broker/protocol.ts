/** What the broker's process and its starter say to each other. */
export type ToBroker = { readonly ensure: string; readonly id: number }

export type FromBroker =
  | { readonly brokers: string }
  | { readonly failed: string }
  | { readonly ensured: number; readonly error?: string }
