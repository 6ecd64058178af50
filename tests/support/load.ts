/** A steady stream of transactions towards one or more nodes, as a client sends it that waits for nothing. */
import { setTimeout as sleep } from 'node:timers/promises';

const TICK_MS = 10;
/** When a request is given up: nothing of ours may take so long. */
const GIVE_UP_MS = 25_000;
/** Requests that are repeated at the same time, and the pause after a 503. */
const REPEATED_AT_ONCE = 20;
const REPEAT_MS = 250;

/** What became of one request. */
export interface Outcome {
  txnId: string;
  /** The node it went to. */
  url: string;
  /** The status of the answer; 0: the connection failed or broke. */
  status: number;
  retryAfter: string | null;
  at: number;
  tookMs: number;
}

/** What a load is made of. */
export interface LoadOptions {
  ratePerS: number;
  key: string;
  /** Where the nth request goes, without the path. */
  urlOf(index: number): string;
  path: string;
  bodyOf(index: number, txnId: string): object;
  /** What the txnIds begin with. */
  name: string;
}

/** A running load. */
export class Load {
  readonly outcomes = new Map<string, Outcome>();
  /** The bodies by txnId, for repeating them. */
  readonly bodies = new Map<string, object>();
  readonly #options: LoadOptions;
  readonly #underWay = new Set<Promise<void>>();
  readonly #running: Promise<void>;
  #isStopped = false;
  #isPaused = false;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    let seenAt = performance.now();
    let sent = 0;
    for (let due = 0; !this.#isStopped; await sleep(TICK_MS)) {
      const now = performance.now();
      if (!this.#isPaused) due += ((now - seenAt) / 1_000) * this.#options.ratePerS;
      seenAt = now;
      for (; sent < due; sent++) this.#send(sent);
    }
  }

  #send(index: number): void {
    const txnId = `${this.#options.name}-${index}`;
    const body = this.#options.bodyOf(index, txnId);
    this.bodies.set(txnId, body);
    const sending = this.#note(txnId, this.#options.urlOf(index));
    this.#underWay.add(sending);
    void sending.finally(() => this.#underWay.delete(sending));
  }

  async #note(txnId: string, url: string): Promise<void> {
    this.outcomes.set(txnId, await this.post(txnId, url));
  }

  /** Sends a request (again). */
  async post(txnId: string, url: string): Promise<Outcome> {
    const { key, path } = this.#options;
    const at = Date.now();
    const outcome = { txnId, url, at, status: 0, retryAfter: null as string | null };
    try {
      const response = await fetch(url + path, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify(this.bodies.get(txnId)),
        signal: AbortSignal.timeout(GIVE_UP_MS),
      });
      await response.arrayBuffer();
      outcome.status = response.status;
      outcome.retryAfter = response.headers.get('retry-after');
    } catch (error) {
      // The node was killed meanwhile: nobody knows what became of it.
      if (!(error instanceof Error)) throw error;
    }
    return { ...outcome, tookMs: Date.now() - at };
  }

  /** Resolves when so many requests have been answered with success in all. */
  async accepted(count: number): Promise<void> {
    while (this.withStatus(200, 202).length < count) await sleep(TICK_MS);
  }

  /** The outcomes with one of the statuses. */
  withStatus(...statuses: number[]): Outcome[] {
    return [...this.outcomes.values()].filter(({ status }) => statuses.includes(status));
  }

  /** Sends nothing for as long as the work takes: what is refused while nobody listens proves little. */
  async pausedFor(work: Promise<void>): Promise<void> {
    this.#isPaused = true;
    await work;
    this.#isPaused = false;
  }

  /** Stops sending; resolves when the last request has been answered. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
    await Promise.all(this.#underWay);
  }

  /** Repeats what got no success, as clients do, until it has one. */
  async repeatTheRest(url: string): Promise<void> {
    const rest = [...this.outcomes.values()].filter(({ status }) => status !== 202 && status !== 200);
    const repeat = async () => {
      for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
        let outcome = await this.post(next.txnId, url);
        while (outcome.status === 503) {
          await sleep(REPEAT_MS);
          outcome = await this.post(next.txnId, url);
        }
        this.outcomes.set(next.txnId, outcome);
      }
    };
    await Promise.all(Array.from({ length: REPEATED_AT_ONCE }, repeat));
  }
}
