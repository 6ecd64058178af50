import type { Log } from '#ports/log.ts';

/** Work that repeats until it is stopped. */
export interface Loop {
  /** Runs it soon, however far off its next turn is. */
  hurry(): void;
  /** Resolves when the turn under way, if any, is over. */
  stop(): Promise<void>;
}

/**
 * Runs `turn` again and again, never twice at once. A turn that throws is logged once per outage and tried again.
 * @param turn returns the pause before the next turn, in ms.
 */
export function startLoop(name: string, log: Log, turn: () => Promise<number>, retryMs = 500): Loop {
  let timer: NodeJS.Timeout | null = null;
  let running: Promise<void> | null = null;
  let isStopped = false;
  let isHurried = false;
  let isFailing = false;

  async function run(): Promise<void> {
    timer = null;
    let pauseMs = retryMs;
    try {
      pauseMs = await turn();
      if (isFailing) log.info({ loop: name }, 'a background loop works again');
      isFailing = false;
    } catch (error) {
      if (!isFailing) log.warn({ loop: name, error }, 'a background loop failed; it is tried again');
      isFailing = true;
    }
    running = null;
    if (!isStopped) plan(isHurried && !isFailing ? 0 : pauseMs);
    isHurried = false;
  }

  function plan(delayMs: number): void {
    timer = setTimeout(() => {
      running = run();
    }, delayMs);
  }

  plan(0);
  return {
    hurry: () => {
      isHurried = true;
      if (!timer || isFailing || isStopped) return;
      clearTimeout(timer);
      plan(0);
    },
    stop: async () => {
      isStopped = true;
      if (timer) clearTimeout(timer);
      await running;
    },
  };
}
