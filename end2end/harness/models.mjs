// The models of the server that the SDK tests call: each public name stands for a script of the fake upstream.

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
