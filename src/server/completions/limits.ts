/** What one request may ask for: more than training sends, and less than an answer or the memory can hold. */
export const limits = {
  /** Prompts of a request. */
  prompts: 4096,
  /** Completions of a request. */
  completions: 16_384,
  /** Tokens that all completions of a request may have: an answer takes some 100 bytes for each. */
  tokens: 2 ** 21,
  /** Stop strings of a request. */
  stopStrings: 16,
  /** Characters of a stop string: the text is searched for it after each token. */
  stopStringLength: 256,
  /** Tokens of a request that end completions. */
  stopTokenIds: 1024,
  /** Characters of a text for each position of the model: tokens of ordinary text have four on average. */
  charactersPerPosition: 20,
  /** Bytes of a request without files. */
  bodyBytes: 32 * 2 ** 20,
  /** Bytes of an adapter's files in a request, in base64. */
  adapterBodyBytes: 256 * 2 ** 20,
  /** Bytes of an adapter_config.json. */
  adapterConfigBytes: 2 ** 20,
} as const
