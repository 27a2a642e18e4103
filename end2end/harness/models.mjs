// The servers and models that the SDK tests call: each public name stands for a script of the fake upstream.

/** Public name -> name and script at the fake upstream; the script's words are in fake_upstream/README.md. */
export const models = {
  "test-chat": "fake-small",
  "test-tools": "fake-small?tool=1",
  "test-embedding": "fake-embedding",
  "broken-400": "fake-small?status=400",
  "broken-401": "fake-small?status=401",
  "broken-404": "fake-small?status=404",
  "broken-413": "fake-small?status=413",
  "broken-429": "fake-small?status=429",
  "broken-500": "fake-small?status=500",
  "broken-cut": "fake-small?chunks=5&cut_after=2",
};

/** How long the limits "per minute" count in the SDK tests. */
export const windowSeconds = 3;

// An answer that comes in pieces keeps its place at the server from its head to its last piece.
const holdForAWhile = "fake-small?chunks=4&chunk_delay_ms=500";
const holdForLong = "fake-small?chunks=2&chunk_delay_ms=60000";

/** Servers with limits. Each test has one for itself, so that tests do not wait for each other. */
export const limitedServers = [
  {
    name: "one-at-a-time",
    models: { "one-hold": holdForAWhile, "one-quick": "fake-small" },
    limits: { concurrency: 1 },
  },
  {
    name: "two-per-window",
    models: { "two-quick": "fake-small" },
    limits: { requests_per_minute: 2 },
  },
  {
    name: "impatient",
    models: { "impatient-hold": holdForLong, "impatient-quick": "fake-small" },
    limits: { concurrency: 1 },
    queue: { length: 10, deadline_ms: 500, overflow: "evict_oldest", order: "fifo" },
  },
  {
    name: "without-queue",
    models: { "without-queue-hold": holdForLong, "without-queue-quick": "fake-small" },
    limits: { concurrency: 1 },
    queue: { length: 0, deadline_ms: 60000, overflow: "evict_oldest", order: "fifo" },
  },
  {
    name: "roomy",
    models: { "roomy-quick": "fake-small" },
    limits: { requests_per_minute: 100, tokens_per_minute: 1000000 },
  },
];
